"""A way in that costs next to nothing until somebody comes."""

import asyncio
import gc
import importlib
import socket
import sys
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

from mtasts_resolver.base import logs
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.server.unixsocket import BoundPath

log = logs.get(__name__)

# What is imported when somebody comes: the server, and what may be behind a door. Each of these has
# a function `application` that makes an ASGI application out of Sources.
SERVING = "mtasts_resolver.control.serving"
API = "mtasts_resolver.control.api.app"
WEB = "mtasts_resolver.control.web.app"
LATE_IMPORTS = (SERVING, API, WEB)
# Seconds that a thread may keep the interpreter to itself while another one waits for it. For each
# turn of the event loop that is what an import costs, and it goes on for 50 to 100 turns.
BRIEFLY = 0.0005
USUALLY = sys.getswitchinterval()
RETRY = 60.0  # seconds; what an administrator repairs is in use within a minute


class Opened(NamedTuple):
    """A socket that listens."""

    sock: socket.socket
    name: str
    file: BoundPath | None = None
    """That of a unix socket, to be removed at the end."""


class Door:
    """One socket, and the application behind it, which is imported when somebody comes."""

    def __init__(
        self,
        name: str,
        open_socket: Callable[[], Opened],
        application: str,
        *,
        stall: float,
    ) -> None:
        """`name` is what the log calls it, `application` is one of LATE_IMPORTS.

        `stall` is how many seconds a peer may neither take an answer nor send its request.
        """
        self._name = name
        self._open_socket = open_socket
        self._application = application
        self._stall = stall
        self._opened: Opened | None = None

    def open(self) -> None:
        """Listen. Where that cannot be, say so: look-ups are answered all the same."""
        try:
            self._opened = self._open_socket()
        except OSError as error:
            log.error(
                "not-listening",
                protocol=self._name,
                reason=error.strerror or str(error),
                effect="look-ups are answered all the same",
                action=f"it is tried again every {RETRY:g} seconds",
            )
        else:
            log.info("listening", protocol=self._name, address=self._opened.name)

    async def run(self, sources: Sources) -> None:
        """Serve for ever; ends by cancellation."""
        while self._opened is None:
            await sources.clock.sleep(RETRY)
            self.open()
        await _someone_at(self._opened.sock)
        serving, application = await asyncio.to_thread(self._import)
        reception = serving.Reception(
            self._opened.name, application.application(sources), stall=self._stall
        )
        await reception.serve(self._opened.sock)

    def close(self) -> None:
        if self._opened is not None:
            if self._opened.file is not None:
                self._opened.file.remove()
            self._opened.sock.close()

    def _import(self) -> tuple[ModuleType, ModuleType]:
        """Import, in a thread beside which look-ups are answered."""
        gc.disable()  # what modules define is no garbage: to look for some among it takes its time
        sys.setswitchinterval(BRIEFLY)
        try:
            return importlib.import_module(SERVING), importlib.import_module(self._application)
        finally:
            sys.setswitchinterval(USUALLY)
            gc.freeze()
            gc.enable()


async def _someone_at(sock: socket.socket) -> None:
    """Return when somebody wants to be let in at `sock`."""
    loop = asyncio.get_running_loop()
    knocked = asyncio.Event()
    loop.add_reader(sock, knocked.set)
    try:
        await knocked.wait()
    finally:
        loop.remove_reader(sock)
