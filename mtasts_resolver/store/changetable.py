"""The table of changes, in a file of its own beside that of the policies.

A file of its own: what ruins one of them, or fills it, is not to cost the other; the policies need
not wait for a thread that reads the history; and an earlier version of this program, which knows
nothing of it, can have its policies back. How often things happened is in a table beside it.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from mtasts_resolver.base.undecodable import UNDECODABLE
from mtasts_resolver.store import hourcounts
from mtasts_resolver.store.changes import (
    MAX_TEXT,
    Change,
    RecordedChange,
    Subject,
    settled,
)
from mtasts_resolver.store.hourcounts import DaySum, HourCount
from mtasts_resolver.store.schema import Schema
from mtasts_resolver.store.table import LoneConnection, LoneTable

TABLE = "changes"

# Of one domain: one that changes its policy every five minutes, which is as often as it is looked
# at, has two rows each time. An honest one has a few a year.
MAX_DOMAIN_ROWS = 1_000
MAX_DOMAIN_BYTES = 1_048_576
# Of all. An honest change takes half a kilobyte, with what was and what is: these are as many as
# 10,000 domains make that change something once a week. The file takes half as much again.
MAX_ROWS = 500_000
MAX_BYTES = 256 * 1_048_576
# Rows that go at once where there are too many, or too old: a millisecond.
DROPPED_AT_ONCE = 500
# A page: what the event loop hands on in a millisecond.
PAGE_ROWS = 100
PAGE_BYTES = 131_072

# JSON writes a control character in six bytes; there are two texts, and reasons.
MAX_CHANGE_BYTES = 6 * 4 * MAX_TEXT

_COLUMNS = ["id", "time", "domain", "subject", "weakened", "size", "seen", "change"]


class Wanted(NamedTuple):
    """Which changes are asked for."""

    domain: str | None = None
    """None: of all domains, and of none."""
    since: float | None = None
    weakened: bool = False
    below: int | None = None
    """Only those with lower numbers."""
    overrides: bool = False
    """Only those of overrides, of whatever domains."""


class Noted(NamedTuple):
    """A change that is to be kept, if it is one: the last of its subject may be the same."""

    change: Change
    usual: bool = False
    """What is so of most domains: of no interest where nothing else was."""


_IS_OVERRIDE = "subject LIKE 'override %'"  # as `_key` begins


def _create(connection: sqlite3.Connection) -> None:
    connection.execute(
        f"CREATE TABLE {TABLE} (id INTEGER PRIMARY KEY, time REAL, domain TEXT, subject TEXT,"
        " weakened INTEGER, size INTEGER, seen REAL, change BLOB)"
    )
    # All that the bounds of a domain take is in the index.
    connection.execute(f"CREATE INDEX by_domain ON {TABLE} (domain, subject, size)")
    connection.execute(f"CREATE INDEX by_weakening ON {TABLE} (id) WHERE weakened")
    connection.execute(f"CREATE INDEX by_override ON {TABLE} (id) WHERE {_IS_OVERRIDE}")
    connection.execute("CREATE TABLE totals (rows INTEGER, bytes INTEGER)")
    connection.execute("INSERT INTO totals VALUES (0, 0)")
    for verb, sign, row in (("INSERT", "+", "new"), ("DELETE", "-", "old")):
        connection.execute(
            f"CREATE TRIGGER total_{verb} AFTER {verb} ON {TABLE} BEGIN"  # noqa: S608 - constants
            f" UPDATE totals SET rows = rows {sign} 1, bytes = bytes {sign} {row}.size; END"
        )


SCHEMA = Schema(TABLE, _COLUMNS, 2, {0: _create, 1: hourcounts.create})

_INSERT = (
    f"INSERT INTO {TABLE} (time, domain, subject, weakened, size, change)"  # noqa: S608 - constants
    " VALUES (?, ?, ?, ?, ?, ?)"
)
# A cast, and no more than a change can have, because a damaged file may hold anything.
_CHANGE = f"substr(CAST(change AS BLOB), 1, {MAX_CHANGE_BYTES + 1})"
_LAST = (
    f"SELECT id, {_CHANGE} FROM {TABLE} WHERE domain = ? AND subject = ?"  # noqa: S608 - constants
    " ORDER BY id DESC LIMIT 1"
)
_SEEN = f"UPDATE {TABLE} SET seen = ? WHERE id = ?"  # noqa: S608 - constants only
_SIZE_OF_DOMAIN = f"SELECT count(*), total(size) FROM {TABLE} WHERE domain = ?"  # noqa: S608
_SIZE_OF_ALL = "SELECT total(rows), total(bytes) FROM totals"
_OLDEST = (
    f"SELECT id, CAST(size AS INTEGER) FROM {TABLE} WHERE domain = ifnull(?, domain)"  # noqa: S608
    f" ORDER BY id LIMIT {DROPPED_AT_ONCE}"
)
_DELETE = f"DELETE FROM {TABLE} WHERE id = ?"  # noqa: S608 - constants only
# The oldest changes have the lowest numbers, but for some that a clock was ahead for: no further is
# looked.
_NOT_OLDER = (
    f"SELECT id FROM {TABLE} WHERE time >= :time ORDER BY id LIMIT 1 OFFSET {DROPPED_AT_ONCE}"  # noqa: S608
)
# An answer that is still given stays, however long ago it became the answer: without it nobody
# could tell what Postfix got meanwhile.
_DELETE_OLDER = (
    f"DELETE FROM {TABLE} WHERE id IN (SELECT id FROM {TABLE}"  # noqa: S608 - constants only
    f" WHERE id < ifnull(({_NOT_OLDER}), {2**63 - 1}) AND max(time, ifnull(seen, time)) < :time"
    f" ORDER BY id LIMIT {DROPPED_AT_ONCE})"
)

_decoder = msgspec.json.Decoder(Change)


class ChangeTable(LoneTable):
    """All changes that are kept."""

    def record(self, noted: Iterable[Noted]) -> list[RecordedChange]:
        """Keep what is a change among `noted`, in one transaction; return what was kept."""
        recorded = []
        with self._transaction():
            for change, usual in noted:
                number, last = self._last(change)
                kept = settled(change, last, usual=usual)
                if kept is not None:
                    recorded.append(self._insert(kept))
                elif last is not None and change.subject is Subject.ANSWER:
                    self._connection.execute(_SEEN, (change.time, number))
            for domain in {kept.change.domain for kept in recorded}:
                size = self._connection.select_one(_SIZE_OF_DOMAIN, (domain,))
                self._bound(domain, size, MAX_DOMAIN_ROWS, MAX_DOMAIN_BYTES)
            if recorded:
                size = self._connection.select_one(_SIZE_OF_ALL)
                self._bound(None, size, MAX_ROWS, MAX_BYTES)
            self._connection.commit()
        return recorded

    def find(self, wanted: Wanted) -> list[RecordedChange]:
        """Return a page of changes, the latest first; an empty one is the last."""
        return find_page(self._connection, wanted)

    def drop_older(self, time: float) -> int:
        """Drop some of what is older than `time`; return how many rows that were."""
        with self._transaction():
            dropped: int = self._connection.execute(_DELETE_OLDER, {"time": time}).rowcount
            dropped += hourcounts.drop_older(self._connection, time)
            self._connection.commit()
        return dropped

    def count(self, counted: Iterable[HourCount]) -> None:
        """Add to what has been counted, in one transaction."""
        with self._transaction():
            hourcounts.add(self._connection, counted)
            self._connection.commit()

    def counted(self, since: float, until: float) -> list[DaySum]:
        """Return what was counted in the hours from `since` to `until`."""
        return hourcounts.sum_days(self._connection, since, until)

    def check_writable(self) -> None:
        """Raise one of FAILURES where the file is read-only or another process is writing."""
        with self._transaction():
            # In a read-only file SQLite lets that begin a transaction that only reads.
            self._connection.execute(_DELETE, (None,))

    def _last(self, change: Change) -> tuple[int, Change | None]:
        """Return the last change of the same subject, and its number."""
        row = self._connection.select_one(_LAST, (change.domain, _key(change)))
        return (0, None) if row is None else (row[0], _decoded(row[1]))

    def _insert(self, change: Change) -> RecordedChange:
        text = msgspec.json.encode(change)
        row = (change.time, change.domain, _key(change), bool(change.weakened), len(text), text)
        number = self._connection.execute(_INSERT, row).lastrowid
        return RecordedChange(number or 0, change, None)

    def _bound(
        self, domain: str | None, has: tuple[Any, ...] | None, max_rows: int, max_bytes: int
    ) -> None:
        """Drop the oldest changes of a domain, or of all, where it has too many; a slice of them.

        No more than that come in one transaction, so that they get no more.
        """
        rows, size = has or (0, 0)
        if rows <= max_rows and size <= max_bytes:
            return
        gone = []
        for number, bytes_ in self._connection.select(_OLDEST, (domain,)):
            if rows <= max_rows and size <= max_bytes:
                break
            gone.append((number,))
            rows, size = rows - 1, size - (bytes_ or 0)
        self._connection.executemany(_DELETE, gone)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Undo what the block does, unless it commits it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            self._connection.rollback()  # of nothing, where the transaction has ended


def find_page(
    connection: LoneConnection | sqlite3.Connection, wanted: Wanted
) -> list[RecordedChange]:
    """Return a page of changes, the latest first; an empty one is the last."""
    while True:
        rows = connection.execute(*_statement(wanted)).fetchall()
        found = list(_within_page(rows))
        if found or not rows:
            return found
        wanted = wanted._replace(below=rows[-1][0])  # none of them could be read


def _key(change: Change) -> str:
    """Return what must be the same of two changes for one to be the next state of the other."""
    return " ".join(filter(None, (change.subject, change.map, change.hop)))


def _statement(wanted: Wanted) -> tuple[str, list[object]]:
    """Return what selects a page of what is wanted, and the values in it."""
    conditions = {
        "domain = ?": wanted.domain,
        "time >= ?": wanted.since,
        "id < ?": wanted.below,
        "weakened": wanted.weakened or None,
        _IS_OVERRIDE: wanted.overrides or None,
    }
    chosen = {text: value for text, value in conditions.items() if value is not None}
    numbers = f"SELECT id FROM {TABLE} WHERE {' AND '.join(chosen) or 'TRUE'}"  # noqa: S608
    page = f"{numbers} ORDER BY id DESC LIMIT {PAGE_ROWS}"
    statement = f"SELECT id, {_CHANGE}, seen FROM {TABLE} WHERE id IN ({page}) ORDER BY id DESC"  # noqa: S608
    return statement, [value for text, value in chosen.items() if "?" in text]


def _within_page(rows: Iterable[tuple[Any, ...]]) -> Iterator[RecordedChange]:
    size = 0
    for number, text, seen in rows:
        change = _decoded(text)
        if change is not None:
            size += len(text)
            if size > PAGE_BYTES and size > len(text):
                return
            yield RecordedChange(number, change, seen if isinstance(seen, float) else None)


def _decoded(text: bytes | None) -> Change | None:
    """Return the change, or None where a damaged row holds none: it is passed over."""
    if text is None or len(text) > MAX_CHANGE_BYTES:
        return None
    try:
        return _decoder.decode(text)
    except UNDECODABLE:
        return None
