"""The file: made, looked at before it is used, brought to the schema of this program, checked."""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from mtasts_resolver.store.errors import DamagedError, StoreError, UnavailableError
from mtasts_resolver.store.table import BUSY_TIMEOUT_MS, TABLE

VERSION = 1  # in PRAGMA user_version; raise it together with a new entry in MIGRATIONS

_COLUMNS = ["key", "value"]
_WRITE_VERSION = 18  # the place of that byte in the header; 2 is the write-ahead log


def _create(connection: sqlite3.Connection) -> None:
    # The very table that sqlitedict would make.
    connection.execute(f"CREATE TABLE {TABLE} (key TEXT PRIMARY KEY, value BLOB)")


Migration = Callable[[sqlite3.Connection], None]

MIGRATIONS: Mapping[int, Migration] = {0: _create}
"""Version -> the step that leads to the next one. A fresh file has version 0."""


def connect(path: Path, options: str) -> sqlite3.Connection:
    """Open `path` with `options` of SQLite's file URIs, such as `mode=ro`."""
    uri = f"{path.absolute().as_uri()}?{options}"
    return sqlite3.connect(uri, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, uri=True)


def prepare(path: Path, *, in_use: bool = False) -> None:
    """Make `path` where it is missing, look whose it is, and migrate it to VERSION.

    Only what that takes is read; `check` reads the rest.

    `in_use` tells that this process has the file open. Its bytes are then left alone: to close a
    file that SQLite has open, too, is to give up SQLite's locks on it.
    Raise StoreError for a file that is not ours or is newer than this program, and leave it
    untouched; DamagedError for a ruined one; UnavailableError or one of FAILURES for others.
    """
    _make_file(path)
    if not in_use:
        _check_format(path)
    with _reading(path) as connection:
        version = _check_owner(connection, path)
    if version < VERSION:
        with closing(connect(path, "mode=rw")) as connection:
            _migrate(connection)


def check(path: Path, begun: Callable[[sqlite3.Connection], None]) -> None:
    """Read the whole file, and raise DamagedError where it is ruined, or one of FAILURES.

    It takes milliseconds for each 10,000 policies, and minutes on a slow disk. `begun` is called
    with the connection, so that another thread can interrupt it.
    """
    with _reading(path) as connection:
        begun(connection)
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise DamagedError(" ".join(str(verdict).split()))


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file for statements that are right: what SQLite cannot make sense of is the file."""
    with closing(connect(path, "mode=ro")) as connection:
        try:
            yield connection
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
                raise DamagedError(str(error)) from None
            raise


def _make_file(path: Path) -> None:
    """Make the file 0600 and its directory 0700: whom we mail is nobody else's business."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    else:
        if not stat.S_ISREG(mode):
            raise UnavailableError("it is no regular file; name another path")


def _check_format(path: Path) -> None:
    """Check what SQLite takes for a file of a later SQLite, and would never write to."""
    with path.open("rb") as file:
        write_version = file.read(_WRITE_VERSION + 1)[_WRITE_VERSION:]
    if write_version > b"\x02":
        raise DamagedError("its header names an unknown file format")


def _check_owner(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the file, which is ours or empty."""
    connection.execute("BEGIN")  # another process may be about to make the table
    version = _version(connection)
    if version > VERSION:
        raise StoreError(
            f"{path} has schema version {version}, and this program knows up to {VERSION}:"
            " run the newer program, or move the file away to begin a fresh one"
        )
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    columns = [column[1] for column in connection.execute(f"PRAGMA table_info({TABLE})")]
    ours = columns == _COLUMNS if version else not tables
    if version < 0 or not ours:
        raise StoreError(f"{path} is another program's database: configure another path")
    return version


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    # Read again behind the lock: another process may have been here first.
    for version in range(_version(connection), VERSION):
        MIGRATIONS[version](connection)
    connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("COMMIT")
