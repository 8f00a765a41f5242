"""The history read by another program than the daemon, which may be writing it.

It is read from a copy of its own, made for that: SQLite's locks would keep a daemon from starting,
and without them it would take the daemon's write-ahead log for its own, and remove it.
"""

import hashlib
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from mtasts_resolver.store import hourcounts
from mtasts_resolver.store.changes import RecordedChange
from mtasts_resolver.store.changetable import SCHEMA, Wanted, find_page
from mtasts_resolver.store.errors import DamagedError, StoreError, UnavailableError, primary_code
from mtasts_resolver.store.files import connect, open_regular, side_file
from mtasts_resolver.store.hourcounts import DaySum
from mtasts_resolver.store.schema import check_owner

# Bytes of a file, and of its write-ahead log: the history has 400 MB at most.
MAX_COPIED = 1 << 30
# The daemon moves its log into the file every few thousand changes; then the copy is made again.
ATTEMPTS = 5
_PIECE = 1 << 20
_LOG_HEADER = 32  # bytes, https://sqlite.org/fileformat2.html#walformat: with numbers of its own
# The version of the schema from which on there are counts.
_COUNTING = 2


class CopiedFile(NamedTuple):
    """A file of which the copy was made."""

    path: Path
    size: int
    sha256: str


class HistoryCopy:
    """A copy of a history, open for reading; use it as a context.

    All raise UnavailableError, StoreError and DamagedError, whose texts say what is wrong with it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.files: list[CopiedFile] = []
        """What was copied: the file, and its write-ahead log where it has one."""
        with _told(path), ExitStack() as stack:
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="mtasts-resolver-"))
            copy = self._copied(Path(place) / "history")
            # Alone, so that there is no file of the log's index; nobody else knows of the copy.
            self._connection = connect(copy, "mode=rw")
            stack.callback(self._connection.close)
            self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._version = check_owner(self._connection, path, SCHEMA)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def changes(self) -> Iterator[RecordedChange]:
        """Yield all changes, the latest first."""
        wanted = Wanted()
        while page := self._page(wanted):
            yield from page
            wanted = wanted._replace(below=page[-1].number)

    def counted(self, since: float, until: float) -> list[DaySum]:
        """Return what was counted; nothing where the daemon was of a version that did not."""
        if self._version < _COUNTING:
            return []
        with _told(self._path):
            return hourcounts.sum_days(self._connection, since, until)

    def _page(self, wanted: Wanted) -> list[RecordedChange]:
        if not self._version:
            return []  # made, and nothing written yet
        with _told(self._path):
            return find_page(self._connection, wanted)

    def _copied(self, copy: Path) -> Path:
        """Copy the file and its log as they are at one time."""
        log = side_file(self._path, "-wal")
        for _ in range(ATTEMPTS):
            before = _state(self._path, log)
            self.files = [_copy(self._path, copy)]
            side_file(copy, "-wal").unlink(missing_ok=True)
            if os.path.lexists(log):
                self.files.append(_copy(log, side_file(copy, "-wal")))
            # While these are the same, the log only grows, and what is cut there does not count.
            if _state(self._path, log) == before:
                return copy
        raise UnavailableError(
            f"{self._path} changes all the time: ask the daemon, or stop whoever else writes it"
        )


def _state(path: Path, log: Path) -> tuple[int, int, int, bytes]:
    """Return what changes when the log is moved into the file, or begun anew."""
    status, header = path.lstat(), b""
    if os.path.lexists(log):
        with os.fdopen(open_regular(log, os.O_RDONLY), "rb") as file:
            header = file.read(_LOG_HEADER)
    return status.st_ino, status.st_size, status.st_mtime_ns, header


def _copy(path: Path, copy: Path) -> CopiedFile:
    """Copy a file, no further than MAX_COPIED."""
    if not stat.S_ISREG(path.lstat().st_mode):  # for whoever reads it, `remove it` is no advice
        raise UnavailableError(f"{path} is no regular file: name the history's own")
    digest, size = hashlib.sha256(), 0
    with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as source, copy.open("wb") as target:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > MAX_COPIED:
                raise UnavailableError(f"{path} has more than {MAX_COPIED:,} bytes: no history has")
            digest.update(piece)
            target.write(piece)
    return CopiedFile(path, size, digest.hexdigest())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Have what goes wrong say so in words, for whoever has the file read."""
    try:
        yield
    except FileNotFoundError:
        raise UnavailableError(f"there is no {path}: no daemon keeps a history there") from None
    except PermissionError:
        raise UnavailableError(
            f"{path} is not for you: become root, or the daemon's user"
        ) from None
    except OSError as error:
        reason = error.strerror or error
        raise UnavailableError(
            f"{path} cannot be read, of which a copy is made in {tempfile.gettempdir()}: {reason}"
        ) from None
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if isinstance(error, sqlite3.Error) and primary_code(error) == sqlite3.SQLITE_NOTADB:
            raise StoreError(f"{path} is no history: {error}") from None
        raise DamagedError(f"{path} is damaged: {error}") from None
