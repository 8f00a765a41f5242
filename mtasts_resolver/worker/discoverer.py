"""What the rest of the program asks of discovery, whichever process it runs in."""

from collections.abc import Sequence
from typing import Protocol

from mtasts_resolver.discovery.findings import FoundDane, FoundSts, Probe
from mtasts_resolver.policy import Policy
from mtasts_resolver.published.observed import Observed


class Discoverer(Protocol):
    """Whoever asks DNS and policy hosts. Domains are A-label names.

    OverloadedError from any of these says that it was our own fault: nothing is known, try again.
    """

    async def sts(self, domain: str, known_ids: Sequence[str]) -> FoundSts:
        """Return the policy record of `domain`, and the policy unless its id is one of `known_ids`.

        Raise DnsError, NoRecordError, or a FetchError that has the record.
        """

    async def policy(self, domain: str) -> Policy:
        """Return the policy that the policy host of `domain` serves. Raise FetchError, DnsError."""

    async def dane(self, next_hop: str) -> FoundDane:
        """Return what is known of DANE at the hosts of `next_hop`, which is a NextHop as text."""

    async def hosts(self, next_hop: str) -> FoundDane:
        """Return the same with what was found of each host, for an administrator."""

    async def probe(self) -> Probe:
        """Ask the trusted name servers for what every validating one can prove. Raise DnsError."""


class SetUpDiscoverer(Protocol):
    """Whoever looks at all that a domain publishes."""

    async def published(self, domain: str, *, smtp: bool) -> Observed:
        """Return what is seen of `domain`; without `smtp` no MX host is talked to.

        It takes minutes where hosts are silent, and one is looked at after the other. Raise
        OverloadedError, as a Discoverer does, and ObservationCostError where it took too much.
        """
