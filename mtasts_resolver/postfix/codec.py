"""What the two protocols in which Postfix asks have in common: requests, codecs, and text.

A decoder takes the bytes of one connection, in fragments of any size, and returns what they mean.
It does no I/O and raises nothing: whatever the bytes, they are requests, bad requests that deserve
an answer, or garbage after which the stream cannot be understood any more.
"""

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

from mtasts_resolver.postfix.reply import Reply, Status

MAX_REQUEST = 10_000  # bytes, framing excluded: a domain name is 253, the rest is generosity

# Unicode's Cc. No look-up key holds one, and one in a log line or a terminal is an attack.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# What could end a reply, or a line of Postfix's log. TAB and C1 are data that policies may hold.
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# It fits every protocol.
_TOO_LONG = Reply(Status.TEMP, "the reply is longer than the protocol allows")


class Request(NamedTuple):
    """A well-formed look-up."""

    map_name: str
    """Empty for tcp_table, which has no map names."""
    key: str


class BadRequest(NamedTuple):
    """A request that cannot be answered as asked; `reason` is, and the connection goes on.

    `reason` is one of a few constant texts: nothing that the peer sent is in it.
    """

    reason: str


class Garbage(NamedTuple):
    """Bytes that are no request; nothing after them can be understood, so the connection ends.

    `reason` is one of a few constant texts: nothing that the peer sent is in it.
    """

    reason: str


Decoded = Request | BadRequest | Garbage

NO_KEY = BadRequest("the key is empty")
_NOT_UTF8 = BadRequest("the request is not UTF-8")
_HOLDS_CONTROL = BadRequest("the request holds a control character")


class Codec(Protocol):
    """One connection's view of a wire protocol."""

    def feed(self, data: bytes) -> list[Decoded]:
        """Return what `data` completes, in order; after Garbage there are no more."""

    @property
    def partial(self) -> bool:
        """Tell whether half a request is waiting for its rest."""

    def encode(self, reply: Reply) -> bytes:
        """Return the bytes of `reply`, or of the first of its fallbacks that the protocol can hold.

        Postfix's own limits: 100,000 bytes for socketmap, 4,095 characters for tcp_table.
        """


def decode(data: bytes) -> str | BadRequest:
    """Return `data` as text without control characters, or why it is none."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _NOT_UTF8
    # isprintable() is the quick test: it is true of nothing in Cc.
    if not text.isprintable() and _CONTROL.search(text):
        return _HOLDS_CONTROL
    return text


def sendable(text: str) -> str:
    """Return `text` with a space for each character that could break a reply's framing."""
    return text if text.isprintable() else _UNSENDABLE.sub(" ", text)


def first_that_fits(
    reply: Reply, encode: Callable[[Reply], bytes], most: int
) -> tuple[Reply, bytes]:
    """Return `reply`, and its bytes; where these are more than `most`, its fallback and its own."""
    while len(encoded := encode(reply)) > most:
        reply = reply.fallback or _TOO_LONG
    return reply, encoded
