"""The parts that ask DNS and policy hosts, built as the configuration says."""

from ipaddress import ip_network
from pathlib import Path

from mtasts_resolver.config import Config, ConfigError
from mtasts_resolver.discovery.dns import DnsClient
from mtasts_resolver.discovery.https import PolicyFetcher


def dns_client(config: Config) -> DnsClient:
    """Return a DNS client."""
    return DnsClient(config.dns.servers, timeout=config.dns.timeout)


def policy_fetcher(dns: DnsClient, config: Config) -> PolicyFetcher:
    """Return a fetcher of policies; ConfigError where what the configuration names is no use."""
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
