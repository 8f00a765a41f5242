"""Opening the file with SQLite, alone or beside others, and who has it open already."""

import fcntl
import os
import sqlite3
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.store.errors import STUCK, HeldError, UnavailableError

BUSY_TIMEOUT_MS = 1000  # what another process does in passing takes milliseconds

SIDE_FILES = ("-wal", "-shm", "-journal")  # SQLite's own, beside the database

# The bytes that each user of a database locks, https://sqlite.org/lockingv3.html: for reading while
# it uses the file, for writing while it has the file alone.
_SHARED_FIRST = 0x40000000 + 2
_SHARED_SIZE = 510
_FLOCK = struct.Struct("hhqqi4x")  # fcntl(2): type, whence, start, length, process


def connect(path: Path, options: str) -> sqlite3.Connection:
    """Open `path` with `options` of SQLite's file URIs, such as `mode=ro`."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        timeout=BUSY_TIMEOUT_MS / 1000,
        isolation_level=None,
        uri=True,
    )


def connect_alone(path: Path) -> sqlite3.Connection:
    """Open `path` for this connection alone, from its first statement to its end.

    Then SQLite keeps the index of the write-ahead log in memory: a -shm file that others share
    would be a mapping, and whoever truncates that file ends the process by SIGBUS.
    """
    connection = connect(path, "mode=rw")
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    return connection


def side_file(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


class Holder(NamedTuple):
    """Who has a file open."""

    alone: bool
    pid: int
    """0 where it is none of the processes that are seen from here."""


def holder(path: Path) -> Holder | None:
    """Return who has the file open, if another process has; raise OSError or UnavailableError."""
    file = open_regular(path, os.O_RDONLY)
    try:
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _SHARED_FIRST, _SHARED_SIZE, 0)
        kind, _, _, _, pid = _FLOCK.unpack(fcntl.fcntl(file, fcntl.F_GETLK, asked))
    finally:
        os.close(file)
    return None if kind == fcntl.F_UNLCK else Holder(kind == fcntl.F_WRLCK, max(pid, 0))


def check_free(path: Path) -> None:
    """Raise HeldError where another process has the file for itself, as a daemon does."""
    with suppress(OSError, UnavailableError):  # whoever opens the file will be told why
        other = holder(path)
        if other is not None and other.alone:
            raise HeldError(path, other.pid)


_taken: set[Path] = set()
"""The files that are open in this process; one that a dead disk keeps open stays among them."""


def take(path: Path) -> None:
    """Note that this process has opened `path`, and locks it."""
    _taken.add(path)


def release(path: Path) -> None:
    """Note that this process has closed `path`."""
    _taken.discard(path)


def open_regular(path: Path, flags: int) -> int:
    """Open a regular file that is at `path` itself; raise OSError, or UnavailableError for others.

    Never by a link, which may lead anywhere, and never waiting, as a FIFO would have it. Nor beside
    a connection: when whoever calls this closes the file, the kernel takes away every lock that
    this process has on it (fcntl(2)), and a second daemon could have the file, too.
    """
    if path in _taken:
        raise UnavailableError(STUCK)
    _check_regular(path)
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise _irregular(path)
    return file


def check_side_files(path: Path) -> None:
    """Raise UnavailableError where SQLite would follow a link, or wait for ever for a FIFO."""
    for suffix in SIDE_FILES:
        _check_regular(side_file(path, suffix))


def _check_regular(path: Path) -> None:
    """Raise UnavailableError where there is something at `path` that is no regular file."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise _irregular(path)


def _irregular(path: Path) -> UnavailableError:
    return UnavailableError(f"{path.name} is no regular file: remove it, or name another path")
