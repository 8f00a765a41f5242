"""A copy of an SQLite database that another process may be writing, as it is at one time."""

import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.files import open_regular, side_file

# Bytes of a file, and of its write-ahead log: the history has 400 MB at most.
MAX_COPIED = 1 << 30
# Who writes moves its log into the file every few thousand changes; then the copy is made again.
ATTEMPTS = 5
_PIECE = 1 << 20
_LOG_HEADER = 32  # bytes, https://sqlite.org/fileformat2.html#walformat: with numbers of its own


class CopiedFile(NamedTuple):
    """A file of which the copy was made."""

    path: Path
    size: int
    sha256: str


def copy_database(path: Path, copy: Path) -> list[CopiedFile]:
    """Copy the database at `path`, and its write-ahead log where it has one.

    Raise UnavailableError, OSError.
    """
    log = side_file(path, "-wal")
    for _ in range(ATTEMPTS):
        before = _state(path, log)
        files = [copy_file(path, copy)]
        side_file(copy, "-wal").unlink(missing_ok=True)
        if os.path.lexists(log):
            files.append(copy_file(log, side_file(copy, "-wal")))
        # While these are the same, the log only grows, and what is cut there does not count.
        if _state(path, log) == before:
            return files
    raise UnavailableError(
        f"{path} changes all the time: ask the daemon, or stop whoever else writes it"
    )


def _state(path: Path, log: Path) -> tuple[int, int, int, bytes]:
    """Return what changes when the log is moved into the file, or begun anew."""
    status, header = path.lstat(), b""
    if os.path.lexists(log):
        with os.fdopen(open_regular(log, os.O_RDONLY), "rb") as file:
            header = file.read(_LOG_HEADER)
    return status.st_ino, status.st_size, status.st_mtime_ns, header


def copy_file(path: Path, copy: Path) -> CopiedFile:
    """Copy a file, no further than MAX_COPIED."""
    if not stat.S_ISREG(path.lstat().st_mode):  # for whoever reads it, `remove it` is no advice
        raise UnavailableError(f"{path} is no regular file: name the database itself")
    digest, size = hashlib.sha256(), 0
    with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as source, copy.open("wb") as target:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > MAX_COPIED:
                raise UnavailableError(
                    f"{path} has more than {MAX_COPIED:,} bytes: no such file has"
                )
            digest.update(piece)
            target.write(piece)
    return CopiedFile(path, size, digest.hexdigest())
