"""Serving an application at a socket that listens, with uvicorn, in the daemon's own event loop.

This module is imported when somebody comes (door.py): what it takes is a tenth of a second and
some megabytes, of which a daemon that nobody asks has no need.
"""

import asyncio
import pwd
import socket
import struct
from typing import Any

import uvicorn
import uvicorn.lifespan.off  # uvicorn would import it by name, when the user may not read it
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from mtasts_resolver.base import logs
from mtasts_resolver.control.api.endpoint import Peer

# At one door. A browser opens six, Prometheus one, a command one.
MAX_CONNECTIONS = 32
# Seconds in which a connection must have sent the head of its request, and the next one.
PATIENCE = 5
MAX_HEAD = 16_384  # bytes of a request's line and headers: a browser's cookies for other ports
LAST_WORD = 2  # seconds that answers under way get at the end of the daemon
UCRED = struct.Struct("3i")  # unix(7): process, user, group

logs.hear_errors_only("uvicorn")  # what peers can provoke at will, it tells as warnings


class _Protocol(H11Protocol):
    """A connection of which there are only so many, and that must not dawdle."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._deadline = self.loop.call_later(PATIENCE, self._dawdled)
        self.app_state = {"peer": _peer(transport.get_extra_info("socket"))}

    def _dawdled(self) -> None:
        if self.cycle is None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)


def _peer(sock: socket.socket) -> Peer | None:
    """Return who is at the other end of a unix socket, None for another kind."""
    if sock.family != socket.AF_UNIX:
        return None
    pid, uid, _ = UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Peer(pid, uid, name)


async def serve_at(sock: socket.socket, app: ASGIApp) -> None:
    """Serve `app` at `sock`, which listens; ends by cancellation."""
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=PATIENCE,
        timeout_graceful_shutdown=LAST_WORD,
        h11_max_incomplete_event_size=MAX_HEAD,
        backlog=MAX_CONNECTIONS,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    sockets: list[Any] = [sock]
    await server.startup(sockets=sockets)
    try:
        await asyncio.Event().wait()
    finally:
        await server.shutdown(sockets=sockets)
