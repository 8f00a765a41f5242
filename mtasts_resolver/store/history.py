"""The history of changes in a file of its own: the event loop's side, which never waits for it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.store import WRITE_DELAY
from mtasts_resolver.store.changes import Change, ChangesRecorded, RecordedChange
from mtasts_resolver.store.changetable import SCHEMA, ChangeTable, Noted, Wanted
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.files import side_file
from mtasts_resolver.store.keptopen import KeptOpen
from mtasts_resolver.store.schema import prepare
from mtasts_resolver.store.thread import JobThread, retrieve

KEPT = 366 * 86_400.0  # seconds: a year, so that what was a year ago today can be seen
# Changes per transaction: some ten milliseconds of a thread that has nothing else to do.
NOTED_AT_ONCE = 250
# Changes that wait for the disk, and the characters in them: what comes of a minute in which a
# thousand domains are new each second. Where the disk does not answer for longer, some are lost.
MAX_NOTED = 60_000
MAX_NOTED_CHARACTERS = 16_777_216
# Seconds between two slices of what is too old. The first comes so long after the start, for a
# clock that is ahead then is set right within minutes: it must not cost the history.
DROP_INTERVAL = 3_600.0
# What is too old goes by a thousand slices at most, in a second or so; the rest, an hour later.
DROPS_AT_ONCE = 1_000
RETRY_DELAY = 60.0  # seconds; what an administrator repairs is in use within a minute
CALL_TIMEOUT = 30.0  # seconds for one job of the thread; only a dead disk takes so long
CLOSE_TIMEOUT = 5.0  # seconds: nobody is protected less for what is lost then

log = logs.get(__name__)

T = TypeVar("T")


def history_path(policies: Path) -> Path:
    """Return where the history is that belongs to the policies in the file `policies`.

    Whoever copies or removes `policies.sqlite*` has all that belongs together.
    """
    return side_file(policies, "-history")


class _ChangeFile(KeptOpen[ChangeTable]):
    """The file of the history; all of this blocks."""

    def record(self, noted: list[Noted]) -> list[RecordedChange]:
        self.look()
        return self._guarded(lambda table: table.record(noted))

    def find(self, wanted: Wanted) -> list[RecordedChange]:
        if not self.is_open:
            self.look()
        return self._guarded(lambda table: table.find(wanted))

    def drop_older(self, time: float) -> int:
        return self._guarded(lambda table: table.drop_older(time)) if self.is_open else 0

    def _open_file(self) -> ChangeTable:
        prepare(self._path, SCHEMA)
        return ChangeTable(self._path)

    def _was_opened(self) -> None:
        """Nothing was known of the one before."""


class History:
    """Keeps changes for a year. What it cannot keep is lost: no answer depends on it."""

    def __init__(self, path: Path, *, clock: Clock, events: Events) -> None:
        self._path = path
        self._clock = clock
        self._events = events
        self._file = _ChangeFile(path, clock.wall)
        self._thread = JobThread("history")
        self._noted: deque[Noted] = deque()
        self._characters = 0
        self._lost = 0
        self._trouble: str | None = None
        self._wake = asyncio.Event()
        self._begun = asyncio.Event()
        self._writing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def trouble(self) -> str | None:
        """Why nothing can be kept at present, None while all is well."""
        return self._trouble

    @property
    def pending(self) -> int:
        """How many changes wait to be written."""
        return len(self._noted)

    def open(self) -> None:
        """Begin; what is wrong with the file is reported, and tried again later."""
        self._begun.set()
        self._tasks = [
            asyncio.create_task(self._keep_running(self._write_behind), name="history writer"),
            asyncio.create_task(self._keep_running(self._drop_behind), name="history end"),
        ]

    async def begun(self) -> None:
        """Return when it has begun, which is after the start of all else."""
        await self._begun.wait()

    def note(self, change: Change, *, usual: bool = False) -> None:
        """Have `change` written within WRITE_DELAY, if the last of its subject says otherwise.

        What is `usual` is so of most domains, and of no interest where nothing else was.
        """
        full = len(self._noted) >= MAX_NOTED or self._characters >= MAX_NOTED_CHARACTERS
        if full:
            self._lost += not usual
            if self._lost == 1 and not usual:
                log.warning("history-changes-dropping", file=self._path, waiting=len(self._noted))
            return
        self._noted.append(Noted(change, usual))
        self._characters += _characters(change)
        self._wake.set()

    async def find(self, wanted: Wanted) -> list[RecordedChange]:
        """Return a page of what is wanted, the latest first; an empty one is the last.

        What was noted before is in it. Raise UnavailableError, which is reported already.
        """
        await self.flush()
        return await self._call(partial(self._file.find, wanted))

    async def pages(self, wanted: Wanted) -> AsyncIterator[list[RecordedChange]]:
        """Yield all that is wanted, the latest first, in pages. Raise UnavailableError."""
        while page := await self.find(wanted):
            yield page
            wanted = wanted._replace(below=page[-1].number)

    async def flush(self) -> None:
        """Return when what was noted is written, or when the writing has failed."""
        async with self._writing:
            for _ in range(len(self._noted) // NOTED_AT_ONCE + 1):
                some = list(islice(self._noted, NOTED_AT_ONCE))
                if not some:
                    return
                try:
                    recorded = await self._call(partial(self._file.record, some))
                except UnavailableError:
                    return
                except Exception:
                    self._forget(some)  # what a bug is in must not hold up the rest for ever
                    raise
                self._forget(some)
                if self._lost:
                    log.warning("history-changes-dropped", file=self._path, count=self._lost)
                    self._lost = 0
                if recorded:
                    self._events.publish(ChangesRecorded(recorded))

    async def close(self) -> None:
        """Write what is noted, and end, within CLOSE_TIMEOUT."""
        begun = self._begun.is_set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CLOSE_TIMEOUT
        with suppress(TimeoutError):  # reported below
            async with asyncio.timeout_at(deadline):
                if begun:
                    await self.flush()
        closing = self._thread.do(self._file.close)
        self._thread.close()
        closing.add_done_callback(retrieve)
        await asyncio.wait((closing,), timeout=0 if self._thread.stuck else deadline - loop.time())
        if begun and self._noted:
            log.warning("history-changes-dropped", file=self._path, count=len(self._noted))

    def _forget(self, some: list[Noted]) -> None:
        for noted in some:
            self._noted.popleft()
            self._characters -= _characters(noted.change)

    async def _keep_running(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - a bug must not end the writing
                log.bug("internal-error", error, during="history")
                await self._clock.sleep(RETRY_DELAY)

    async def _write_behind(self) -> None:
        await self._wake.wait()
        await self._clock.sleep(WRITE_DELAY if self._trouble is None else RETRY_DELAY)
        await self.flush()
        if not self._noted:
            self._wake.clear()

    async def _drop_behind(self) -> None:
        await self._clock.sleep(DROP_INTERVAL)
        for _ in range(DROPS_AT_ONCE):
            try:
                oldest = self._clock.wall() - KEPT
                if not await self._call(partial(self._file.drop_older, oldest)):
                    return
            except UnavailableError:
                return

    async def _call(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, done in the thread. Raise UnavailableError, and report it."""
        try:
            result = (await self._thread.finished(work, CALL_TIMEOUT)).result()
        except UnavailableError as failure:
            if self._trouble != str(failure):
                self._trouble = str(failure)
                log.warning("history-unavailable", file=self._path, reason=failure)
            raise
        if self._trouble is not None:
            self._trouble = None
            log.info("history-available", file=self._path)
        return result


def _characters(change: Change) -> int:
    return len(change.now or "") + len(change.was or "") + len(change.reason)
