"""The policies in their SQLite file; all of this blocks, in one thread."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.base import logs
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.keptopen import KeptOpen
from mtasts_resolver.store.rescue import read_copy
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


class Cursor(NamedTuple):
    """Where a page begins: a position that has a meaning only in one opening of the file."""

    opening: int
    position: int


class Page(NamedTuple):
    """Policies of one page of the file, and where the next page begins, None at the end."""

    policies: list[StoredPolicy]
    next: Cursor | None


class Database(KeptOpen[PolicyTable]):
    """The file of the policies, or what can be had of it."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        super().__init__(path, now)
        self._copy: dict[str, StoredPolicy] = {}
        self._broken: set[int] = set()
        self._broken_named = 0

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

    def check(self, cursor: Cursor | None) -> Cursor | None:
        """Read some rows from `cursor` on, None at first, for damage; return where the next begin.

        Like wherever damage is met, the file is set aside then.
        """
        start = cursor.position if cursor and cursor.opening == self._opening else 0
        last = self._guarded(lambda table: table.check(start))
        if last is None:
            self._guarded(PolicyTable.check_structure)
        return None if last is None else Cursor(self._opening, last)

    def _open_file(self) -> PolicyTable:
        prepare(self._path)
        return PolicyTable(self._path)

    def _was_opened(self) -> None:
        self._copy = {}
        self._broken = set()
        self._broken_named = 0

    def _cannot_be_opened(self) -> None:
        self._copy = self._copy or read_copy(self._path)

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
