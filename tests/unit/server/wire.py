"""A connection without sockets and without an event loop: bytes in, bytes out, turn by turn."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from mtasts_resolver.base import logs
from mtasts_resolver.base.ratelimit import RateLimitedLog
from mtasts_resolver.postfix.socketmap import SocketmapCodec
from mtasts_resolver.server.connection import Connection, Shared
from mtasts_resolver.server.limits import Limits
from mtasts_resolver.server.roundrobin import RoundRobin


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and is let alone once it is closed."""

    def __init__(self, kernel: socket.socket | None = None) -> None:
        super().__init__({"socket": kernel})
        self.sent = bytearray()
        self.closed = False
        self.half_closed = False
        self.paused = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.sent += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is held back."""

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def write_eof(self) -> None:
        assert not self.closed
        self.half_closed = True

    def pause_reading(self) -> None:
        assert not self.closed
        self.paused = True

    def resume_reading(self) -> None:
        assert not self.closed
        self.paused = False


class ByHand(RoundRobin):
    """Turns are taken when the test says so, for want of an event loop."""

    def __init__(self) -> None:
        super().__init__()
        self.due: deque[Callable[[], None]] = deque()

    def wait(self, go_on: Callable[[], None]) -> None:
        self.due.append(go_on)

    def take_all(self) -> None:
        while self.due:
            self.due.popleft()()


def connect(book: Any, kernel: socket.socket | None = None) -> tuple[Connection, Wire, Shared]:
    """Return a connection whose requests `book` answers, at its time, and what it is made of."""
    shared = Shared(
        answer=book.answer,
        limits=Limits(),
        clock=lambda: cast("float", book.now),
        log=RateLimitedLog(logs.get(__name__), lambda: 0.0),
        lost=lambda _connection: None,
        turns=ByHand(),
    )
    book.prepared = shared.prepared
    made = Connection(SocketmapCodec(), shared, "test")
    wire = Wire(kernel)
    made.connection_made(wire)
    return made, wire, shared


def netstring(map_name: str, key: str) -> bytes:
    payload = f"{map_name} {key}".encode()
    return b"%d:%b," % (len(payload), payload)
