"""What discoveries bring home: plain values, which need no library to be understood."""

from typing import NamedTuple

from mtasts_resolver.policy import DaneFinding, Policy


class FoundRecord(NamedTuple):
    """The usable policy record of a domain."""

    policy_id: str
    ttl: float
    """For how many seconds it may be believed."""


class FoundSts(NamedTuple):
    """What one discovery of MTA-STS brings home."""

    record: FoundRecord
    policy: Policy | None
    """None where it was not to be fetched, since its id is known."""


class FoundDane(NamedTuple):
    """What was found, and for how many seconds it may be believed."""

    finding: DaneFinding
    lifetime: float


class Probe(NamedTuple):
    """What trusted name servers said of a name that every validating one can prove."""

    authenticated: bool
    answered: tuple[str, ...]
    """The server that said so."""
    trusted: tuple[str, ...]
    """All that may be asked."""
    why_not: str = ""
    """Why it is not authenticated, in words for an administrator."""
