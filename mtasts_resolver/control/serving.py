"""Serving an application at a socket that listens, with uvicorn, in the daemon's own event loop.

This module is imported when somebody comes (door.py): what it takes is a tenth of a second and
some megabytes, of which a daemon that nobody asks has no need.
"""

import asyncio
import socket
from contextlib import suppress

import uvicorn
import uvicorn.lifespan.off  # uvicorn would import it by name, when the user may not read it
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.server import ServerState

from mtasts_resolver.base import logs
from mtasts_resolver.base.ratelimit import RateLimitedLog
from mtasts_resolver.control.accepting import let_in
from mtasts_resolver.control.connection import MAX_HEAD, PATIENCE, HttpConnection

log = logs.get(__name__)

# At one door; others wait in the kernel. A browser opens six, Prometheus one, a command one.
MAX_CONNECTIONS = 32
LAST_WORD = 1.0  # seconds that answers under way get at the end of the daemon

logs.hear_errors_only("uvicorn")  # what peers can provoke at will, it tells as warnings


class Reception:
    """Lets connections in at one socket, as many at a time as there is room for."""

    def __init__(self, name: str, app: ASGIApp, *, stall: float) -> None:
        """`name` is the address, for the log; `stall` is that of HttpConnection."""
        self._name = name
        self._config = uvicorn.Config(
            _Guest(app),
            http=HttpConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=int(PATIENCE),
            h11_max_incomplete_event_size=MAX_HEAD,
        )
        self._config.load()
        self._state = ServerState()
        self._stall = stall
        self._left = asyncio.Event()
        self._log = RateLimitedLog(log, asyncio.get_running_loop().time)

    async def serve(self, sock: socket.socket) -> None:
        """Serve at `sock`, which listens; ends by cancellation."""
        try:
            while True:
                await self._room()
                await let_in(sock, self._name, self._log, self._connection)
        finally:
            await self._close()

    async def _room(self) -> None:
        while len(self._state.connections) >= MAX_CONNECTIONS:
            self._left.clear()
            await self._left.wait()

    def _connection(self) -> HttpConnection:
        return HttpConnection(self._config, self._state, stall=self._stall, gone=self._left.set)

    async def _close(self) -> None:
        """End all connections; answers under way get their last word."""
        for connection in list(self._state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD):
                while self._state.connections:
                    self._left.clear()
                    await self._left.wait()
        for connection in list(self._state.connections):
            connection.transport.abort()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=LAST_WORD)


class _Guest:
    """An application whose requests end when nobody is there any more who would be answered.

    What it sends goes out in turns of its own: a head alone takes h11 a third of a millisecond.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: HttpConnection = scope["state"]["connection"]
        connection.request = task = asyncio.current_task()

        async def send_in_turn(message: Message) -> None:
            await asyncio.sleep(0)
            await send(message)

        try:
            await self._app(scope, receive, send_in_turn)
        except asyncio.CancelledError:
            if not connection.lost:
                raise
        finally:
            if connection.request is task:  # and not the next one already
                connection.request = None
