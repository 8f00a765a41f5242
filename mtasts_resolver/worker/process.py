"""One process that discovers, as the daemon sees it: started, spoken to, and ended."""

import asyncio
import contextlib
import os
import signal
import site
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from mtasts_resolver import __version__
from mtasts_resolver.base import logs
from mtasts_resolver.config import Config
from mtasts_resolver.worker import messages
from mtasts_resolver.worker.channel import Channel, socket_pair
from mtasts_resolver.worker.messages import Configure, Ping
from mtasts_resolver.worker.starvation import LOOK, Pulse, Scheduling, scheduling_of

log = logs.get(__name__)

# -P: nothing is imported from the working directory, which anybody may be able to write.
COMMAND: tuple[str, ...] = (sys.executable, "-P", "-m", "mtasts_resolver.worker")
# In the process's environment: the version of who started it.
STARTED_BY = "MTASTS_RESOLVER_VERSION"
# The discoverer's loop turns thousands of times in this time; one that does not answer within it
# stands still.
STANDSTILL = 30.0
EXIT_PATIENCE = 3.0  # seconds for a process to end by itself; then it is killed


class WorkerProcess:
    """A process; `on_message` gets all that it says but Pong. With `idle` others go first.

    Raise OSError where it cannot be started.
    """

    def __init__(
        self,
        config: Config,
        on_message: Callable[["WorkerProcess", messages.ToDaemon], None],
        *,
        idle: bool,
    ) -> None:
        self.ready = False
        self.ended = asyncio.Event()
        self._time = asyncio.get_running_loop().time  # not of a machine that is suspended
        self._pulse = Pulse(self._time())
        self._scheduling: Scheduling | None = None
        self._on_message = on_message
        ours, theirs = socket_pair()
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603  this program
                    (*COMMAND, "idle") if idle else COMMAND,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=_environ(),
                )
            except BaseException:
                ours.close()
                raise
        self._channel = Channel(ours, self._received, self.ended.set)
        self.send(messages.encode(Configure(config)))

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: bytes) -> None:
        self._channel.send(message)

    async def watch(self, enough: Callable[[], bool]) -> None:
        """Return when the process has ended, or stands still; or when `enough` says so."""
        while True:
            if not self._pulse.waits_for_answer:
                self._pulse.asked(self._time())
                self.send(messages.encode(Ping()))
            try:
                async with asyncio.timeout(LOOK):
                    await self.ended.wait()
                    return
            except TimeoutError:
                self._look()
            if enough():
                return
            if self._pulse.silence >= STANDSTILL and not self._waits_for_processor:
                log.error("discoverer-stands-still", seconds=STANDSTILL, action="it is ended")
                self._process.kill()
                return

    @property
    def starved(self) -> bool:
        """Tell whether it gets no processor, and another policy than SCHED_IDLE would help."""
        return self._pulse.starved and self._scheduling is not None and self._scheduling.idle

    @property
    def _waits_for_processor(self) -> bool:
        """Tell whether the host, and no fault of its own, keeps it from answering."""
        return self.starved and self._scheduling is not None and self._scheduling.runnable

    @property
    def rested(self) -> bool:
        """Tell whether it has got a processor whenever it wanted one, for long."""
        return self._pulse.rested(self._time())

    async def end(self) -> int:
        """End the process, and return its exit status."""
        self.ready = False
        self._channel.close()
        return await asyncio.to_thread(self._reap)

    def _look(self) -> None:
        told = self._scheduling = scheduling_of(self.pid)
        # Without /proc it is at least seen how long there is no answer.
        used, waited = (0.0, 0.0) if told is None else (told.used, told.waited)
        self._pulse.look(self._time(), used, waited)

    def _received(self, data: memoryview) -> None:
        match messages.decode_for_daemon(data):
            case messages.Pong():
                self._pulse.answered(self._time())
            case message:
                self._on_message(self, message)

    def _reap(self) -> int:
        """Wait for a process that has been told to end, and kill it when it takes too long.

        One that waits for a disk that does not answer even the kernel may be unable to end.
        """
        for _ in range(2):
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._process.wait(EXIT_PATIENCE)
            self._process.kill()
        log.error("discoverer-not-ended", pid=self.pid, action="see what its disk does")
        return -signal.SIGKILL


def _environ() -> dict[str, str]:
    """Return the environment of a process that is to find this package where it was found here.

    It may be a source tree that is installed nowhere; or another version by now, with which this
    one must not speak.
    """
    environ = os.environ | {STARTED_BY: __version__}
    root = str(Path(__file__).parents[2])
    if root in site.getsitepackages():
        return environ
    places = [root, os.environ.get("PYTHONPATH", "")]
    return environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
