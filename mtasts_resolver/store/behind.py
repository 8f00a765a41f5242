"""Writing behind: the event loop's side of a file, which never waits for the disk."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.store import WRITE_DELAY
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.keptopen import KeptOpen
from mtasts_resolver.store.thread import JobThread, retrieve

RETRY_FIRST = 1.0  # seconds until a failed write is tried again, doubled each time
RETRY_LAST = 60.0  # seconds; what an administrator repairs is in use within a minute
CALL_TIMEOUT = 30.0  # seconds for one job of the thread; only a dead disk takes so long

log = logs.get(__name__)

T = TypeVar("T")


class WriteBehind(ABC):
    """Has written soon what waits, and again where that failed, and tells of trouble once.

    Whoever adds to what waits sets `_wake`.
    """

    def __init__(self, name: str, file: KeptOpen[Any], clock: Clock) -> None:
        """`name` is what the log calls it where a bug is in it."""
        self._name = name
        self._kept_open = file
        self._clock = clock
        self._thread = JobThread(name)
        self._trouble: str | None = None
        self._failures = 0
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at present, None while all is well."""
        return self._trouble

    @property
    @abstractmethod
    def pending(self) -> int:
        """How many changes wait to be written."""

    @abstractmethod
    async def _write(self) -> None:
        """Write what waits now, a transaction at a time, each with `_call` and `_note_success`.

        In trouble see at least whether it could be; once nothing waits clear `_wake`. Raise
        UnavailableError.
        """

    @abstractmethod
    def _tell_unavailable(self, reason: str) -> None:
        """Say that the file cannot be used."""

    @abstractmethod
    def _tell_available(self) -> None:
        """Say that it can be written again."""

    async def flush(self) -> None:
        """Return when everything that was put is written, or when the writing has failed."""
        async with self._writing:
            try:
                await self._write()
            except UnavailableError:  # reported already
                self._failures += 1

    def _begin(self, **more: Callable[[], Awaitable[None]]) -> None:
        """Begin to write behind, and what else is done again and again, by name."""
        works = {"writer": self._write_behind, **more}
        self._tasks = [
            asyncio.create_task(self._keep_running(work), name=f"{self._name} {what}")
            for what, work in works.items()
        ]

    async def _end(self, within: float) -> bool:
        """Write what waits, and close the file as soon as the disk answers.

        Tell whether that was within so many seconds.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        with suppress(TimeoutError):  # whoever closes it says what is unwritten
            async with asyncio.timeout_at(deadline):
                await self.flush()
        closing = self._thread.do(self._kept_open.close)
        self._thread.close()
        closing.add_done_callback(retrieve)
        await asyncio.wait((closing,), timeout=0 if self._thread.stuck else deadline - loop.time())
        return closing.done()

    async def _call(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, done in the thread.

        Raise UnavailableError, at the latest after CALL_TIMEOUT, and report it.
        """
        try:
            return (await self._thread.finished(work, CALL_TIMEOUT)).result()
        except UnavailableError as failure:
            self._note_failure(str(failure))
            raise

    async def _keep_running(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - a bug must not end the writing
                log.bug("internal-error", error, during=self._name)
                self._failures += 1

    async def _write_behind(self) -> None:
        await self._wake.wait()
        await self._clock.sleep(self._delay())
        await self.flush()

    def _delay(self) -> float:
        if self._trouble is None and not self._failures:
            return WRITE_DELAY
        doublings = min(max(self._failures - 1, 0), 10)  # 2 ** 10 is above RETRY_LAST by far
        return min(RETRY_LAST, RETRY_FIRST * 2.0**doublings)

    def _note_failure(self, reason: str) -> None:
        """Report a failure once for each reason, and have the file tried again."""
        self._wake.set()
        if self._trouble != reason:
            self._trouble = reason
            self._tell_unavailable(reason)

    def _note_success(self) -> None:
        """Know that the file can be written."""
        self._failures = 0
        if self._trouble is not None:
            self._trouble = None
            self._tell_available()
