"""What the daemon and its discoverer say to each other, in MessagePack.

Both ends are of one version (`process.STARTED_BY`), so the messages have none.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from mtasts_resolver.config import Config, Fault, decode_value, encode_value
from mtasts_resolver.discovery import errors
from mtasts_resolver.discovery.errors import DiscoveryError, DnsError, FetchError, NoRecordError
from mtasts_resolver.discovery.findings import FoundRecord

Question = Literal["sts", "policy", "dane", "hosts", "probe", "published"]

MAX_REASON_CHARS = 2_000  # of an error; what an administrator reads is far shorter


class Configure(Struct, tag=True):
    """From the daemon: what to work by. The first message; later ones only change the log."""

    config: Config


class Ask(Struct, tag=True):
    """From the daemon: find something out."""

    number: int
    question: Question
    about: str
    """The policy domain; of the questions `dane` and `hosts` the next hop, of `probe` nothing."""
    known_ids: tuple[str, ...] = ()
    """Of policies that are not to be fetched."""
    smtp: bool = True
    """Of the question `published`: whether to talk to MX hosts, too."""


class Ping(Struct, tag=True):
    """From the daemon: show that you are at work."""


class Ready(Struct, tag=True):
    """To the daemon: the configuration can be used."""


class Unusable(Struct, tag=True):
    """To the daemon: the configuration cannot be used."""

    fault: Fault


class Found(Struct, tag=True):
    """To the daemon: what `number` asked for."""

    number: int
    found: msgspec.Raw
    """A value of findings.py, or an Observed: who asked knows which."""


class Failed(Struct, tag=True):
    """To the daemon: `number` has met with this DiscoveryError."""

    number: int
    code: str
    reason: str
    ttl: float = 0.0
    """Of a NoRecordError."""
    record: FoundRecord | None = None
    """Of a FetchError."""
    outage: bool = False
    """Of a DnsError."""


class Overloaded(Struct, tag=True):
    """To the daemon: `number` could not be done in time, or at all, for reasons of our own."""

    number: int
    reason: str


class Misconfigured(Struct, tag=True):
    """To the daemon: `number` cannot be done, for the configuration is Unusable."""

    number: int
    reason: str


class Pong(Struct, tag=True):
    """To the daemon: the answer to Ping."""


ToDiscoverer = Configure | Ask | Ping
Result = Found | Failed | Overloaded | Misconfigured
ToDaemon = Ready | Unusable | Result | Pong

encode = msgspec.msgpack.Encoder(enc_hook=encode_value).encode
decode_for_discoverer = msgspec.msgpack.Decoder(ToDiscoverer, dec_hook=decode_value).decode
decode_for_daemon = msgspec.msgpack.Decoder(ToDaemon).decode


_NO_RECORD = {"no-record": True, "record-invalid": False}
_ERRORS: dict[str, type[DiscoveryError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, DiscoveryError) and kind is not NoRecordError
}


def failed(number: int, error: DiscoveryError) -> Failed:
    """Return the message that `error_of` reads as `error`."""
    ttl = error.ttl if isinstance(error, NoRecordError) else 0.0
    record = error.record if isinstance(error, FetchError) else None
    outage = isinstance(error, DnsError) and error.outage
    return Failed(number, error.code, str(error)[:MAX_REASON_CHARS], ttl, record, outage)


def error_of(message: Failed) -> DiscoveryError:
    """Return the error that the discoverer met with."""
    if message.code in _NO_RECORD:
        absent = _NO_RECORD[message.code]
        return NoRecordError(message.reason, ttl=message.ttl, absent=absent)
    error = _ERRORS[message.code](message.reason)
    if isinstance(error, FetchError):
        error.record = message.record
    if isinstance(error, DnsError):
        error.outage = message.outage
    return error
