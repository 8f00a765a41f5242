"""The history of changes in a file of its own: the event loop's side, which never waits for it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.store.behind import WriteBehind
from mtasts_resolver.store.changes import Change, ChangesRecorded, RecordedChange
from mtasts_resolver.store.changetable import SCHEMA, ChangeTable, Noted, Wanted
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.files import side_file
from mtasts_resolver.store.hourcounts import DaySum, HourCount
from mtasts_resolver.store.keptopen import KeptOpen
from mtasts_resolver.store.schema import prepare

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
CLOSE_TIMEOUT = 5.0  # seconds: nobody is protected less for what is lost then

log = logs.get(__name__)


def history_path(policies: Path) -> Path:
    """Return where the history is that belongs to the policies in the file `policies`.

    Whoever copies or removes `policies.sqlite*` has all that belongs together.
    """
    return side_file(policies, "-history")


class _ChangeFile(KeptOpen[ChangeTable]):
    """The file of the history; all of this blocks."""

    _added = 0

    def record(self, noted: list[Noted]) -> list[RecordedChange]:
        """Record `noted`; without any, see if it were possible."""
        self.look()
        if not noted:
            self._guarded(ChangeTable.check_writable)
            return []
        return self._guarded(lambda table: table.record(noted))

    def find(self, wanted: Wanted) -> list[RecordedChange]:
        if not self.is_open:
            self.look()
        return self._guarded(lambda table: table.find(wanted))

    def count(self, number: int, counted: Sequence[HourCount]) -> None:
        """Add what was counted, once: a disk may be slow, and the same be handed over again."""
        if number <= self._added:
            return
        self.look()
        self._guarded(lambda table: table.count(counted))
        self._added = number

    def counted(self, since: float, until: float) -> list[DaySum]:
        if not self.is_open:
            self.look()
        return self._guarded(lambda table: table.counted(since, until))

    def drop_older(self, time: float) -> int:
        return self._guarded(lambda table: table.drop_older(time)) if self.is_open else 0

    def _open_file(self) -> ChangeTable:
        prepare(self._path, SCHEMA)
        return ChangeTable(self._path)

    def _was_opened(self) -> None:
        """Nothing was known of the one before."""


class History(WriteBehind):
    """Keeps changes for a year. What it cannot keep is lost: no answer depends on it."""

    def __init__(self, path: Path, *, clock: Clock, events: Events) -> None:
        self._path = path
        self._events = events
        self._file = _ChangeFile(path, clock.wall)
        super().__init__("history", self._file, clock)
        self._noted: deque[Noted] = deque()
        self._characters = 0
        self._lost = 0
        self._counted: Sequence[HourCount] = ()
        self._countings = 0
        self._begun = asyncio.Event()

    @property
    def pending(self) -> int:
        """How many changes wait to be written."""
        return len(self._noted)

    def open(self) -> None:
        """Begin; what is wrong with the file is reported, and tried again later."""
        self._begun.set()
        self._begin(end=self._drop_behind)

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

    @property
    def counts_wait(self) -> bool:
        """Tell whether what was counted last is still to be written."""
        return bool(self._counted)

    def count(self, counted: Sequence[HourCount]) -> None:
        """Have `counted` added to what was counted before. Not while `counts_wait`."""
        if counted:
            self._counted = counted
            self._countings += 1
            self._wake.set()

    async def counted(self, since: float, until: float) -> list[DaySum]:
        """Return what was counted in the hours from `since` to `until`. Raise UnavailableError."""
        await self.flush()
        return await self._call(partial(self._file.counted, since, until))

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

    async def close(self) -> None:
        """Write what is noted, and end, within CLOSE_TIMEOUT."""
        if not self._begun.is_set():
            self._noted.clear()  # nothing has happened but a start that failed
            self._counted = ()
        await self._end(CLOSE_TIMEOUT)
        if self._noted:
            log.warning("history-changes-dropped", file=self._path, count=len(self._noted))
        if self._counted:
            log.warning("history-counts-dropped", file=self._path)

    async def _write(self) -> None:
        await self._write_counted()
        for _ in range(len(self._noted) // NOTED_AT_ONCE + 2):
            some = list(islice(self._noted, NOTED_AT_ONCE))
            if not (some or self._trouble):
                self._wake.clear()
                return
            try:
                recorded = await self._call(partial(self._file.record, some))
            except UnavailableError:
                raise
            except Exception:
                self._forget(some)  # what a bug is in must not hold up the rest for ever
                raise
            self._forget(some)
            self._note_success()
            if self._lost:
                log.warning("history-changes-dropped", file=self._path, count=self._lost)
                self._lost = 0
            if recorded:
                self._events.publish(ChangesRecorded(recorded))

    async def _write_counted(self) -> None:
        counted, number = self._counted, self._countings
        if not counted:
            return
        try:
            await self._call(partial(self._file.count, number, counted))
        except UnavailableError:
            raise
        except Exception:
            self._counted = ()  # as with changes
            raise
        self._counted = ()
        self._note_success()

    def _forget(self, some: list[Noted]) -> None:
        for noted in some:
            self._noted.popleft()
            self._characters -= _characters(noted.change)

    async def _drop_behind(self) -> None:
        await self._clock.sleep(DROP_INTERVAL)
        for _ in range(DROPS_AT_ONCE):
            try:
                oldest = self._clock.wall() - KEPT
                if not await self._call(partial(self._file.drop_older, oldest)):
                    return
            except UnavailableError:
                return

    def _tell_unavailable(self, reason: str) -> None:
        log.warning("history-unavailable", file=self._path, reason=reason)

    def _tell_available(self) -> None:
        log.info("history-available", file=self._path)


def _characters(change: Change) -> int:
    return len(change.now or "") + len(change.was or "") + len(change.reason)
