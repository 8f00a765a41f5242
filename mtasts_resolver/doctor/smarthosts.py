"""What a smart host's own policy domain publishes: a policy that does not name it holds mail."""

import asyncio
import time
from contextlib import suppress

from dns.rdatatype import RdataType

from mtasts_resolver.config import Config, ConfigError
from mtasts_resolver.discovery.errors import DiscoveryError, DnsError, ShortageError
from mtasts_resolver.discovery.mx import mx_hosts
from mtasts_resolver.doctor.looking import FindPolicy
from mtasts_resolver.doctor.surroundings import SmartHostPolicy
from mtasts_resolver.policy import NextHop
from mtasts_resolver.worker.direct import DirectDiscoverer

# Seconds for all smart hosts together: somebody waits, and where name servers do not answer, which
# others tell, each takes its time.
PATIENCE = 60.0


def policy_finder(config: Config, patience: float = PATIENCE) -> FindPolicy:
    """Return what finds out a next hop's policy as the daemon would, for so many seconds."""
    left = patience

    def find(hop: NextHop) -> SmartHostPolicy | None:
        nonlocal left
        if left <= 0:
            return None
        begun = time.monotonic()
        try:
            return asyncio.run(_find(hop, config, left))
        finally:
            left -= time.monotonic() - begun

    return find


async def _find(hop: NextHop, config: Config, patience: float) -> SmartHostPolicy | None:
    """Return the policy; None where there is none, or none can be found now."""
    try:
        async with asyncio.timeout(patience):
            return await _published(hop, DirectDiscoverer.configured(config))
    except (DiscoveryError, ConfigError, ShortageError, TimeoutError):
        return None  # then it holds no mail


async def _published(hop: NextHop, discoverer: DirectDiscoverer) -> SmartHostPolicy | None:
    policy = (await discoverer.sts(hop.domain, ())).policy
    if policy is None:
        return None
    hosts: tuple[str, ...] = (hop.domain,)
    if not hop.is_host:
        hosts = ()
        with suppress(DnsError, ShortageError):
            hosts = tuple(mx_hosts(await discoverer.dns.query(hop.domain, RdataType.MX)))
    return SmartHostPolicy(mode=policy.mode, mx=policy.mx, hosts=hosts)
