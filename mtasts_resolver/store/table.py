"""The table of policies: sqlitedict, with the ways in which it would wait for ever taken away."""

import logging
import os
import queue
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlitedict import SqliteDict, SqliteMultithread

from mtasts_resolver.policy.document import MAX_DOCUMENT_BYTES
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.errors import FAILURES, DamagedError, StoreError
from mtasts_resolver.store.files import connect_alone, thread_name

T = TypeVar("T")

TABLE = "policies"

STATEMENT_TIMEOUT = 20.0  # seconds; one statement touches little, only a dead disk takes so long
# Rows that one statement changes: each costs two changes of thread, in which the event loop waits.
# They have two values each, of which SQLite took 999 before 3.32, and 40 MB at the very most.
STATEMENT_ROWS = 100
_POLL = 0.5  # seconds between two looks at whether sqlitedict's thread is alive

# Rows that are read at once for damage: a few milliseconds, while look-ups of the store wait.
CHECK_ROWS = 1000
# A file with more pages than this, a million policies, is not checked as a whole: that is one
# statement, and look-ups of the store wait behind it for as long as the disk takes to read it.
MAX_CHECKED_PAGES = 50_000

# JSON writes a control character in six bytes; the other fields are far below the rest.
MAX_VALUE_BYTES = 6 * MAX_DOCUMENT_BYTES + 4096

# sqlitedict logs tracebacks of several lines for every failed statement. Each of these failures is
# raised to us as well, and our own warnings say in one line what it means.
logging.getLogger("sqlitedict").setLevel(logging.CRITICAL + 1)

# Casts, because a key or value may hold anything in a damaged file, and text that is not UTF-8
# cannot leave the sqlite3 module.
SELECT_ROWS = (
    f"SELECT rowid, substr(CAST(key AS BLOB), 1, 256),"  # noqa: S608 - constants only
    f" substr(CAST(value AS BLOB), 1, {MAX_VALUE_BYTES + 1}) FROM {TABLE}"
)
_PUT = f"REPLACE INTO {TABLE} (key, value) VALUES "  # noqa: S608 - constants only
_DELETE = f"DELETE FROM {TABLE} WHERE key IN "  # noqa: S608 - constants only
_DELETE_ROW = f"DELETE FROM {TABLE} WHERE rowid = ?"  # noqa: S608 - constants only
# With all of each value, on however many pages it is: a function of a part of it reads it whole.
_CHECK_ROWS = (
    "SELECT max(rowid), count(*), sum(length(substr(CAST(value AS BLOB), -1)))"  # noqa: S608
    f" FROM (SELECT rowid, value FROM {TABLE} WHERE rowid > ? ORDER BY rowid LIMIT {CHECK_ROWS})"
)
_COUNT_BOTH = (
    f"SELECT (SELECT count(*) FROM {TABLE} NOT INDEXED),"  # noqa: S608 - constants only
    f" (SELECT count(*) FROM {TABLE} INDEXED BY sqlite_autoindex_{TABLE}_1)"
)


# What must hold for a connection, as SQLite may leave a setting as it was without a word.
SETTINGS: Mapping[str, object] = MappingProxyType(
    {"journal_mode": "wal", "synchronous": 1, "locking_mode": "exclusive"}  # 1 is NORMAL
)


class Row(NamedTuple):
    """A row as it is in the file, unchecked."""

    rowid: int
    key: bytes | None
    value: bytes | None


class BrokenRowError(ValueError):
    """The row holds no policy; the text says why."""


_decoder = msgspec.json.Decoder(StoredPolicy)


def decode_row(row: Row) -> StoredPolicy:
    """Return the policy that `row` holds, or raise BrokenRowError."""
    if row.key is None or row.value is None:
        raise BrokenRowError("its key or value is NULL")
    if len(row.value) > MAX_VALUE_BYTES:
        raise BrokenRowError(f"its value is longer than {MAX_VALUE_BYTES:,} bytes")
    try:
        stored = _decoder.decode(row.value)
    except (ValueError, RecursionError) as error:
        raise BrokenRowError(str(error)) from None
    if stored.domain.encode() != row.key:
        raise BrokenRowError(f"its value is of the domain {stored.domain[:256]!a}")
    return stored


class _Cursor(sqlite3.Cursor):
    """Yields all rows at once, as one list.

    sqlitedict's thread sends whatever its cursor yields apart, and each row would cost two changes
    of thread, in which the event loop waits.
    """

    def __next__(self) -> list[Any]:
        rows = self.fetchall()
        if not rows:
            raise StopIteration
        return rows


class _Connection(SqliteMultithread):  # type: ignore[misc]  # sqlitedict is untyped
    """sqlitedict's thread and its queue; whoever waits for an answer learns of the thread's end.

    The thread ends on an exception outside `cursor.execute`: in its own commit, or while it fetches
    a row. `select` of the original would then wait for ever, as every blocking call is built on it.
    """

    _opened: tuple[sqlite3.Connection, sqlite3.Cursor] | None = None

    def _connect(self) -> tuple[sqlite3.Connection, sqlite3.Cursor]:
        """As the original does, but alone, and with synchronous as it should be from the first."""
        try:
            connection = connect_alone(Path(self.filename), isolation_level="DEFERRED")
            self._opened = connection, connection.cursor(_Cursor)
            connection.execute(f"PRAGMA journal_mode={self.journal_mode}")
            connection.execute("PRAGMA synchronous=NORMAL")
        except Exception:
            self.exception = sys.exc_info()
            raise
        return self._opened

    def start(self) -> None:
        self.name = thread_name(Path(self.filename))
        super().start()

    def run(self) -> None:
        try:
            super().run()
        except Exception:  # noqa: BLE001 - whatever it is, the thread that waits shall have it
            self.exception = sys.exc_info()
            if self._opened is not None:
                # Its locks must not outlive it, and a statement half read would keep them.
                connection, cursor = self._opened
                cursor.close()
                connection.close()

    def select(self, req: str, arg: tuple[Any, ...] | None = None) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that `req` results in; raise one of FAILURES, in a bounded time."""
        responses: queue.Queue[Any] = queue.Queue()
        self.execute(req, arg, responses)
        deadline = time.monotonic() + STATEMENT_TIMEOUT
        while True:
            alive = self.is_alive()  # looked at first: a dead thread's last answer is there by then
            try:
                response = responses.get(timeout=_POLL if alive else 0)
            except queue.Empty:
                if not alive:
                    self.check_raise_error()
                    raise sqlite3.OperationalError("the database's thread has ended") from None
                if time.monotonic() > deadline:
                    raise sqlite3.OperationalError(
                        f"no answer from the disk in {STATEMENT_TIMEOUT:.0f} s"
                    ) from None
                continue
            self.check_raise_error()
            if not isinstance(response, list):  # the mark that ends the answer
                return
            yield from response


def _batches(items: list[T]) -> Iterator[list[T]]:
    return (items[at : at + STATEMENT_ROWS] for at in range(0, len(items), STATEMENT_ROWS))


class PolicyTable(SqliteDict):  # type: ignore[misc]  # sqlitedict is untyped
    """The table of an open file: policy domain -> StoredPolicy as JSON.

    Every method blocks for a bounded time and raises one of FAILURES. With the write-ahead log and
    synchronous=NORMAL what is committed survives the end of the process, and a power failure may
    cost the last commits, but never the file.
    """

    def __init__(self, path: Path) -> None:
        try:
            super().__init__(
                os.fspath(path),
                TABLE,
                journal_mode="WAL",
                encode=msgspec.json.encode,
                decode=_decoder.decode,
                outer_stack=False,
            )
            settings = tuple(map(self.pragma, SETTINGS))
        except FAILURES:
            self.shut()
            raise
        if settings != tuple(SETTINGS.values()):
            self.shut()
            raise StoreError(
                f"{path}: {', '.join(SETTINGS)} are {settings}; put the file on a local file system"
            )

    def _new_conn(self) -> _Connection:
        return _Connection(
            self.filename,
            autocommit=False,
            journal_mode=self.journal_mode,
            outer_stack=False,
        )

    def pragma(self, name: str) -> object:
        """Return the value of a setting of this connection."""
        row: tuple[object, ...] = self.conn.select_one(f"PRAGMA {name}")
        return row[0]

    @property
    def alive(self) -> bool:
        """Tell whether statements can still be answered."""
        return self.conn is not None and bool(self.conn.is_alive())

    def rows(self, condition: str, *values: object) -> list[Row]:
        """Return the rows that `condition`, an SQL WHERE clause and what follows it, selects."""
        return [Row(*row) for row in self.conn.select(f"{SELECT_ROWS} WHERE {condition}", values)]

    def check(self, start: int) -> int | None:
        """Read some rows after `start` for damage; return where the next begin, None at the end."""
        last, number, _ = self.conn.select_one(_CHECK_ROWS, (start,))
        return last if number == CHECK_ROWS else None

    def check_structure(self) -> None:
        """Look at the pages as a whole, unless there are too many. Raise DamagedError.

        A page that is missing, or out of order, leads to what is written there being lost.
        """
        if int(str(self.pragma("page_count"))) > MAX_CHECKED_PAGES:
            return
        verdict = self.pragma("quick_check(1)")
        if verdict != "ok":
            raise DamagedError(" ".join(str(verdict).split()))
        in_table, in_index = self.conn.select_one(_COUNT_BOTH)
        if in_table != in_index:
            raise DamagedError(f"it has {in_table} policies, and its index {in_index}")

    def write(self, changes: Mapping[str, StoredPolicy | None], broken: Iterable[int]) -> None:
        """Put and delete (None) `changes`, and delete the rows `broken`, in one transaction.

        COMMIT is a statement like any other here: sqlitedict's own commit ends its thread when it
        fails. Each statement is waited for, so that no COMMIT follows one that failed.
        """
        execute = self.conn.select_one
        execute("BEGIN IMMEDIATE")
        try:
            for rowid in broken:
                execute(_DELETE_ROW, (rowid,))
            for batch in _batches([stored for stored in changes.values() if stored]):
                rows = ((stored.domain, self.encode(stored)) for stored in batch)
                execute(_PUT + ", ".join(["(?, ?)"] * len(batch)), tuple(chain.from_iterable(rows)))
            for gone in _batches([domain for domain, stored in changes.items() if stored is None]):
                execute(f"{_DELETE}({', '.join('?' * len(gone))})", tuple(gone))
            execute("COMMIT")
        except FAILURES:
            self._roll_back()
            raise

    def check_writable(self) -> None:
        """Raise one of FAILURES where the file is read-only or another process is writing."""
        self.conn.select_one("BEGIN IMMEDIATE")
        try:
            # In a read-only file SQLite lets that begin a transaction that only reads.
            self.conn.select_one(_DELETE_ROW, (None,))
        finally:
            self._roll_back()

    def empty_log(self) -> None:
        """Move all that is in the write-ahead log to the database."""
        self.conn.select_one("PRAGMA wal_checkpoint(TRUNCATE)")

    def _roll_back(self) -> None:
        try:
            self.conn.select_one("ROLLBACK")
        except FAILURES:
            # SQLite rolls back itself after some failures, and then there is nothing to roll back;
            # if the transaction does still stand, the next BEGIN fails and says so.
            return

    def shut(self) -> None:
        """Close, in a bounded time, whatever state the thread is in.

        A thread that hangs has the file open still, and ends once it can: see check_closed.
        """
        thread: _Connection | None = self.conn
        self.close(force=True)
        if thread is not None:
            thread.join(STATEMENT_TIMEOUT)
