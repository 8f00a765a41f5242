"""The server: accepts connections, bounds them, and ends them in good order."""

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Callable, Coroutine, Iterable

from mtasts_resolver.base import logs
from mtasts_resolver.base.ratelimit import RateLimitedLog
from mtasts_resolver.server.connection import Connection, Note, Responder, Shared
from mtasts_resolver.server.limits import Limits, ServerCounters
from mtasts_resolver.server.listeners import BACKLOG, CODECS, Listener
from mtasts_resolver.server.noting import NotingConnection

log = logs.get(__name__)

SWEEP_INTERVAL = 5.0  # seconds; how late a time limit may strike
ACCEPT_BATCH = 16  # connections accepted in a row, a millisecond; then those that are open go on
ACCEPT_PAUSE = 1.0  # seconds without accepting, after the system had no descriptor or memory
LAST_WORD = 1.0  # seconds that the last replies of a drain get to leave
CLOSE_TIMEOUT = 5.0  # seconds that cancelled answers get to end

_AGAIN = f"tried again every {ACCEPT_PAUSE:g} seconds"
_MORE_FILES = "raise the limit of open files (LimitNOFILE= in systemd, or ulimit -n)"
_ACTIONS = {errno.EMFILE: f"{_AGAIN}; {_MORE_FILES}", errno.ENFILE: f"{_AGAIN}; raise fs.file-max"}


class Server:
    """Serves the connections of all listeners.

    Connections are accepted here and not by the event loop's own server. When the process is out of
    file descriptors, asyncio's reports that a million times over, and uvloop's closes each waiting
    connection without a word; here they wait until there is room.

    The life of a server is `start`, `stop_accepting`, `drain`, `close`; the last alone will do.
    """

    def __init__(
        self,
        answer: Responder,
        listeners: Iterable[Listener],
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.listeners = list(listeners)
        self._shared = Shared(
            answer=answer,
            limits=limits or Limits(),
            clock=clock,
            log=RateLimitedLog(log, clock),
            lost=self._forget,
        )
        self._connections: set[Connection] = set()
        self._kind: type[Connection] = Connection
        self._vacant = asyncio.Event()
        self._vacant.set()
        self._accepting: set[Listener] = set()
        self._paused: dict[Listener, asyncio.TimerHandle] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def counters(self) -> ServerCounters:
        return self._shared.counters

    async def start(self) -> None:
        """Accept connections from now on."""
        for listener in self.listeners:
            self._accept_from(listener)
        self._keep_sweeping()

    def stop_accepting(self) -> None:
        """Close the listeners; connections live on.

        Who waits to be accepted is, or would be reset; but at a socket that the service manager has
        passed he waits for the next process.
        """
        loop = asyncio.get_running_loop()
        for timer in self._paused.values():
            timer.cancel()
        self._paused.clear()
        for listener in self._accepting:
            loop.remove_reader(listener.sock)
        self._accepting.clear()
        for listener in self.listeners:
            if not listener.passed and not listener.closed:
                listener.hide()
                with contextlib.suppress(OSError):  # no descriptors: the rest is reset
                    self._accept_up_to(BACKLOG + 1, listener)  # the kernel admits one more
            listener.close()

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109  the rest is answered after it
        """Answer what has been asked, for at most `timeout` seconds, and end all connections.

        What has no answer by then is answered TEMP.
        """
        for connection in list(self._connections):
            connection.finish()
        if await self._emptied(timeout):
            return
        log.warning("drain-incomplete", connections=len(self._connections), seconds=timeout)
        for connection in list(self._connections):
            connection.give_up()
        await self._emptied(LAST_WORD)

    async def close(self) -> None:
        """Close everything at once; return when nothing of the server runs any more."""
        self.stop_accepting()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._connections):
            connection.abort()
        await self._emptied(CLOSE_TIMEOUT)
        if self._shared.tasks:
            await asyncio.wait(self._shared.tasks, timeout=CLOSE_TIMEOUT)

    def forget_replies(self) -> None:
        """Ask anew for every reply that stood ready."""
        for prepared in self._shared.prepared.values():
            prepared.forget()

    def note_answers(self, note: Note | None) -> None:
        """Have `note` called behind each answer from now on; with None nothing is noted."""
        self._shared.note = note
        self._kind = Connection if note is None else NotingConnection
        for connection in self._connections:
            connection.become(self._kind)

    def sweep(self) -> None:
        """Close the connections whose peers are past a time limit."""
        now = self._shared.clock()
        for connection in list(self._connections):
            connection.expire(now)

    # Accepting

    def _accept_from(self, listener: Listener) -> None:
        self._paused.pop(listener, None)
        self._accepting.add(listener)
        asyncio.get_running_loop().add_reader(listener.sock, self._accept, listener)

    def _accept(self, listener: Listener) -> None:
        try:
            self._accept_up_to(ACCEPT_BATCH, listener)
        except OSError as error:
            self._pause(listener, error)

    def _accept_up_to(self, most: int, listener: Listener) -> None:
        """Accept so many connections, if as many wait. Raise OSError."""
        for _ in range(most):
            try:
                sock, _ = listener.sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            self._admit(sock, listener)

    def _admit(self, sock: socket.socket, listener: Listener) -> None:
        counters = self.counters
        if len(self._connections) >= self._shared.limits.connections:
            sock.close()
            counters.connections_rejected += 1
            self._shared.log.warning(
                "connection-rejected",
                listener=listener.name,
                open=len(self._connections),
                reason="the limit of connections is reached",
            )
            return
        connection = self._kind(CODECS[listener.protocol](), self._shared, listener.name)
        self._connections.add(connection)
        self._vacant.clear()
        counters.connections_accepted += 1
        counters.connections_open = len(self._connections)
        loop = asyncio.get_running_loop()
        self._open(loop.connect_accepted_socket(lambda: connection, sock), sock, connection)

    def _open(
        self,
        opening: Coroutine[asyncio.Future[object], None, object],
        sock: socket.socket,
        connection: Connection,
    ) -> None:
        """Take `opening` as far as it goes, and on from there when what it awaits is done.

        A task would do the same, but begin a turn of the event loop later, and take 6% of what a
        connection for a single look-up costs.
        """
        try:
            awaited = opening.send(None)
        except StopIteration:
            return
        except BaseException as error:
            sock.close()
            self._forget(connection)
            if not isinstance(error, OSError):
                raise
            reason = error.strerror or error
            log.debug("connection-aborted", listener=connection.listener, reason=reason)
        else:
            awaited.add_done_callback(lambda _: self._open(opening, sock, connection))

    def _pause(self, listener: Listener, error: OSError) -> None:
        """Stop accepting for a while: the kernel would report the waiting connection for ever."""
        self._shared.log.error(
            "accept-failed",
            listener=listener.name,
            reason=error.strerror or str(error),
            action=_ACTIONS.get(error.errno or 0, _AGAIN),
        )
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener.sock)
        self._accepting.discard(listener)
        self._paused[listener] = loop.call_later(ACCEPT_PAUSE, self._accept_from, listener)

    # Connections

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self.counters.connections_open = len(self._connections)
        if not self._connections:
            self._vacant.set()

    async def _emptied(self, seconds: float) -> bool:
        """Wait until no connection is left; tell whether that was so in time."""
        try:
            await asyncio.wait_for(self._vacant.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _keep_sweeping(self) -> None:
        self.sweep()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_INTERVAL, self._keep_sweeping)
