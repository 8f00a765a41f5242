"""Bringing what is stored into memory: at the start, and when the wall clock was set."""

import asyncio

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.knowledge.entry import StsEntry
from mtasts_resolver.knowledge.events import ClockSet, PoliciesLoaded
from mtasts_resolver.knowledge.lifetimes import EXPIRED_GRACE
from mtasts_resolver.knowledge.policies import Policies
from mtasts_resolver.knowledge.schedule import Schedule
from mtasts_resolver.store import Store
from mtasts_resolver.store.errors import UnavailableError

# Characters of documents that are read in one turn of the event loop at the start: a millisecond.
READ_PER_TURN = 32_768
# To take in a policy of any length costs as much as so many characters do: 15 microseconds.
EACH = 512
LOAD_RETRY_DELAY = 60.0  # seconds; what an administrator repairs is in use within a minute
# Seconds between two looks at whether the wall clock was set; that is mostly soon after the start.
CLOCK_LOOK_FIRST = 60.0
CLOCK_LOOK = 3_600.0
# The least difference that counts: NTP sets what is less by slowing or hastening the clock.
CLOCK_SET = 60.0


class Loader:
    """Loads the store, again when the wall clock was set, and at times drops what is long over."""

    def __init__(
        self,
        policies: Policies,
        store: Store,
        schedule: Schedule[StsEntry],
        *,
        clock: Clock,
        events: Events,
    ) -> None:
        self._policies = policies
        self._store = store
        self._schedule = schedule
        self._clock = clock
        self._events = events

    async def run(self) -> None:
        """Work for ever; ends by cancellation."""
        started = dropped = self._clock.monotonic()
        offset = self._clock_offset()
        await self._load()
        while True:
            now = self._clock.monotonic()
            await self._clock.sleep(CLOCK_LOOK_FIRST if now - started < CLOCK_LOOK else CLOCK_LOOK)
            now, step = self._clock.monotonic(), self._clock_offset() - offset
            if abs(step) >= CLOCK_SET:
                self._events.publish(ClockSet(step))
                offset += step
                await self._load()
            elif now - dropped >= EXPIRED_GRACE:
                dropped = now
                await self._drop_expired()

    def _clock_offset(self) -> float:
        return self._clock.wall() - self._clock.monotonic()

    async def _load(self) -> None:
        """Schedule what the store holds, and take it into memory; try until all could be read."""
        while True:
            expired: list[str] = []
            try:
                async for batch in self._store.scan():
                    read = 0
                    for stored in batch:
                        read += EACH + len(stored.document)
                        if read > READ_PER_TURN:
                            await asyncio.sleep(0)
                            read = 0
                        entry = self._policies.load(stored)
                        if entry is None:
                            expired.append(stored.domain)
                        elif stored.domain not in self._schedule:
                            self._schedule.schedule(stored.domain, entry)
            except UnavailableError:  # the store has said so
                await self._clock.sleep(LOAD_RETRY_DELAY)
            else:
                self._policies.loaded()
                self._events.publish(PoliciesLoaded(len(self._schedule), expired))
                return

    async def _drop_expired(self) -> None:
        try:
            async for batch in self._store.scan():
                for stored in batch:
                    self._policies.drop_expired(stored)
        except UnavailableError:  # the store has said so; the next time will do
            return
