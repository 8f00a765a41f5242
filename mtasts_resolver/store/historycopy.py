"""The history read by another program than the daemon, which may be writing it.

It is read from a copy of its own, made for that: SQLite's locks would keep a daemon from starting,
and without them it would take the daemon's write-ahead log for its own, and remove it.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from mtasts_resolver.store import hourcounts
from mtasts_resolver.store.changes import RecordedChange
from mtasts_resolver.store.changetable import SCHEMA, Wanted, find_page
from mtasts_resolver.store.errors import DamagedError, StoreError, UnavailableError, primary_code
from mtasts_resolver.store.filecopy import CopiedFile, copy_database
from mtasts_resolver.store.files import connect
from mtasts_resolver.store.hourcounts import DaySum
from mtasts_resolver.store.schema import check_owner

# The version of the schema from which on there are counts.
_COUNTING = 2


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
            copy = Path(place) / "history"
            self.files = copy_database(path, copy)
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
