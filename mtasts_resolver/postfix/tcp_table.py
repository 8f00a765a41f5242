"""tcp_table(5): a request is one line, a reply is one line, and what is special is %XX."""

import re
import string
from urllib.parse import quote, unquote_to_bytes

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
from mtasts_resolver.postfix.reply import Reply, Status

# tcp_table(5): "no longer than 4096 characters including the newline terminator". Postfix reads a
# longer line ten times over, a second apart, before it defers.
MAX_REPLY = 4_095

# An error must never be 500: to Postfix that is "not found", and mail would go out unprotected.
_CODES = {Status.OK: 200, Status.NOTFOUND: 500, Status.TEMP: 400, Status.PERM: 400}

# tcp_table(5), "ENCODING": every printable ASCII character but "%" and white space stands as it is.
_PLAIN = string.punctuation.replace("%", "")
_MALFORMED_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

_TOO_LONG = Garbage(f"a request is longer than {MAX_REQUEST:,} bytes")
_NOT_GET = BadRequest("the request is not 'get' and a key")
_PUT = BadRequest("put is not supported, this table is read-only")
_SPACE = BadRequest("the key holds a space that is not encoded")
_BAD_ESCAPE = BadRequest("the key holds a '%' that is not followed by two hexadecimal digits")


class TcpTableCodec:
    """One connection's view of the tcp_table protocol."""

    __slots__ = ("_begun", "_broken")

    def __init__(self) -> None:
        self._begun = bytearray()  # less than one whole line, so at most MAX_REQUEST
        self._broken = False

    @property
    def partial(self) -> bool:
        return bool(self._begun)

    def feed(self, data: bytes) -> list[Decoded]:
        decoded: list[Decoded] = []
        if self._broken:
            return decoded
        *lines, rest = data.split(b"\n")
        if lines and self._begun:
            self._begun += lines[0]
            lines[0] = bytes(self._begun)
            self._begun.clear()
        for line in lines:
            if len(line) > MAX_REQUEST:
                return self._break(decoded)
            decoded.append(_request(line))
        if len(self._begun) + len(rest) > MAX_REQUEST:
            return self._break(decoded)
        self._begun += rest
        return decoded

    def _break(self, decoded: list[Decoded]) -> list[Decoded]:
        self._broken = True
        self._begun.clear()
        decoded.append(_TOO_LONG)
        return decoded

    def encode(self, reply: Reply) -> bytes:
        return first_that_fits(reply, _line, MAX_REPLY)[1] + b"\n"


def carried(reply: Reply) -> Reply:
    """Return `reply`, or the fallback that is sent in its place."""
    return first_that_fits(reply, _line, MAX_REPLY)[0]


def _line(reply: Reply) -> bytes:
    text = "not found" if reply.status is Status.NOTFOUND else sendable(reply.text)
    return f"{_CODES[reply.status]} {quote(text, safe=_PLAIN, errors='replace')}".encode()


def _request(line: bytes) -> Request | BadRequest:
    """Read one line without its LF.

    A CR before the LF is dropped: a person with a telnet client sends it, and no key ends in one.
    """
    line = line.removesuffix(b"\r")
    verb, _, encoded = line.partition(b" ")
    if verb != b"get":
        return _PUT if verb == b"put" else _NOT_GET
    if b" " in encoded:
        return _SPACE
    if _MALFORMED_ESCAPE.search(encoded):
        return _BAD_ESCAPE
    key = decode(unquote_to_bytes(encoded))
    if isinstance(key, BadRequest):
        return key
    return Request("", key) if key else NO_KEY
