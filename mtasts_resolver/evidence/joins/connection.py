"""What is found out of one connection; all recipients that went over it share it."""

from typing import NamedTuple

from mtasts_resolver.evidence.deliveries import Doubt, Encryption
from mtasts_resolver.maillog.events import Cause, LoggedTls


class Join:
    """Whether a connection had TLS, and which."""

    __slots__ = ("doubt", "encryption", "level", "tls")

    def __init__(
        self,
        encryption: Encryption,
        tls: LoggedTls | None = None,
        level: str = "",
        doubt: Doubt | None = None,
    ) -> None:
        self.encryption = encryption
        self.tls = tls
        self.level = level
        self.doubt = doubt


PLAIN = Join(Encryption.PLAIN, level="none")
NO_SESSION = Join(Encryption.PLAIN, level="none")
"""None was logged: it was plain, if its service logs them."""
AMBIGUOUS = Join(Encryption.UNKNOWN, doubt=Doubt.AMBIGUOUS)
UNCONNECTED = Join(Encryption.UNKNOWN)
"""Nobody was connected to: there is nothing to doubt."""
IN_DOUBT = {doubt: Join(Encryption.UNKNOWN, doubt=doubt) for doubt in Doubt}


class Why(NamedTuple):
    """Why TLS held a delivery, in the report's word and in Postfix's."""

    cause: Cause | None
    reason: str
