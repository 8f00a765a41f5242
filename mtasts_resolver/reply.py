"""What Postfix is told: the reply to one look-up, before a wire protocol encodes it."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The outcomes that socketmap_table(5) knows and tcp_table(5) can express."""

    OK = "OK"
    NOTFOUND = "NOTFOUND"
    TEMP = "TEMP"
    PERM = "PERM"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one look-up.

    `text` is the value for OK, the reason for TEMP and PERM (Postfix logs it), and empty for
    NOTFOUND. `fallback` is what to send where the protocol cannot hold this reply.
    """

    status: Status
    text: str = ""
    fallback: "Reply | None" = None
