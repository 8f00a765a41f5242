"""One task per domain that finds something out, however many wait for it; bounded in number."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
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
# Nobody waits for what is looked at again behind an answer. A thousand that have not begun leave
# room for mail, and are so few objects that the garbage collector is through in a millisecond.
MAX_BEHIND = 1_024
# Places that are given away in one turn of the event loop. Who gets one asks the other process at
# once, which takes some 15 microseconds; all the places may become free in the same moment.
BEGIN_AT_ONCE = 16

T = TypeVar("T")


class _Places:
    """How many may use the network at once, and how many of those that are slow beside them."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MAX_AT_ONCE)
        self.take = self._free.acquire
        self._returned = 0
        self.slow = 0

    def give_back(self) -> None:
        self._returned += 1
        if self._returned == 1:
            asyncio.get_running_loop().call_soon(self._give_away)

    def _give_away(self) -> None:
        """Let some of those begin that wait, and others in the next turn."""
        some = min(self._returned, BEGIN_AT_ONCE)
        for _ in range(some):
            self._free.release()
        self._returned -= some
        if self._returned:
            asyncio.get_running_loop().call_soon(self._give_away)


class _Slot:
    """The place of one discovery, which leaves it to others when it takes long."""

    __slots__ = ("_at_work", "_domain", "_places", "_slow", "_timer")

    def __init__(self, places: _Places, at_work: set[str], domain: str) -> None:
        self._places = places
        self._at_work = at_work
        self._domain = domain
        self._slow = False

    async def __aenter__(self) -> None:
        await self._places.take()
        self._at_work.add(self._domain)
        self._watch()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self._at_work.discard(self._domain)
        if self._slow:
            self._places.slow -= 1
        else:
            self._places.give_back()

    def _watch(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(SLOW_AFTER, self._leave)

    def _leave(self) -> None:
        if self._places.slow >= MAX_SLOW:
            self._watch()
            return
        self._slow = True
        self._places.slow += 1
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

    def start(
        self, domain: str, work: Coroutine[Any, Any, T], *, behind: bool = False
    ) -> asyncio.Task[T]:
        """Run `work` for `domain`, for which nothing is under way. Raise OverloadedError.

        It is `behind` an answer where nobody waits for it. A bug in it is logged here, and reaches
        whoever waits for the task.
        """
        if len(self._running) >= (MAX_BEHIND if behind else MAX_QUEUED):
            work.close()
            raise OverloadedError(TOO_MANY)
        task = asyncio.get_running_loop().create_task(work, name=f"{self._kind} {domain}")
        self._running[domain] = task
        task.add_done_callback(lambda done: self._ended(domain, done))
        return task

    def slot(self, domain: str) -> _Slot:
        """Return what waits, when it is entered, until the network may be used for `domain`."""
        return _Slot(self._places, self._at_work, domain)

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
