"""The SQLite file, kept open whatever happens to it; all of this blocks, in a worker thread."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from mtasts_resolver import logs
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.errors import (
    FAILURES,
    DamagedError,
    StoreError,
    UnavailableError,
    judge,
)
from mtasts_resolver.store.rescue import read_copy, remove_oldest, set_aside
from mtasts_resolver.store.schema import prepare
from mtasts_resolver.store.table import BrokenRowError, PolicyTable, Row, decode_row

PAGE_ROWS = 64  # policies per page: the event loop handles one in a millisecond, and others between
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
        self._identity: tuple[int, int] | None = None
        self._copy: dict[str, StoredPolicy] = {}
        self._broken: set[int] = set()
        self._opening = 0
        self.begun_afresh = 0
        """How often an empty file took the place of one that held policies."""

    @property
    def opening(self) -> int:
        """How often a file was opened: the number of the one that is open."""
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

    def count(self) -> int:
        """Return how many policies the file holds."""
        return len(self._copy) if self._table is None else self._guarded(len)

    def write(self, changes: Mapping[str, StoredPolicy | None]) -> None:
        """Put and delete (None) in one transaction; without any, see if it were possible."""
        if self._table is None:
            self._open_again()
        elif self._was_moved():
            log.warning("store-replaced", file=self._path)
            self._open_again()
            self.begun_afresh += 1
        broken = tuple(self._broken)
        if changes or broken:
            self._guarded(lambda table: table.write(changes, broken))
        else:
            self._guarded(PolicyTable.check_writable)
        self._broken.difference_update(broken)

    def give_up(self, opening: int, damage: DamagedError) -> None:
        """Set the file of that opening aside, and begin a fresh one, if it is still open."""
        if self._table is not None and self._opening == opening:
            self._begin_afresh(damage)

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
            if not failure.reopen:
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
            if self._table is None or not self._table.alive:
                self._shut()
                self._copy = self._copy or read_copy(self._path)
            raise

    def _open_again(self) -> None:
        try:
            self._open()
        except StoreError as error:  # somebody put another file there while we ran
            raise UnavailableError(str(error)) from None

    def _open_table(self) -> None:
        """Open the file as it is; on failure the table that is open stays."""
        try:
            prepare(self._path, in_use=self._table is not None)
            table = PolicyTable(self._path)
            status = self._path.stat()
        except FAILURES as error:
            raise judge(error) from error
        self._shut()
        self._table = table
        self._identity = status.st_dev, status.st_ino
        self._opening += 1
        self._copy = {}
        self._broken = set()

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
        self.begun_afresh += 1

    def _was_moved(self) -> bool:
        """Tell whether the path leads to another file than the one that is open, or to none."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return True
        except OSError:
            return False  # the write itself will tell
        return (status.st_dev, status.st_ino) != self._identity

    def _valid(self, rows: Iterable[Row]) -> list[StoredPolicy]:
        """Return the policies of `rows`; report a broken row, once, and have it deleted."""
        policies = []
        for row in rows:
            try:
                policies.append(decode_row(row))
            except BrokenRowError as error:
                if row.rowid not in self._broken and len(self._broken) < MAX_BROKEN:
                    self._broken.add(row.rowid)
                    key = None if row.key is None else row.key.decode("utf-8", "backslashreplace")
                    log.warning("store-row-invalid", file=self._path, key=key, reason=error)
        return policies

    def _shut(self) -> None:
        if self._table is not None:
            self._table.shut()
        self._table = None
        self._identity = None
