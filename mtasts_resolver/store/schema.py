"""The file: made, looked at before it is used, brought to the schema of this program."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver import __version__
from mtasts_resolver.store.errors import DamagedError, StoreError, primary_code
from mtasts_resolver.store.files import (
    check_side_files,
    connect_alone,
    open_regular,
    side_file,
)
from mtasts_resolver.store.table import TABLE

VERSION = 1  # in PRAGMA user_version; raise it together with a new entry in MIGRATIONS

_COLUMNS = ["key", "value"]
# The header of a file, and what stands where in it (https://sqlite.org/fileformat2.html).
_HEADER = 100
_MAGIC = b"SQLite format 3\0"
_PAGE_SIZE = slice(16, 18)
_WRITE_VERSION = slice(18, 19)  # 2 is the write-ahead log


def _create(connection: sqlite3.Connection) -> None:
    # The very table that sqlitedict would make.
    connection.execute(f"CREATE TABLE {TABLE} (key TEXT PRIMARY KEY, value BLOB)")


Migration = Callable[[sqlite3.Connection], None]

_FRESH = "or move the file away to begin a fresh one"
_TAKEN_ALONG = (
    "or move the file away to begin a fresh one, into which the policies come by `cache export`"
    " of the later program and `cache import` of this one"
)

MIGRATIONS: Mapping[int, Migration] = {0: _create}
"""Version -> the step that leads to the next one. A fresh file has version 0."""


class Schema(NamedTuple):
    """What is in a file, by which it is known to be ours."""

    table: str
    columns: Sequence[str]
    version: int
    migrations: Mapping[int, Migration]
    way_back: str = _FRESH
    """What else there is to do about a file that a later version of this program wrote."""


def _of_policies() -> Schema:
    return Schema(TABLE, _COLUMNS, VERSION, MIGRATIONS, _TAKEN_ALONG)


def prepare(path: Path, schema: Schema | None = None) -> None:
    """Make `path` where it is missing, look whose it is, and migrate it to the newest version.

    Without a `schema` it is that of the policies.

    Only what that takes is read. Raise StoreError for a file that is not ours or is newer than this
    program, and leave its content untouched; DamagedError for a ruined one; UnavailableError or one
    of FAILURES for others.
    """
    schema = schema or _of_policies()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_side_files(path)
    _look_at(path)
    with closing(connect_alone(path)) as connection:
        with _sensible():
            version = check_owner(connection, path, schema)
        if version < schema.version:
            _migrate(connection, schema)


@contextmanager
def _sensible() -> Iterator[None]:
    """Run statements that are right: what SQLite cannot make sense of is the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if primary_code(error) == sqlite3.SQLITE_ERROR:
            raise DamagedError(str(error)) from None
        raise


def _look_at(path: Path) -> None:
    """Make the file 0600 where it is missing: whom we mail is nobody else's business.

    Else see that it is a file, that it can be written, that SQLite will not take it for one of a
    later SQLite, which it would never write to, and that it is not cut off within a page: SQLite
    would take what is missing there for zeros, and find what was never written.
    """
    file = open_regular(path, os.O_RDWR | os.O_CREAT)
    try:
        header, size = os.pread(file, _HEADER, 0), os.fstat(file).st_size
    finally:
        os.close(file)
    if header[_WRITE_VERSION] > b"\x02":
        raise DamagedError("its header names an unknown file format")
    page_size = int.from_bytes(header[_PAGE_SIZE], "big")
    # With a write-ahead log SQLite may have been writing that page, and will write it again.
    if header.startswith(_MAGIC) and page_size > 1 and size % page_size and not _has_log(path):
        raise DamagedError("it ends within a page: it was cut off")


def _has_log(path: Path) -> bool:
    log = side_file(path, "-wal")
    return log.exists() and log.stat().st_size > 0


def check_owner(connection: sqlite3.Connection, path: Path, schema: Schema | None = None) -> int:
    """Return the version of the file, which is ours or empty."""
    schema = schema or _of_policies()
    version = _version(connection)
    if version > schema.version:
        raise StoreError(
            f"{path} is of a later version of this program: it has schema version {version}, and"
            f" {__version__} knows up to {schema.version}: run that later one, {schema.way_back}"
        )
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    ours = _has_table(connection, schema) if version else not tables
    if version < 0 or not ours:
        raise StoreError(f"{path} is another program's database: configure another path")
    return version


def _has_table(connection: sqlite3.Connection, schema: Schema) -> bool:
    """Tell whether the table is there: no view of that name, which may have rows without end."""
    pages = "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = ?"
    (page,) = connection.execute(pages, (schema.table,)).fetchone() or (0,)
    columns = [column[1] for column in connection.execute(f"PRAGMA table_info({schema.table})")]
    return bool(page) and columns == schema.columns


def migrated_in_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return a copy of an older file of policies that cannot be written, of the newest version."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(copy)
    _migrate(copy, _of_policies())
    return copy


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    # Read again behind the lock: another process may have been here first.
    for version in range(_version(connection), schema.version):
        schema.migrations[version](connection)
    connection.execute(f"PRAGMA user_version={schema.version}")
    connection.execute("COMMIT")
