"""What Postfix was told of a next hop, and when: by whose word a session was verified."""

from typing import Protocol

from msgspec import Struct

# Levels at which Postfix sends nothing to who is not verified (smtp_tls_security_level(5)).
_ENFORCING = frozenset({"secure", "verify", "fingerprint", "dane-only"})


class Told(Struct, frozen=True):
    """What the daemon said of a domain at a time."""

    action: str
    """`secure`, `dane`, `dane-only`, `may`, `encrypt`, `notfound`, `temp`; `` if unknown."""
    because: str
    """`mta-sts`, `dane`, `override`; empty where nothing was demanded, or it is not known."""

    @property
    def enforced(self) -> bool:
        """Tell whether mail must not go out unverified."""
        return self.action in _ENFORCING


UNKNOWN = Told("", "")


class ToldMemory(Protocol):
    """What is known of that."""

    def told(self, domain: str, time: float | None) -> Told:
        """Return what Postfix was told of `domain` (A-label form) at `time`; UNKNOWN at worst.

        Another next hop than a domain is spelled as Postfix does: `[relay.example]:587`.
        """


class NothingTold:
    """The memory of whoever cannot ask."""

    def told(self, domain: str, time: float | None) -> Told:  # noqa: ARG002  as it is called
        """Return that it is not known."""
        return UNKNOWN
