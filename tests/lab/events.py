"""What the hosts of the lab report, and what they are told, as JSON lines."""

import msgspec

from .published import PolicyHost


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Every host is up."""


class Mail(msgspec.Struct, frozen=True, tag=True):
    """A receiver took a mail."""

    host: str
    recipient: str
    tls: bool
    sni: str | None
    version: str = ""
    cipher: str = ""
    """Of the TLS session, as the receiver's library has them."""


class Fetch(msgspec.Struct, frozen=True, tag=True):
    """A policy host was asked for something."""

    domain: str
    host: str
    path: str
    sni: str | None


class Changed(msgspec.Struct, frozen=True, tag=True):
    """A policy host now does what it was told."""

    domain: str


class Told(msgspec.Struct, frozen=True, tag=True):
    """Everything that happened before the question is told."""

    number: int


class TellAll(msgspec.Struct, frozen=True, tag=True):
    """Asks for `Told`."""

    number: int


class Change(msgspec.Struct, frozen=True, tag=True):
    """Tells a policy host what to serve, and how, from now on."""

    domain: str
    document: bytes
    policy_host: PolicyHost


Event = Ready | Mail | Fetch | Changed | Told
Order = Change | TellAll
