"""The parts that ask DNS and policy hosts, built as the configuration says."""

import asyncio
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from mtasts_resolver.config import Config, ConfigError
from mtasts_resolver.discovery.dns import DnsClient

if TYPE_CHECKING:
    from mtasts_resolver.discovery.findings import FetchedPolicy
    from mtasts_resolver.discovery.https import PolicyFetcher


def dns_client(config: Config) -> DnsClient:
    """Return a DNS client."""
    return DnsClient(config.dns.servers, timeout=config.dns.timeout)


def policy_fetcher(dns: DnsClient, config: Config) -> "PolicyFetcher":
    """Return a fetcher of policies; ConfigError where what the configuration names is no use."""
    # Imported here: httpx takes longer to import than the daemon may take to start.
    from mtasts_resolver.discovery.https import PolicyFetcher  # noqa: PLC0415

    https = config.https
    try:
        return PolicyFetcher(
            dns,
            timeout=https.timeout,
            ca_file=None if https.ca_file is None else Path(https.ca_file),
            proxy=https.proxy,
            allow_networks=[ip_network(text) for text in https.allow_networks],
        )
    except ValueError as error:
        raise ConfigError([f"https: {error}"]) from None


class LateFetcher:
    """A PolicyFetcher that is made when it is first needed, aside, so that nothing waits for it.

    Where the configuration names files or a proxy it is made at once, so that faults are found.
    """

    def __init__(self, dns: DnsClient, config: Config) -> None:
        self._make = partial(policy_fetcher, dns, config)
        self._made: asyncio.Future[PolicyFetcher] | None = None
        self._fetcher: PolicyFetcher | None = None
        if config.https.ca_file is not None or config.https.proxy is not None:
            self._fetcher = self._make()

    async def fetch_policy(self, domain: str) -> "FetchedPolicy":
        """Return the policy of `domain`, as PolicyFetcher does."""
        if self._fetcher is None:
            made = self._made = self._made or asyncio.ensure_future(asyncio.to_thread(self._make))
            try:
                self._fetcher = await asyncio.shield(made)
            finally:
                if made.done():
                    self._made = None  # after a failure the next fetch tries again
        return await self._fetcher.fetch_policy(domain)
