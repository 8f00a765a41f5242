"""What a smart host's own policy domain publishes: a policy that does not name it holds mail."""

import asyncio
from contextlib import suppress

from dns.rdatatype import RdataType

from mtasts_resolver.config import Config, ConfigError
from mtasts_resolver.discovery.errors import DiscoveryError, DnsError, ShortageError
from mtasts_resolver.discovery.mx import mx_hosts
from mtasts_resolver.doctor.looking import FindPolicy
from mtasts_resolver.doctor.surroundings import SmartHostPolicy
from mtasts_resolver.policy import NextHop
from mtasts_resolver.worker.direct import DirectDiscoverer


def policy_finder(config: Config) -> FindPolicy:
    """Return what finds out a next hop's policy as the daemon would."""

    def find(hop: NextHop) -> SmartHostPolicy | None:
        return asyncio.run(_find(hop, config))

    return find


async def _find(hop: NextHop, config: Config) -> SmartHostPolicy | None:
    """Return the policy; None where there is none, or none can be found now."""
    try:
        discoverer = DirectDiscoverer.configured(config)
        policy = (await discoverer.sts(hop.domain, ())).policy
    except (DiscoveryError, ConfigError, ShortageError):
        return None  # then it holds no mail
    if policy is None:
        return None
    hosts: tuple[str, ...] = (hop.domain,)
    if not hop.is_host:
        hosts = ()
        with suppress(DnsError, ShortageError):
            hosts = tuple(mx_hosts(await discoverer.dns.query(hop.domain, RdataType.MX)))
    return SmartHostPolicy(mode=policy.mode, mx=policy.mx, hosts=hosts)
