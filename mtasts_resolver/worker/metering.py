"""What each question costs, and whose turn it is.

An event loop runs all that is ready, and so whoever always has something ready has the processor
to himself. Every step of a question is measured, those of the tasks that it starts as well. One
that has used more than others need takes its next steps one in a turn of the loop, whichever of
them has used the least; one that has used far more is ended: that is its domain's failure.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from mtasts_resolver.discovery.errors import DiscoveryError

# Nanoseconds of processor time. A discovery needs one to two milliseconds, and a policy of 64 KiB
# or twenty MX hosts a few more.
USUAL = 10_000_000
# No discovery that was ever seen to succeed needs a tenth of this, on a slow machine either.
MOST = 250_000_000
# To look at all of a domain may take three handshakes at each of four addresses of twenty MX hosts.
# Most need a few dozen milliseconds; there is no hurry, and others come first.
MOST_OF_ALL = 3_000_000_000

T = TypeVar("T")


class Cost:
    """What one question has used, and the task that answers it."""

    __slots__ = ("_begun", "ended", "exceeded", "most", "scheduler", "task", "used")

    def __init__(self, scheduler: "FairScheduler", most: int) -> None:
        self.scheduler = scheduler
        self.most = most
        """Nanoseconds that it may use."""
        self.used = 0
        """Nanoseconds of processor time, of the steps that have ended."""
        self._begun: int | None = None
        self.exceeded = False
        self.ended = False
        self.task: asyncio.Task[Any] | None = None

    @property
    def seconds(self) -> float:
        """What it has used so far, the step that is under way included."""
        now = 0 if self._begun is None else time.thread_time_ns() - self._begun
        return (self.used + now) / 1e9

    def begin(self) -> None:
        self._begun = time.thread_time_ns()

    def end(self) -> None:
        if self._begun is not None:
            self.used += time.thread_time_ns() - self._begun
            self._begun = None

    def end_if_too_much(self) -> None:
        if self.used > self.most and not self.exceeded and self.task is not None:
            self.exceeded = self.task.cancel()

    def fails(self) -> bool:
        """Tell whether the task is cancelled for its cost and for nothing else."""
        if not self.exceeded or self.ended or self.task is None:
            return False
        self.ended = True
        return self.task.uncancel() == 0


_COST: ContextVar[Cost | None] = ContextVar("cost", default=None)


class FairScheduler:
    """Lets those who have used more than others need go on one at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        loop.set_task_factory(_measured_task)

    def start(
        self, work: Callable[[Cost], Coroutine[Any, Any, None]], most: int | None = None
    ) -> asyncio.Task[None]:
        """Begin `work`, which gets what it costs, and may be `most`, or MOST."""
        cost = Cost(self, MOST if most is None else most)
        context = copy_context()
        context.run(_COST.set, cost)
        cost.task = self._loop.create_task(work(cost), context=context)
        return cost.task

    def turn(self, used: int) -> "asyncio.Future[None]":
        """Return a future that ends when it is the turn of somebody who has used so much."""
        turn = self._loop.create_future()
        if not self._waiting:
            self._loop.call_soon(self._next)
        heapq.heappush(self._waiting, (used, next(self._order), turn))
        return turn

    def _next(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():  # else its task has been cancelled
                turn.set_result(None)
                break
        if self._waiting:
            self._loop.call_soon(self._next)


@contextmanager
def charged(kind: type[DiscoveryError], whose: str) -> Iterator[None]:
    """Raise `kind` where what is done inside, for a question, has cost too much."""
    try:
        yield
    except asyncio.CancelledError:
        cost = _COST.get()
        if cost is None or not cost.fails():
            raise
        most = f"{cost.most / 1e9:g} s of processor time"
        raise kind(f"{whose} took more than {most}, which no sound one needs") from None


def _measured_task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
    **named: Any,  # noqa: ANN401  whatever this version of Python gives to a task
) -> asyncio.Task[T]:
    """Return a task: an asyncio task factory. A question's tasks are measured."""
    context = named.get("context")
    cost = _COST.get() if context is None else context.get(_COST)
    if cost is not None:
        coro = _Measured(coro, cost)
    return asyncio.Task(coro, loop=loop, **named)


class _Measured(Coroutine[Any, Any, T]):
    """A coroutine whose steps are measured, and wait for their turn when they must."""

    __slots__ = ("_coro", "_cost", "_turn")

    def __init__(self, coro: Coroutine[Any, Any, T] | Generator[Any, None, T], cost: Cost) -> None:
        self._coro = coro
        self._cost = cost
        self._turn: asyncio.Future[None] | None = None

    def send(self, value: None) -> object:
        cost = self._cost
        if cost.used > USUAL:
            if self._turn is None:
                self._turn = cost.scheduler.turn(cost.used)
                return next(self._turn.__await__())
            self._turn = None
        cost.begin()
        try:
            awaited: object = self._coro.send(value)
        finally:
            cost.end()
        cost.end_if_too_much()
        return awaited

    def throw(self, *error: Any) -> object:  # noqa: ANN401  as Python's versions differ
        self._turn = None
        self._cost.begin()
        try:
            awaited: object = self._coro.throw(*error)
        finally:
            self._cost.end()
        return awaited

    def close(self) -> None:
        self._coro.close()

    def __await__(self) -> Generator[Any, Any, T]:
        raise NotImplementedError("a task drives it")
