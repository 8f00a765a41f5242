"""One HTTP connection: it gets its turns and its time, and no more of either than others."""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

import h11
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from mtasts_resolver.control.guest import BITE
from mtasts_resolver.server.unixsocket import Credentials, credentials

# Seconds in which a connection must have sent the head of its request, and the next one.
PATIENCE = 5.0
SENDING = 60.0  # seconds in which more of its body must have come: who sends it has it at hand
MAX_HEAD = 16_384  # bytes of a request's line and headers: a browser's cookies for other ports
MAX_HEAD_LINES = 100  # browsers send 20; a head of 4,000 takes h11 five milliseconds
# Bytes that h11 gets at a time. Of chunks of one byte, each of which takes it 16 microseconds,
# these are 42: less than a millisecond.
PIECE = 256
# Bytes of a request that was answered already which are read and dropped: what the peer had under
# way when it was.
MAX_SURPLUS = 262_144
LOOK = 1.0  # seconds between two looks at whether a connection is late


class _Standing(NamedTuple):
    """What a connection is waited for; as long as it is the same, nothing has come of it."""

    what: str
    progress: int


class HttpConnection(H11Protocol):
    """A connection of uvicorn's that must not dawdle, and whose request ends with it.

    What is sent is read in bites: a piece of it can cost a thousand times what it takes to send.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        state: ServerState,
        *,
        stall: float,
        gone: Callable[[], None],
    ) -> None:
        """`stall` is how many seconds the peer may take nothing of an answer.

        `gone` is called when the connection has ended.
        """
        super().__init__(config=config, server_state=state, app_state={})
        self._stall = stall
        self._gone = gone
        self._unread = bytearray()
        self._progress = 0
        self._surplus = 0
        self._standing = _Standing("", 0)
        self._since = 0.0
        self._looking: asyncio.TimerHandle | None = None
        self.request: asyncio.Task[None] | None = None
        """What works on an answer."""
        self.lost = False

    def credentials(self) -> Credentials:
        """Return whose process is at the other end of the control socket."""
        return credentials(self.transport.get_extra_info("socket"))

    # What asyncio calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(self)
        self.app_state = {"connection": self}
        self._look()

    def data_received(self, data: bytes) -> None:
        if self._is_surplus():
            self._surplus += len(data)
            if self._surplus > MAX_SURPLUS:
                self.transport.abort()
                return
        self._unread += data
        self._progress += self._awaited() == "body"
        self.read()

    def resume_writing(self) -> None:
        self._progress += 1
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._unread.clear()
        super().connection_lost(exc)
        self.lost = True
        if self.request is not None:
            self.request.cancel()
        self._gone()

    # What uvicorn calls

    def on_response_complete(self) -> None:
        self._progress += 1
        self._surplus = 0
        super().on_response_complete()

    # Reading

    def read(self) -> None:
        """Have uvicorn read what has come, as far as it wants to, in bites."""
        begun = time.perf_counter()
        while self._unread and not self.flow.read_paused and not self.transport.is_closing():
            piece = bytes(self._unread[:PIECE])
            del self._unread[:PIECE]
            super().data_received(piece)
            if self.conn.trailing_data[0].count(b"\n") > MAX_HEAD_LINES:
                self.transport.abort()
            elif self._unread and time.perf_counter() - begun >= BITE:
                self.transport.pause_reading()
                self.loop.call_soon(self.read)
                return
        if not self._unread and not self.flow.read_paused:
            self.transport.resume_reading()

    def _is_surplus(self) -> bool:
        """Tell whether what comes belongs to a request that was answered before it was all sent.

        To close at once would reset the connection, and the peer could lose the answer.
        """
        answered = self.cycle is not None and self.cycle.response_complete
        return answered and self.conn.their_state is h11.SEND_BODY

    # Patience

    def _awaited(self) -> str:
        """Return what the peer should do, if there is anything."""
        if self.flow.write_paused:
            return "take"
        if self.cycle is None or self.cycle.response_complete:
            return "take" if self.transport.get_write_buffer_size() else "ask"
        return "body" if self.cycle.more_body and not self.flow.read_paused else ""

    def _look(self) -> None:
        """End a connection that has kept us waiting for too long."""
        standing, now = _Standing(self._awaited(), self._progress), self.loop.time()
        if standing != self._standing:
            self._standing, self._since = standing, now
        limits = {"ask": PATIENCE, "body": SENDING, "take": self._stall, "": float("inf")}
        if now - self._since >= limits[standing.what]:
            self.transport.abort()
        else:
            self._looking = self.loop.call_later(LOOK, self._look)


class _Flow(FlowControl):
    """uvicorn's, but what has come already is read first when it goes on."""

    def __init__(self, connection: HttpConnection) -> None:
        super().__init__(connection.transport)
        self._connection = connection

    def resume_reading(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self._connection.loop.call_soon(self._connection.read)
