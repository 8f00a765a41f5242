"""The SQLite file, kept open whatever happens to it; all of this blocks, in one thread."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from mtasts_resolver.base import logs
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.errors import (
    FAILURES,
    DamagedError,
    StoreError,
    UnavailableError,
    judge,
)
from mtasts_resolver.store.files import check_free, side_file
from mtasts_resolver.store.rescue import read_copy, remove_oldest, set_aside
from mtasts_resolver.store.schema import prepare
from mtasts_resolver.store.table import (
    BrokenRowError,
    PolicyTable,
    Row,
    decode_row,
)

PAGE_ROWS = 64  # policies per page: the event loop handles one in a millisecond, and others between
# Broken rows of one opening that get a line each; of the rest the number is told.
MAX_BROKEN_NAMED = 20
MAX_BROKEN = 1000  # broken rows remembered until they are deleted; the rest waits for the next scan

log = logs.get(__name__)

T = TypeVar("T")


class Cursor(NamedTuple):
    """Where a page begins: a position that has a meaning only in one opening of the file."""

    opening: int
    position: int


class Page(NamedTuple):
    """Policies of one page of the file, and where the next page begins, None at the end."""

    policies: list[StoredPolicy]
    next: Cursor | None


class Database:
    """The file, or what can be had of it.

    Methods raise UnavailableError, after which they may be called again: they open the file anew
    where that may help. A ruined file is set aside, and a fresh one begun.
    """

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now
        self._table: PolicyTable | None = None
        self._made_of: dict[Path, tuple[int, int]] = {}
        self._copy: dict[str, StoredPolicy] = {}
        self._broken: set[int] = set()
        self._broken_named = 0
        self._opening = 0

    @property
    def opening(self) -> int:
        """How often a file was opened: the number of the one that is open.

        Any but the first may hold less than is in memory.
        """
        return self._opening

    @property
    def is_open(self) -> bool:
        """Tell whether the file is read; else what could be copied of it, which may not be all."""
        return self._table is not None

    @property
    def has_broken_rows(self) -> bool:
        """Tell whether the next write has rows to delete."""
        return bool(self._broken)

    def open(self) -> None:
        """Open the file, or open it anew; raise StoreError where it is not ours to use."""
        self._open()
        self._attempt(PolicyTable.check_writable)

    def get(self, domain: str) -> StoredPolicy | None:
        """Return what the file holds for `domain`."""
        if self._table is None:
            return self._copy.get(domain)
        rows = self._guarded(lambda table: table.rows("key = ?", domain))
        return next(iter(self._valid(rows)), None)

    def page(self, cursor: Cursor | None) -> Page:
        """Return the policies from `cursor` on, None at first.

        Where the file was opened anew since the page before, it begins again.
        """
        start = cursor.position if cursor and cursor.opening == self._opening else 0
        if self._table is None:
            policies = list(islice(self._copy.values(), start, start + PAGE_ROWS))
            last, full = start + len(policies), len(policies) == PAGE_ROWS
        else:
            condition = f"rowid > ? ORDER BY rowid LIMIT {PAGE_ROWS}"
            rows = self._guarded(lambda table: table.rows(condition, start))
            policies = self._valid(rows)
            last, full = rows[-1].rowid if rows else start, len(rows) == PAGE_ROWS
        return Page(policies, Cursor(self._opening, last) if full else None)

    def write(self, changes: Mapping[str, StoredPolicy | None]) -> None:
        """Put and delete (None) in one transaction; without any, see if it were possible."""
        self.look()
        broken = tuple(self._broken)
        if changes or broken:
            self._guarded(lambda table: table.write(changes, broken))
        else:
            self._guarded(PolicyTable.check_writable)
        self._broken.difference_update(broken)
        if broken and self._broken_named > MAX_BROKEN_NAMED:
            log.warning("store-rows-deleted", file=self._path, rows=len(broken))

    def look(self) -> None:
        """Open what is at the path now, where that is not what is open."""
        if self._table is None:
            self._open_again()
        elif (moved := self._moved()) is not None:
            log.warning("store-replaced", file=moved)
            self._leave()
            self._open_again()

    def check(self, cursor: Cursor | None) -> Cursor | None:
        """Read some rows from `cursor` on, None at first, for damage; return where the next begin.

        Like wherever damage is met, the file is set aside then.
        """
        start = cursor.position if cursor and cursor.opening == self._opening else 0
        last = self._guarded(lambda table: table.check(start))
        if last is None:
            self._guarded(PolicyTable.check_structure)
        return None if last is None else Cursor(self._opening, last)

    def close(self) -> None:
        """Close the file."""
        self._shut()

    def _guarded(self, work: Callable[[PolicyTable], T]) -> T:
        """Return what `work` returns; where a fresh start may help, make one and try once more."""
        try:
            return self._attempt(work)
        except DamagedError as damage:
            self._begin_afresh(damage)
        except UnavailableError as failure:
            # From a disk that has become read-only, what is open can still be read.
            if not failure.reopen or not os.access(self._path, os.W_OK):
                raise
            self._open_again()
        try:
            return self._attempt(work)
        except DamagedError as damage:
            reason = f"it was damaged again at once ({damage}); check its disk"
            raise UnavailableError(reason) from None

    def _attempt(self, work: Callable[[PolicyTable], T]) -> T:
        if self._table is None:
            raise UnavailableError("it is not open")
        try:
            return work(self._table)
        except FAILURES as error:
            raise judge(error) from error

    def _open(self) -> None:
        try:
            self._open_table()
        except DamagedError as damage:
            self._begin_afresh(damage)
        except UnavailableError:
            self._copy = self._copy or read_copy(self._path)
            raise

    def _open_again(self) -> None:
        # First, since SQLite removes the write-ahead log by its name when it closes, and the file
        # that is opened next must neither meet the log of this one nor lose its own.
        self._shut()
        try:
            self._open()
        except StoreError as error:  # somebody put another file there while we ran
            raise UnavailableError(str(error)) from None

    def _open_table(self) -> None:
        """Open the file as it is."""
        table: PolicyTable | None = None
        try:
            prepare(self._path)
            table = PolicyTable(self._path)
            made_of = {file: _identity(file) for file in self._files}
            # Nobody else has the file, so this is what an earlier version left behind.
            side_file(self._path, "-shm").unlink(missing_ok=True)
        except FAILURES as error:
            if table is not None:
                table.close()
            check_free(self._path)
            raise judge(error) from error
        self._table = table
        self._made_of = made_of
        self._opening += 1
        self._copy = {}
        self._broken = set()
        self._broken_named = 0

    def _begin_afresh(self, damage: DamagedError) -> None:
        self._shut()
        try:
            target = set_aside(self._path, self._now())
        except OSError as error:
            reason = f"it is damaged ({damage}) and cannot be set aside: {judge(error)}"
            raise UnavailableError(reason) from error
        log.error("store-damaged", file=self._path, set_aside=target.name, reason=damage)
        try:
            remove_oldest(self._path)
        except OSError as error:
            log.warning("store-remains-kept", file=self._path, reason=error.strerror or str(error))
        try:
            self._open_table()
        except DamagedError as again:
            reason = f"a fresh file is damaged at once ({again}); check its disk"
            raise UnavailableError(reason) from None

    @property
    def _files(self) -> tuple[Path, Path]:
        """What the policies are in: the file, and its write-ahead log."""
        return self._path, side_file(self._path, "-wal")

    def _leave(self) -> None:
        """Part from a file that is no longer at its path: what is there now must not meet its log.

        SQLite would leave the log where it is when it closes.
        """
        with suppress(UnavailableError, DamagedError):  # then what it holds is in memory alone
            self._attempt(PolicyTable.empty_log)
        log_file = side_file(self._path, "-wal")
        with suppress(OSError):
            if _identity(log_file) == self._made_of[log_file]:
                log_file.unlink()

    def _moved(self) -> Path | None:
        """Return where there is another file now than the one that is open, or none."""
        for file, identity in self._made_of.items():
            try:
                if _identity(file) != identity:
                    return file
            except FileNotFoundError:
                return file
            except OSError:
                return None  # the write itself will tell
        return None

    def _valid(self, rows: Iterable[Row]) -> list[StoredPolicy]:
        """Return the policies of `rows`; report a broken row, once, and have it deleted."""
        policies = []
        for row in rows:
            try:
                policies.append(decode_row(row))
            except BrokenRowError as error:
                if row.rowid in self._broken or len(self._broken) >= MAX_BROKEN:
                    continue
                self._broken.add(row.rowid)
                self._broken_named += 1
                if self._broken_named <= MAX_BROKEN_NAMED:
                    key = None if row.key is None else row.key.decode("utf-8", "backslashreplace")
                    log.warning("store-row-invalid", file=self._path, key=key, reason=error)
        return policies

    def _shut(self) -> None:
        if self._table is not None:
            self._table.close()
        self._table = None
        self._made_of = {}


def _identity(file: Path) -> tuple[int, int]:
    status = file.lstat()
    return status.st_dev, status.st_ino
