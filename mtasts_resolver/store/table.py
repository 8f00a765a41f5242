"""The table of policies: a SqliteDict whose connection is our own.

What is overridden of sqlitedict, and why, is all here:

`_new_conn`   SqliteDict would hand each statement to a thread of its own (SqliteMultithread) and
              wait, without a bound, for a thread that ends when a commit or the reading of a row
              fails; that thread sets `synchronous=OFF`, shares the file with others, and logs
              tracebacks. All of the store runs in one thread as it is (thread.py), which a disk may
              hold up for as long as it likes. So a `LoneConnection` does what is asked at once, has
              the file alone, and raises what goes wrong to whoever asked.
`__init__`    SqliteDict raises RuntimeError where the directory is missing, and does not look
              whether SQLite took the settings.

The rest of a dict is SqliteDict's: `len`, `update`, a value by its domain, `commit`, `close`.
"""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlitedict import SqliteDict

from mtasts_resolver.base.undecodable import UNDECODABLE
from mtasts_resolver.policy import MAX_DOCUMENT_BYTES
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.errors import FAILURES, DamagedError, StoreError
from mtasts_resolver.store.files import connect_alone, release, take

TABLE = "policies"

# Rows that are read at once for damage: a few milliseconds, while look-ups of the store wait.
CHECK_ROWS = 1000
# A file with more pages than this, a million policies, is not checked as a whole: that is one
# statement, and look-ups of the store wait behind it for as long as the disk takes to read it.
MAX_CHECKED_PAGES = 50_000

# JSON writes a control character in six bytes; the other fields are far below the rest.
MAX_VALUE_BYTES = 6 * MAX_DOCUMENT_BYTES + 4096

# Casts, because a key or value may hold anything in a damaged file, and text that is not UTF-8
# cannot leave the sqlite3 module.
SELECT_ROWS = (
    f"SELECT rowid, substr(CAST(key AS BLOB), 1, 256),"  # noqa: S608 - constants only
    f" substr(CAST(value AS BLOB), 1, {MAX_VALUE_BYTES + 1}) FROM {TABLE}"
)
_DELETE = f"DELETE FROM {TABLE} WHERE key = ?"  # noqa: S608 - constants only
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
SETTINGS: Mapping[str, object] = {
    "journal_mode": "wal",
    "synchronous": 1,  # NORMAL
    "locking_mode": "exclusive",
}


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
    except UNDECODABLE as error:
        raise BrokenRowError(str(error)) from None
    if stored.domain.encode() != row.key:
        raise BrokenRowError(f"its value is of the domain {stored.domain[:256]!a}")
    return stored


class LoneConnection:
    """What a SqliteDict works with: a connection that has the file alone.

    The thread that opened it closes it: elsewhere a statement may be at work in it, and would end
    the process. sqlite3 sees to that.
    """

    autocommit = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sqlite = connect_alone(path)
        take(path)
        self.execute = self._sqlite.execute
        self.executemany = self._sqlite.executemany
        self.rollback = self._sqlite.rollback

    def select(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that `statement` results in."""
        return self.execute(statement, values).fetchall()

    def select_one(self, statement: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """Return the first row that `statement` results in, if there is one."""
        return next(iter(self.select(statement, values)), None)

    def commit(self, blocking: bool = True) -> None:  # noqa: ARG002  as it is called
        self._sqlite.commit()

    def close(self, *, force: bool = False) -> None:  # noqa: ARG002  as it is called
        self._sqlite.close()
        release(self._path)


class LoneTable:
    """A table of an open file. Every method blocks, and raises one of FAILURES."""

    def __init__(self, path: Path) -> None:
        self._connection = LoneConnection(path)
        try:
            _set_up(self._connection)
        except FAILURES:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def empty_log(self) -> None:
        """Move all that is in the write-ahead log to the database."""
        _empty_log(self._connection)


def _set_up(connection: LoneConnection) -> None:
    for name, value in SETTINGS.items():
        connection.execute(f"PRAGMA {name}={value}")


def _empty_log(connection: LoneConnection) -> None:
    connection.select_one("PRAGMA wal_checkpoint(TRUNCATE)")


class PolicyTable(SqliteDict):  # type: ignore[misc]  # sqlitedict is untyped
    """The table of an open file: policy domain -> StoredPolicy as JSON.

    Every method blocks, and raises one of FAILURES. With the write-ahead log and synchronous=NORMAL
    what is committed survives the end of the process, and a power failure may cost the last
    commits, but never the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            super().__init__(
                os.fspath(path), TABLE, encode=msgspec.json.encode, decode=_decoder.decode
            )
            _set_up(self.conn)
            settings = tuple(map(self.pragma, SETTINGS))
        except RuntimeError:  # sqlitedict's: its directory is gone
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from None
        except FAILURES:
            self.close()
            raise
        if settings != tuple(SETTINGS.values()):
            self.close()
            raise StoreError(
                f"{path}: {', '.join(SETTINGS)} are {settings}; put the file on a local file system"
            )

    def _new_conn(self) -> LoneConnection:
        return LoneConnection(self._path)

    def pragma(self, name: str) -> object:
        """Return the value of a setting of this connection."""
        row: tuple[object, ...] = self.conn.select_one(f"PRAGMA {name}")
        return row[0]

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
        """Put and delete (None) `changes`, and delete the rows `broken`, in one transaction."""
        with self._transaction():
            self.conn.executemany(_DELETE_ROW, [(rowid,) for rowid in broken])
            self.update({domain: stored for domain, stored in changes.items() if stored})
            gone = [(domain,) for domain, stored in changes.items() if stored is None]
            self.conn.executemany(_DELETE, gone)
            self.commit()

    def check_writable(self) -> None:
        """Raise one of FAILURES where the file is read-only or another process is writing."""
        with self._transaction():
            # In a read-only file SQLite lets that begin a transaction that only reads.
            self.conn.execute(_DELETE_ROW, (None,))

    def empty_log(self) -> None:
        """Move all that is in the write-ahead log to the database."""
        _empty_log(self.conn)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Undo what the block does, unless it commits it."""
        self.conn.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            self.conn.rollback()  # of nothing, where the transaction has ended
