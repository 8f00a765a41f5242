"""A way in that costs next to nothing until somebody comes."""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from mtasts_resolver.base import logs
from mtasts_resolver.base.lateimport import import_beside
from mtasts_resolver.control.accepting import someone_at
from mtasts_resolver.control.unavailable import Unavailable
from mtasts_resolver.control.wayin import WayIn
from mtasts_resolver.server.unixsocket import BoundPath

if TYPE_CHECKING:  # else all that is seen were imported before the first answer
    from mtasts_resolver.control.serving import Reception
    from mtasts_resolver.control.sources import Sources

log = logs.get(__name__)

# What is imported when somebody comes: the server, and what may be behind a door. Each of these has
# a function `application` that makes an ASGI application out of Sources.
SERVING = "mtasts_resolver.control.serving"
API = "mtasts_resolver.control.api.app"
WEB = "mtasts_resolver.control.web.app"
LATE_IMPORTS = (SERVING, API, WEB)
RETRY = 60.0  # seconds; what an administrator repairs is in use within a minute
# Seconds after a failed import in which whoever comes is told of it, and nothing is imported.
IMPORT_PAUSE = 5.0


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

        `stall` is how many seconds a peer may take nothing of an answer.
        """
        self.way_in = WayIn(name)
        self._open_socket = open_socket
        self._application = application
        self._stall = stall
        self._opened: Opened | None = None

    def open(self) -> None:
        """Listen. Where that cannot be, say so: look-ups are answered all the same."""
        try:
            self._opened = self._open_socket()
        except OSError as error:
            self.way_in.trouble = error.strerror or str(error)
            log.error(
                "not-listening",
                protocol=self.way_in.name,
                reason=self.way_in.trouble,
                effect="look-ups are answered all the same",
                action=f"it is tried again every {RETRY:g} seconds",
            )
        else:
            self.way_in.address, self.way_in.trouble = self._opened.name, ""
            log.info("listening", protocol=self.way_in.name, address=self._opened.name)

    async def run(self, sources: "Sources") -> None:
        """Serve for ever; ends by cancellation."""
        while self._opened is None:
            await sources.clock.sleep(RETRY)
            self.open()
        sock, name, _ = self._opened
        unavailable = Unavailable(name, sources.clock.monotonic)
        try:
            while True:
                await someone_at(sock)
                try:
                    reception = await self._reception(name, sources)
                    await reception.serve(sock)
                except Exception as error:  # noqa: BLE001  another version's may raise anything
                    self._tell_not_serving(error)
                    await unavailable.answer(sock, IMPORT_PAUSE)
        finally:
            unavailable.close()

    def close(self) -> None:
        if self._opened is not None:
            if self._opened.file is not None:
                self._opened.file.remove()
            self._opened.sock.close()

    async def _reception(self, name: str, sources: "Sources") -> "Reception":
        serving, application = await import_beside(SERVING, self._application)
        app = application.application(sources)
        reception: Reception = serving.Reception(name, app, stall=self._stall)
        if self.way_in.trouble:
            self.way_in.trouble = ""
            log.info("serving-again", protocol=self.way_in.name)
        return reception

    def _tell_not_serving(self, error: Exception) -> None:
        """Tell once what the trouble is, however often it is met."""
        reason = f"{type(error).__name__}: {error}"
        if reason != self.way_in.trouble:
            self.way_in.trouble = reason
            log.bug(
                "not-serving",
                error,
                protocol=self.way_in.name,
                reason=reason,
                effect="look-ups are answered all the same",
                action="restart the daemon, whose program may have been replaced while it ran",
            )
