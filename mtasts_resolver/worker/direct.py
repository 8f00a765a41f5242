"""Discovery in this process: DNS and policy hosts, asked as the configuration says."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtasts_resolver.config import Config, ConfigError, Fault
from mtasts_resolver.discovery.dane import FAILURE_LIFETIME, discover_dane
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.dns.validators import probe, trusted
from mtasts_resolver.discovery.errors import (
    DnsAnswerError,
    FetchCostError,
    FetchError,
    ObservationCostError,
    ShortageError,
)
from mtasts_resolver.discovery.findings import (
    FoundDane,
    FoundRecord,
    FoundSts,
    Probe,
)
from mtasts_resolver.discovery.policyhost.fetch import PolicyFetcher
from mtasts_resolver.discovery.record import lookup_record
from mtasts_resolver.discovery.services import Services
from mtasts_resolver.discovery.trace import Trace
from mtasts_resolver.policy import Dane, DaneFinding, Policy, parse_next_hop
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.worker.metering import charged

if TYPE_CHECKING:
    from mtasts_resolver.published.observe import Observer


class DirectDiscoverer:
    """A Discoverer that does the work itself; with a `trace` it tells of each step."""

    def __init__(
        self,
        dns: DnsClient,
        fetcher: PolicyFetcher,
        validating: DnsClient,
        trace: Trace | None,
        config: Config | None = None,
    ) -> None:
        self.dns = dns
        """Asks any of the configured name servers."""
        self._fetcher = fetcher
        self._validating = validating
        self._mail_hosts = validating.remembering()
        self._services = Services()
        self._trace = trace
        self._config = config or Config()
        self._observer: Observer | None = None
        self._observing = asyncio.Lock()

    @classmethod
    def configured(cls, config: Config, trace: Trace | None = None) -> "DirectDiscoverer":
        """Return the one that `config` describes. Raise ConfigError."""
        dns = DnsClient(config.dns.servers, timeout=config.dns.timeout)
        https = config.https
        try:
            fetcher = PolicyFetcher(
                dns,
                timeout=https.timeout,
                ca_file=https.ca_file,
                proxy=https.proxy,
                allow_networks=https.allow_networks,
            )
        except ValueError as error:
            raise ConfigError([Fault(str(error), "$.https.ca_file")]) from None
        return cls(dns, fetcher, trusted(dns, config.dns.dnssec), trace, config)

    async def record(self, domain: str) -> FoundRecord:
        """Return the policy record of `domain`. Raise DnsError or NoRecordError."""
        return await lookup_record(self.dns, domain, self._trace)

    async def sts(self, domain: str, known_ids: Sequence[str]) -> FoundSts:
        record = await self.record(domain)
        if record.policy_id in known_ids:
            return FoundSts(record, None)
        try:
            return FoundSts(record, await self.policy(domain))
        except FetchError as error:
            error.record = record
            raise

    async def policy(self, domain: str) -> Policy:
        with charged(FetchCostError, f"the policy host of {domain}"):
            return await self._fetcher.fetch_policy(domain, self._trace)

    async def dane(self, next_hop: str) -> FoundDane:
        hop = parse_next_hop(next_hop)
        if hop is None:
            raise ValueError(f"{next_hop!a} is no next hop")
        try:
            with charged(DnsAnswerError, f"the MX hosts of {next_hop}"):
                return await discover_dane(self._mail_hosts, hop, self._trace, self._services)
        except DnsAnswerError as error:
            finding = DaneFinding(Dane.UNKNOWN, str(error), code=error.code)
            return FoundDane(finding, FAILURE_LIFETIME)

    async def hosts(self, next_hop: str) -> FoundDane:
        return await self.dane(next_hop)

    async def probe(self) -> Probe:
        return await probe(self._validating)

    async def published(self, domain: str, *, smtp: bool) -> Observed:
        async with self._observing:
            if self._observer is None:
                self._observer = await asyncio.to_thread(_make_observer, self._config)
            with charged(ObservationCostError, f"looking at {domain}"):
                return await self._observer.observe(domain, smtp=smtp)


def _make_observer(config: Config) -> "Observer":
    """Return what looks at domains, whose libraries and trust stores nobody else needs."""
    from mtasts_resolver.published.observe import Observer  # noqa: PLC0415

    try:
        return Observer.configured(config)
    except ConfigError as error:  # the trust store was there when this process began
        raise ShortageError(str(error)) from None
