"""One task per domain that finds something out, however many wait for it; bounded in number."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from mtasts_resolver.base import logs
from mtasts_resolver.base.overload import TOO_MANY, OverloadedError

log = logs.get(__name__)

# Each discovery holds a few sockets and up to a document of memory; 256 are more than a busy
# server's stream of new domains needs, and well within the default limit of open files.
MAX_AT_ONCE = 256
# Most discoveries take a tenth of a second. One that takes longer than this waits for somebody, and
# must not keep others from beginning: it leaves its place to the next, and goes on beside them.
SLOW_AFTER = 1.0  # seconds
# So many may do that. They cost sockets, mostly: all together, each at its worst of 8 for MTA-STS
# and 10 for DANE, need 13,824 of the 16,384 files that the process may open.
MAX_SLOW = 512
# More than this many domains waiting means that look-ups come in faster than DNS answers; those
# beyond are told to come again, which Postfix does.
MAX_QUEUED = 4_096

T = TypeVar("T")


class _Places:
    """How many may use the network at once, and how many of those that are slow beside them."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MAX_AT_ONCE)
        self.take = self._free.acquire
        self.give_back = self._free.release
        self.slow = 0


class _Place:
    """That of one discovery, which leaves it to others when it takes long."""

    def __init__(self, places: _Places) -> None:
        self._places = places
        self._slow = False
        self._watch()

    def _watch(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(SLOW_AFTER, self._leave)

    def _leave(self) -> None:
        if self._places.slow >= MAX_SLOW:
            self._watch()
            return
        self._slow = True
        self._places.slow += 1
        self._places.give_back()

    def give_back(self) -> None:
        self._timer.cancel()
        if self._slow:
            self._places.slow -= 1
        else:
            self._places.give_back()


class Discoveries(Generic[T]):
    """The discoveries that are under way, by domain."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._running: dict[str, asyncio.Task[T]] = {}
        self._places = _Places()
        self._at_work: set[str] = set()

    def __contains__(self, domain: str) -> bool:
        return domain in self._running

    def __len__(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Return how many of them have not begun to ask."""
        return len(self._running) - len(self._at_work)

    def get(self, domain: str) -> asyncio.Task[T] | None:
        """Return the task that is under way for `domain`."""
        return self._running.get(domain)

    def start(self, domain: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` for `domain`, for which nothing is under way. Raise OverloadedError.

        A bug in it is logged here, and reaches whoever waits for the task.
        """
        if len(self._running) >= MAX_QUEUED:
            work.close()
            raise OverloadedError(TOO_MANY)
        task = asyncio.get_running_loop().create_task(work, name=f"{self._kind} {domain}")
        self._running[domain] = task
        task.add_done_callback(lambda done: self._ended(domain, done))
        return task

    @asynccontextmanager
    async def slot(self, domain: str) -> AsyncIterator[None]:
        """Wait until the network may be used for `domain`."""
        await self._places.take()
        place = _Place(self._places)
        self._at_work.add(domain)
        try:
            yield
        finally:
            self._at_work.discard(domain)
            place.give_back()

    def waits(self, domain: str) -> bool:
        """Tell whether the discovery for `domain` has not even begun to ask.

        Its lateness says nothing of the domain then, and must not be taken for its failure.
        """
        return domain in self._running and domain not in self._at_work

    async def idle(self, domain: str) -> None:
        """Return when nothing is under way for `domain`."""
        while (task := self._running.get(domain)) is not None:
            await asyncio.wait({task})

    async def close(self) -> None:
        """End every discovery."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _ended(self, domain: str, task: asyncio.Task[T]) -> None:
        del self._running[domain]
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, OverloadedError):
            log.bug("internal-error", error, domain=domain, during=self._kind)
