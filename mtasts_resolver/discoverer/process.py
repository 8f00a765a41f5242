"""The daemon's side: the discoverer as a process that is asked, watched, and started again."""

import asyncio
import os
import site
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtasts_resolver import logs
from mtasts_resolver.clock import Clock
from mtasts_resolver.config import Config, ConfigError
from mtasts_resolver.counters import Counters
from mtasts_resolver.discoverer import messages
from mtasts_resolver.discoverer.channel import Channel, socket_pair
from mtasts_resolver.discoverer.messages import Ask, Configure, Ping, Question
from mtasts_resolver.discoveries import OverloadedError
from mtasts_resolver.discovery.findings import FetchedPolicy, FoundDane, FoundSts, Probe

log = logs.get(__name__)

# -P: nothing is imported from the working directory, which anybody may be able to write.
COMMAND = (sys.executable, "-P", "-m", "mtasts_resolver.discoverer")
# The discoverer's loop turns thousands of times in this time; one that does not answer within it
# stands still. A machine that is merely busy gives it a few turns even so.
PULSE = 30.0
# A question that is open after so many of these times, half an hour, has lost its answer to a bug:
# a discovery ends by time-outs long before. Whoever waits is told, and makes room for others.
MAX_PULSES = 60
MAX_PAUSE = 60.0  # seconds until a process is started again that ends again and again
STEADY = 60.0  # seconds: a process that lived for so long is started again at once
EXIT_PATIENCE = 3.0  # seconds for a process to end by itself; then it is killed


@dataclass(slots=True)
class _Running:
    """One process, and what it was asked."""

    process: subprocess.Popen[bytes]
    ended: asyncio.Event
    pending: dict[int, asyncio.Future[Any]]
    channel: Channel


class DiscovererProcess:
    """A Discoverer that has another process do the work.

    Whatever happens to that process, who waits for it gets OverloadedError at the latest when it
    has ended, which `run` sees to.
    """

    def __init__(self, config: Config, clock: Clock, counters: Counters) -> None:
        self._config = config
        self._clock = clock
        self._counters = counters
        self._running: _Running | None = None
        self._last_number = 0
        self._alive = False
        self._judged = asyncio.Event()
        self._faults: list[str] = []

    # -- questions ---------------------------------------------------------------------------

    async def sts(self, domain: str, known_ids: Sequence[str]) -> FoundSts:
        found: FoundSts = await self._ask("sts", domain, known_ids)
        return found

    async def policy(self, domain: str) -> FetchedPolicy:
        found: FetchedPolicy = await self._ask("policy", domain)
        return found

    async def dane(self, next_hop: str) -> FoundDane:
        found: FoundDane = await self._ask("dane", next_hop)
        return found

    async def probe(self) -> Probe:
        found: Probe = await self._ask("probe", "")
        return found

    async def _ask(self, question: Question, domain: str, known_ids: Sequence[str] = ()) -> Any:  # noqa: ANN401  by the question
        if (running := self._running) is None:
            raise OverloadedError("the discoverer is not running")
        number = self._last_number = self._last_number + 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        running.pending[number] = future
        running.channel.send(messages.encode(Ask(number, question, domain, tuple(known_ids))))
        try:
            return await future
        finally:
            running.pending.pop(number, None)

    # -- its life ----------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process. Raise OSError."""
        ours, theirs = socket_pair()
        with theirs:
            try:
                process = subprocess.Popen(  # noqa: S603  this program
                    COMMAND, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=_environ()
                )
            except BaseException:
                ours.close()
                raise
        ended = asyncio.Event()
        channel = Channel(ours, self._received, ended.set)
        channel.send(messages.encode(Configure(self._config)))
        self._running = _Running(process, ended, {}, channel)

    @property
    def pid(self) -> int | None:
        """The process id, while there is a process."""
        return None if self._running is None else self._running.process.pid

    async def ready(self) -> None:
        """Return when the process can work, or has ended, which `run` mends.

        Raise ConfigError where it cannot use what the configuration names.
        """
        await self._judged.wait()
        if self._faults:
            raise ConfigError(self._faults)

    def reconfigure(self, config: Config) -> None:
        self._config = config
        if self._running is not None:
            self._running.channel.send(messages.encode(Configure(config)))

    async def run(self) -> None:
        """See to it that there is a process that works, for ever; ends by cancellation."""
        pause = 0.0
        while True:
            begun = self._clock.monotonic()
            if self._running is not None:
                await self._watch(self._running)
                status = await self._end(self._running)
                self._counters.discoverer_ends += 1
                log.error(
                    "discoverer-ended",
                    status=status,
                    action="it is started again; look-ups of new domains are deferred meanwhile",
                )
            lived = self._clock.monotonic() - begun
            pause = 0.0 if lived >= STEADY else min(MAX_PAUSE, pause * 2 or 1.0)
            await self._clock.sleep(pause)
            try:
                self.start()
            except OSError as error:
                log.error("discoverer-not-started", reason=str(error), action="it is tried again")
            else:
                log.info("discoverer-started", pid=self.pid)

    async def close(self) -> None:
        """End the process."""
        if self._running is not None:
            await self._end(self._running)

    async def _watch(self, running: _Running) -> None:
        """Return when the process has ended, or stands still."""
        asked: deque[int] = deque(maxlen=MAX_PULSES)
        while True:
            if len(asked) == MAX_PULSES:
                self._give_up(running, asked[0])
            asked.append(self._last_number)
            self._alive = False
            running.channel.send(messages.encode(Ping()))
            try:
                async with asyncio.timeout(PULSE):
                    await running.ended.wait()
            except TimeoutError:
                if self._alive:
                    continue
                log.error("discoverer-stands-still", seconds=PULSE, action="it is ended")
                running.process.kill()
            return

    def _give_up(self, running: _Running, last: int) -> None:
        """Tell whoever waits for an answer to a question up to `last` that there will be none."""
        for number in [number for number in running.pending if number <= last]:
            if future := self._waiting(number):
                log.error("answer-lost", number=number, action="report this bug, please")
                future.set_exception(OverloadedError("the discoverer has lost the question"))

    async def _end(self, running: _Running) -> int:
        """Release whoever waits, end the process, and return its exit status."""
        self._running = None
        self._judged.set()
        running.channel.close()
        for future in running.pending.values():
            if not future.done():
                future.set_exception(OverloadedError("the discoverer has ended"))
        return await asyncio.to_thread(_reap, running.process)

    # -- what it says ------------------------------------------------------------------------

    def _received(self, data: memoryview) -> None:
        match messages.decode_for_daemon(data):
            case (
                messages.StsFound(number, found)
                | messages.PolicyFound(number, found)
                | messages.DaneFound(number, found)
                | messages.ProbeFound(number, found)
            ):
                if future := self._waiting(number):
                    future.set_result(found)
            case messages.Failed(number) as failed:
                if future := self._waiting(number):
                    future.set_exception(messages.error_of(failed))
            case messages.Overloaded(number, reason):
                if future := self._waiting(number):
                    future.set_exception(OverloadedError(reason))
            case messages.Pong():
                self._alive = True
            case messages.Ready():
                self._judged.set()
            case messages.Unusable(errors):
                log.error("discoverer-unusable", reason="; ".join(errors))
                self._faults = errors
                self._judged.set()

    def _waiting(self, number: int) -> asyncio.Future[Any] | None:
        """Return the future of whoever waits for `number`, unless it has gone."""
        future = self._running.pending.get(number) if self._running is not None else None
        return None if future is None or future.done() else future


def _environ() -> dict[str, str]:
    """Return the environment of a process that is to find this package where it was found here.

    It may be a source tree that is installed nowhere.
    """
    root = str(Path(__file__).parents[2])
    if root in site.getsitepackages():
        return dict(os.environ)
    places = [root, os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}


def _reap(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process that has been told to end, and kill it when it takes too long."""
    try:
        return process.wait(EXIT_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
