"""socketmap_table(5): requests and replies are netstrings, http://cr.yp.to/proto/netstrings.txt."""

import re

from mtasts_resolver.postfix.codec import (
    MAX_REQUEST,
    NO_KEY,
    BadRequest,
    Decoded,
    Garbage,
    Request,
    decode,
    first_that_fits,
    sendable,
)
from mtasts_resolver.postfix.reply import Reply

MAX_REPLY = 100_000  # bytes, framing excluded: socketmap_table(5); Postfix defers beyond it

# netstring = length ":" data ","; the length is decimal ASCII digits without leading zeros.
# One digit more than MAX_REQUEST has is read, to tell a long request from a malformed one.
_HEADER = re.compile(rb"(0|[1-9][0-9]{0,5}):")
_HEADER_BEGUN = re.compile(rb"0|[1-9][0-9]{0,5}")

_NO_LENGTH = Garbage("a netstring does not begin with its length")
_NO_COMMA = Garbage("a netstring does not end in a comma")
_TOO_LONG = Garbage(f"a request is longer than {MAX_REQUEST:,} bytes")
_NO_MAP = BadRequest("the request does not name a map")


class SocketmapCodec:
    """One connection's view of the socketmap protocol."""

    __slots__ = ("_begun", "_broken", "_needed")

    def __init__(self) -> None:
        self._begun = bytearray()  # less than one whole netstring, so at most MAX_REQUEST and frame
        self._needed = 0  # bytes of that netstring; 0 while its length is not known
        self._broken = False

    @property
    def partial(self) -> bool:
        return bool(self._begun)

    def feed(self, data: bytes) -> list[Decoded]:
        if self._broken:
            return []
        if self._begun:
            # Joined once for its header and once when it is whole, so that time stays linear in
            # the bytes received however they are cut.
            self._begun += data
            if len(self._begun) < self._needed:
                return []
            data = bytes(self._begun)
            self._begun.clear()
            self._needed = 0
        return self._decode(data)

    def _decode(self, data: bytes) -> list[Decoded]:
        """Return what is in `data`, which begins a netstring; keep what is not complete."""
        decoded: list[Decoded] = []
        position = 0
        while position < len(data):
            header = _HEADER.match(data, position)
            if not header:
                if _HEADER_BEGUN.fullmatch(data, position):
                    self._begun += data[position:]
                    return decoded
                return self._break(decoded, _fault(data, position))
            start = header.end()
            end = start + int(header[1])
            if end - start > MAX_REQUEST:
                return self._break(decoded, _TOO_LONG)
            if end >= len(data):
                self._begun += data[position:]
                self._needed = end + 1 - position
                return decoded
            if data[end] != ord(","):
                return self._break(decoded, _NO_COMMA)
            decoded.append(_request(data[start:end]))
            position = end + 1
        return decoded

    def _break(self, decoded: list[Decoded], garbage: Garbage) -> list[Decoded]:
        self._broken = True
        decoded.append(garbage)
        return decoded

    def encode(self, reply: Reply) -> bytes:
        _, payload = first_that_fits(reply, _payload, MAX_REPLY)
        return b"%d:%b," % (len(payload), payload)


def _payload(reply: Reply) -> bytes:
    return f"{reply.status} {sendable(reply.text)}".encode(errors="replace")


def _fault(data: bytes, position: int) -> Garbage:
    """Tell a length of too many digits from what is no length."""
    digits = _HEADER_BEGUN.match(data, position)
    too_many = digits and digits.end() - position > len(str(MAX_REQUEST))
    return _TOO_LONG if too_many else _NO_LENGTH


def _request(payload: bytes) -> Request | BadRequest:
    text = decode(payload)
    if isinstance(text, BadRequest):
        return text
    map_name, _, key = text.partition(" ")
    if not map_name:
        return _NO_MAP
    return Request(map_name, key) if key else NO_KEY
