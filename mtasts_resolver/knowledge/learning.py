"""What MTA-STS and DANE have in common: how a thing comes to be known, and stays known.

Memory answers without waiting. What it does not hold is learnt by a task, one per key however many
ask; the task goes on when the look-ups that wait for it have given up, so that Postfix's next try
finds its result. What has become stale is answered still, and looked at again behind the answer.
What is in use is renewed before it ends.
"""

import asyncio
import random
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Generic, NamedTuple, TypeVar

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.overload import TOO_MANY, OverloadedError
from mtasts_resolver.config import Config
from mtasts_resolver.knowledge.cache import Cache
from mtasts_resolver.knowledge.entry import Entry
from mtasts_resolver.knowledge.inflight import Discoveries
from mtasts_resolver.knowledge.lifetimes import RETRY_SOON
from mtasts_resolver.knowledge.pacing import Pacing
from mtasts_resolver.knowledge.schedule import Schedule

E = TypeVar("E", bound=Entry)
F = TypeVar("F")


class Means(NamedTuple):
    """What every kind of knowledge works with."""

    clock: Clock
    rng: random.Random
    config: Config
    counters: Counters
    events: Events


class Knowledge(Schedule[E], Generic[E, F]):
    """Knows, or finds out, one kind of thing. F is the finding that an entry E holds."""

    def __init__(self, kind: str, cache: Cache[E], means: Means) -> None:
        super().__init__(means.clock)
        self.cache = cache
        self._rng = means.rng
        self._config = means.config
        self._counters = means.counters
        self._events = means.events
        self._discoveries: Discoveries[E | None] = Discoveries(kind)
        self._refetches = Pacing()

    @property
    def concurrency(self) -> int:
        return self._config.refresh.concurrency

    @property
    def under_way(self) -> Discoveries[E | None]:
        """The discoveries that have begun, or wait to begin."""
        return self._discoveries

    def lookup(self, key: str) -> E | None:
        """Return what memory knows of `key`, at once; None where it must be learnt."""
        now = self._clock.monotonic()
        entry = self.cache.use(key, now)
        if entry is not None and now >= entry.stale_at:
            self._look_behind(key, entry, now)
        return entry

    async def resolve(self, key: str) -> F:
        """Learn what is known of `key`, within `lookup_timeout`. Raise OverloadedError."""
        timeout = self._config.lookup_timeout
        try:
            async with asyncio.timeout(timeout) as limit:
                return await self._find(key)
        except TimeoutError:
            if not limit.expired():
                raise
            if (entry := self.lookup(key)) is not None:
                found: F = entry.finding  # it came in the very turn in which the time was over
                return found
            self._counters.lookup_timeouts += 1
            if self._discoveries.waits(key):
                raise OverloadedError(TOO_MANY) from None
            return self._too_late(key, timeout)

    async def renew(self, key: str) -> E | None:
        return await self._alone(key, self._find_anew)

    async def refetch(self, key: str) -> None:
        """Find out anew at once, whatever is known: an administrator asks for it.

        What was found is held then. Raise TooSoonError or OverloadedError.
        """
        self._refetches.begin(key, self._clock.monotonic())
        await self._alone(key, self._refetch)

    async def purge(self, key: str) -> None:
        """Drop what is known of `key`, once nothing is under way for it."""
        await self._discoveries.idle(key)
        self.unschedule(key)
        self._drop(key)

    async def close(self) -> None:
        """End every discovery."""
        await self._discoveries.close()

    # -- what differs --------------------------------------------------------------------------

    @abstractmethod
    async def _find(self, key: str) -> F:
        """Find out for a look-up, however long that takes."""

    @abstractmethod
    async def _learn(self, key: str) -> E | None:
        """Find out what memory does not hold; None where that was lost again meanwhile."""

    @abstractmethod
    async def _look_again(self, key: str) -> E:
        """Find out what has become of a stale entry."""

    @abstractmethod
    async def _find_anew(self, key: str) -> E | None:
        """Find out for the schedule; None where the key need not be scheduled again."""

    @abstractmethod
    async def _refetch(self, key: str) -> E:
        """Find out for an administrator, and note when the key is due then."""

    @abstractmethod
    def _drop(self, key: str) -> None:
        """Drop what memory holds of `key`, and what is stored."""

    @abstractmethod
    def _too_late(self, key: str, timeout: float) -> F:
        """Return the finding for a look-up that took longer. Raise OverloadedError."""

    # -- what does not -------------------------------------------------------------------------

    async def _learnt(self, key: str) -> E:
        """Return what the discovery of `key` learns that is under way, or begins now."""
        while True:
            task = self._discoveries.get(key) or self._discoveries.start(key, self._learn(key))
            await asyncio.wait({task})
            entry = task.result()
            if entry is not None:  # None: it was a renewal, and nothing is left
                return entry

    async def _alone(
        self, key: str, find: Callable[[str], Coroutine[Any, Any, E | None]]
    ) -> E | None:
        """Return what `find` finds, which begins when nothing is under way for `key`.

        It goes on when whoever waits for it has gone.
        """
        await self._discoveries.idle(key)
        task = self._discoveries.start(key, find(key))
        await asyncio.wait({task})
        return task.result()

    def _look_behind(self, key: str, entry: E, now: float) -> None:
        if key in self._discoveries:
            return
        try:
            self._discoveries.start(key, self._look_again(key), behind=True)
        except OverloadedError:
            entry.stale_at = now + RETRY_SOON
