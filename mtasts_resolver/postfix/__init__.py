"""The wire protocols that Postfix speaks to a policy server, as codecs over bytes.

A decoder takes the bytes of one connection, in fragments of any size, and returns what they mean.
It does no I/O and raises nothing: whatever the bytes, they are requests, bad requests that deserve
an answer, or garbage after which the stream cannot be understood any more.
"""

from typing import NamedTuple, Protocol

from mtasts_resolver.postfix.reply import Reply

MAX_REQUEST = 10_000  # bytes, framing excluded: a domain name is 253, the rest is generosity


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


Event = Request | BadRequest | Garbage


class Codec(Protocol):
    """One connection's view of a wire protocol."""

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes, in order; after Garbage there are no more."""

    @property
    def partial(self) -> bool:
        """Tell whether half a request is waiting for its rest."""

    def encode(self, reply: Reply) -> bytes:
        """Return the bytes of `reply`, or of the first of its fallbacks that the protocol can hold.

        Postfix's own limits: 100,000 bytes for socketmap, 4,095 characters for tcp_table.
        """
