"""Answering whoever comes with 503, where what should answer cannot be loaded."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from mtasts_resolver.base import logs
from mtasts_resolver.base.ratelimit import RateLimitedLog
from mtasts_resolver.control.accepting import let_in, someone_at

log = logs.get(__name__)

MAX_CONNECTIONS = 32  # at one door; others wait in the kernel
PATIENCE = 5.0  # seconds in which a peer must have asked, and taken the answer

# As control/values/problem.py has it; that is nothing to be imported while files are replaced.
_BODY = (
    b'{"error":"the daemon cannot load what answers here, and logs the reason as not-serving",'
    b'"action":"restart it (systemctl restart mtasts-resolver), for its program may have been'
    b' replaced while it ran"}'
)
_ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Content-Type: application/json\r\n"
    b"Content-Length: %d\r\n"
    b"Connection: close\r\n"
    b"\r\n"
    b"%s"
) % (len(_BODY), _BODY)


class Unavailable:
    """Answers in the place of what cannot be loaded."""

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        """`name` is the address, for the log."""
        self._name = name
        self._log = RateLimitedLog(log, clock)
        self._connections: set[_Connection] = set()
        self._left = asyncio.Event()

    async def answer(self, sock: socket.socket, seconds: float) -> None:
        """Answer whoever comes to `sock` in the next `seconds`."""
        deadline = asyncio.get_running_loop().time() + seconds
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout_at(deadline):
                    await self._room()
                    await someone_at(sock)
                await let_in(sock, self._name, self._log, self._connection)  # whom nothing cuts off

    def close(self) -> None:
        """End what is left of the connections."""
        for connection in self._connections:
            connection.transport.abort()

    async def _room(self) -> None:
        while len(self._connections) >= MAX_CONNECTIONS:
            self._left.clear()
            await self._left.wait()

    def _connection(self) -> "_Connection":
        return _Connection(self._connections, self._left)


class _Connection(asyncio.Protocol):
    """A connection on which each request would get the same answer."""

    transport: asyncio.Transport

    def __init__(self, connections: "set[_Connection]", left: asyncio.Event) -> None:
        """Join `connections` while this one lasts, and set `left` at its end."""
        self._connections = connections
        self._left = left
        self._answered = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self._connections.add(self)
        self._late = asyncio.get_running_loop().call_later(PATIENCE, transport.abort)

    def data_received(self, _data: bytes) -> None:
        """Answer, and let the rest come: to close the connection now could cost the answer."""
        if not self._answered:
            self._answered = True
            self.transport.write(_ANSWER)
            self.transport.write_eof()

    def connection_lost(self, _error: Exception | None) -> None:
        self._late.cancel()
        self._connections.discard(self)
        self._left.set()
