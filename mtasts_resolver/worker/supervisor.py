"""The daemon's side: the discoverer as a process that is asked, watched, and started again.

It runs when nobody else wants to. On a host that never rests that is never: then a second one, of
the usual policy, takes over what was asked, until the host rests. A process cannot go back to the
usual policy by itself, which takes a privilege.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.config import Config, ConfigError, Fault
from mtasts_resolver.discovery.findings import FoundDane, FoundSts, Probe
from mtasts_resolver.policy import Policy
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.worker import messages
from mtasts_resolver.worker.messages import Configure, Question
from mtasts_resolver.worker.process import WorkerProcess
from mtasts_resolver.worker.questions import OpenQuestions

log = logs.get(__name__)

MAX_PAUSE = 60.0  # seconds until a process is started again that ends again and again
STEADY = 60.0  # seconds: a process that lived for so long is started again at once

T = TypeVar("T")


class Supervisor:
    """A Discoverer that has another process do the work.

    Whatever happens to that process, who waits for it gets OverloadedError at the latest when it
    has ended, which `run` sees to.
    """

    def __init__(self, config: Config, clock: Clock, counters: Counters) -> None:
        self._config = config
        self._clock = clock
        self._counters = counters
        self._idle: WorkerProcess | None = None  # the one that lets others go first
        self._relief: WorkerProcess | None = None  # at work while the host is busy
        self._spare: WorkerProcess | None = None  # sleeps, until it is the relief
        self._questions = OpenQuestions()
        self._starved = asyncio.Event()
        self._judged = asyncio.Event()
        self._fault: Fault | None = None

    # -- questions ---------------------------------------------------------------------------

    async def sts(self, domain: str, known_ids: Sequence[str]) -> FoundSts:
        return await self._ask(FoundSts, "sts", domain, known_ids)

    async def policy(self, domain: str) -> Policy:
        return await self._ask(Policy, "policy", domain)

    async def dane(self, next_hop: str) -> FoundDane:
        return await self._ask(FoundDane, "dane", next_hop)

    async def hosts(self, next_hop: str) -> FoundDane:
        return await self._ask(FoundDane, "hosts", next_hop)

    async def probe(self) -> Probe:
        return await self._ask(Probe, "probe", "")

    async def published(self, domain: str, *, smtp: bool) -> Observed:
        return await self._ask(Observed, "published", domain, smtp=smtp)

    async def _ask(
        self,
        kind: type[T],
        question: Question,
        about: str,
        known_ids: Sequence[str] = (),
        *,
        smtp: bool = True,
    ) -> T:
        if (process := self._at_work()) is None:
            raise OverloadedError("the discoverer is not running")
        return await self._questions.ask(process, kind, question, about, known_ids, smtp=smtp)

    def _at_work(self) -> WorkerProcess | None:
        """Return the process that questions are for."""
        relief = self._relief if self._relief is not None and self._relief.ready else None
        if relief is not None and self._idle is not None and self._idle.rested:
            return self._idle
        return relief or self._idle or self._spare

    # -- its life ----------------------------------------------------------------------------

    def start(self, *, spare: bool = False) -> None:
        """Start the process. Raise OSError.

        With a `spare` start a second one, too, which sleeps until it is needed: later on this
        process may have become a user who can start none.
        """
        self._idle = WorkerProcess(self._config, self._received, idle=True)
        if spare:
            self._spare = WorkerProcess(self._config, self._received, idle=False)

    @property
    def pid(self) -> int | None:
        """The process id, while there is a process."""
        return None if self._idle is None else self._idle.pid

    @property
    def trouble(self) -> str | None:
        """Why nothing can be found out at present, None while all is well."""
        if self._fault is not None:
            return str(self._fault)
        process = self._at_work()
        if process is None:
            return "the process that discovers is not running"
        return None if process.ready else "the process that discovers is starting"

    async def ready(self) -> None:
        """Return when the process can work, or has ended, which `run` mends.

        Raise ConfigError where it cannot use what the configuration names.
        """
        await self._judged.wait()
        if self._fault is not None:
            raise ConfigError([self._fault])

    def reconfigure(self, config: Config) -> None:
        self._config = config
        for process in self._processes():
            process.send(messages.encode(Configure(config)))

    async def run(self) -> None:
        """See to it that there is a process that works, for ever; ends by cancellation."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep())
            tasks.create_task(self._relieve())

    async def close(self) -> None:
        """End whatever runs."""
        processes = self._processes()
        self._idle = self._relief = self._spare = None
        for process in processes:
            await self._end(process)

    def _processes(self) -> set[WorkerProcess]:
        return {
            process for process in (self._idle, self._relief, self._spare) if process is not None
        }

    async def _keep(self) -> None:
        """Have a process that runs when nobody else wants to, for ever."""
        pause = 0.0
        while True:
            begun = self._clock.monotonic()
            if (process := self._idle) is not None:
                await process.watch(partial(self._look, process))
                self._idle = None
                self._judged.set()
                self._report_end(await self._end(process))
            lived = self._clock.monotonic() - begun
            pause = 0.0 if lived >= STEADY else min(MAX_PAUSE, pause * 2 or 1.0)
            await self._clock.sleep(pause)
            try:
                self.start()
            except OSError as error:
                log.error("discoverer-not-started", reason=str(error), action="it is tried again")
                if self._spare is not None:
                    self._starved.set()
            else:
                log.info("discoverer-started", pid=self.pid)

    async def _relieve(self) -> None:
        """Have one of the usual policy beside it while the host is busy, for ever."""
        while True:
            self._starved.clear()
            await self._starved.wait()
            log.info("discovery-starved", action="it gets a process's usual share until this ends")
            try:
                relief = self._spare or WorkerProcess(self._config, self._received, idle=False)
            except OSError as error:
                log.error("discoverer-not-started", reason=str(error), action="it is tried again")
            else:
                if await self._has_relieved(relief):
                    log.info("discovery-unstarved")
                    continue
            await self._clock.sleep(MAX_PAUSE)

    async def _has_relieved(self, relief: WorkerProcess) -> bool:
        """Have `relief` at work until it is no longer needed; return False where it ended first."""
        self._relief = relief
        if relief.ready:
            self._questions.hand_over(relief)
        await relief.watch(partial(self._is_over, relief))
        self._relief = None
        over = self._is_over(relief) and not relief.ended.is_set()
        if over and relief is self._spare:
            return True
        self._spare = None
        status = await self._end(relief)
        if not over:
            self._report_end(status)
        return over

    def _look(self, process: WorkerProcess) -> bool:
        """Look after the process that is `process`; it is never enough."""
        if process.starved:
            self._starved.set()
        self._questions.give_up()
        return False

    def _is_over(self, relief: WorkerProcess) -> bool:
        """Tell whether `relief` is no longer needed, and has answered all that it was asked."""
        rested = self._idle is not None and self._idle.rested
        return rested and not self._questions.wait_for(relief)

    def _report_end(self, status: int) -> None:
        self._counters.discoverer_ends += 1
        log.error(
            "discoverer-ended",
            status=status,
            action="it is started again; look-ups of new domains are deferred meanwhile",
        )

    async def _end(self, process: WorkerProcess) -> int:
        """Release whoever waits for `process`, end it, and return its exit status."""
        self._questions.release(process)
        return await process.end()

    # -- what it says ------------------------------------------------------------------------

    def _received(self, process: WorkerProcess, message: messages.ToDaemon) -> None:
        match message:
            case messages.Ready():
                process.ready = True
                if process is not self._spare:  # which may be sooner, and is not asked
                    self._judged.set()
                if self._fault is not None:
                    self._fault = None
                    log.info("discoverer-usable")
                if process is self._relief:
                    self._questions.hand_over(process)
            case messages.Unusable(fault):
                if fault != self._fault:
                    log.error(
                        "discoverer-unusable",
                        reason=str(fault),
                        action="mend it: it is tried again; look-ups of new domains are deferred",
                    )
                self._fault = fault
                self._judged.set()
            case messages.Pong():
                pass  # WorkerProcess has noted it
            case _:
                self._questions.settle(process, message)
