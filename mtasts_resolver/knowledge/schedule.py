"""Doing something for each domain when it is due, again and again, a bounded number at once."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import islice
from typing import Generic, TypeVar

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.knowledge.agenda import Agenda

log = logs.get(__name__)

# The loop looks at its schedule at least this often, whatever it believes.
MAX_SLEEP = 3_600.0
# After overload, or a bug, a domain is tried again in five minutes: RFC 8461 §3.3 allows no sooner.
PAUSE = 300.0
# Renewals that begin in one turn of the event loop: each runs for some 30 µs before it first waits.
MAX_BEGUN_PER_TURN = 16
# Entries that one turn looks at, of which most may be outdated: of a million, each takes 3 µs.
MAX_TAKEN_PER_TURN = 128

E = TypeVar("E")


class Schedule(ABC, Generic[E]):
    """Renews what is known of each domain when it is due."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._agenda = Agenda()
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    @abstractmethod
    async def renew(self, domain: str) -> E | None:
        """Find out anew; return the entry, or None where the domain need not be scheduled again.

        Raise OverloadedError.
        """

    @abstractmethod
    def due(self, entry: E) -> float:
        """Return the monotonic time at which `entry` should be renewed."""

    @property
    @abstractmethod
    def concurrency(self) -> int:
        """How many domains may be renewed at once."""

    def __len__(self) -> int:
        """Return how many domains are scheduled."""
        return len(self._agenda)

    def __contains__(self, domain: str) -> bool:
        return domain in self._agenda

    def schedule(self, domain: str, entry: E) -> None:
        """Note when the entry of `domain` is due."""
        self._schedule_at(domain, self.due(entry))

    def domains(self) -> Iterator[str]:
        """Yield each that is still scheduled when its turn comes."""
        return self._agenda.domains()

    def due_at(self, domain: str) -> float | None:
        """Return when `domain` is due; infinity while it is renewed, None where it never is."""
        return self._agenda.due_at(domain)

    def unschedule(self, domain: str) -> None:
        """Let `domain` be due no more."""
        self._agenda.remove(domain)

    def wake(self) -> None:
        """Look at the schedule again: something about it has changed."""
        self._wake.set()

    async def run(self) -> None:
        """Work for ever; ends by cancellation."""
        try:
            while True:
                self._start_due()
                await self._wait()
        finally:
            for task in self._running:
                task.cancel()

    def _schedule_at(self, domain: str, due: float) -> None:
        self._agenda.put(domain, due)
        if due <= self._agenda.earliest():
            self._wake.set()

    def _start_due(self) -> None:
        if len(self._running) >= self.concurrency:
            return
        most = min(len(self._running) + MAX_BEGUN_PER_TURN, self.concurrency)
        for domain in islice(self._agenda.take(self._clock.monotonic()), MAX_TAKEN_PER_TURN):
            if domain is not None:
                task = asyncio.create_task(self._run(domain), name=f"renew {domain}")
                self._running.add(task)
                task.add_done_callback(self._ended)
                if len(self._running) == most:
                    return

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _wait(self) -> None:
        """Wait until a domain is due, a renewal has ended, or the schedule has a new head."""
        self._wake.clear()
        delay = MAX_SLEEP
        if len(self._running) < self.concurrency:
            delay = min(MAX_SLEEP, max(0.0, self._agenda.earliest() - self._clock.monotonic()))
        alarm = asyncio.create_task(self._wake_after(delay))
        try:
            await self._wake.wait()
        finally:
            alarm.cancel()

    async def _wake_after(self, delay: float) -> None:
        await self._clock.sleep(delay)
        self._wake.set()

    async def _run(self, domain: str) -> None:
        try:
            entry = await self.renew(domain)
        except OverloadedError:
            self._schedule_at(domain, self._clock.monotonic() + PAUSE)
        except Exception as error:  # noqa: BLE001  a bug here must not end the renewal of others
            log.bug("internal-error", error, domain=domain, during="renewal")
            self._schedule_at(domain, self._clock.monotonic() + PAUSE)
        else:
            if entry is None:
                self.unschedule(domain)
            else:
                self.schedule(domain, entry)
