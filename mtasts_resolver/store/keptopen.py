"""A file of SQLite's, kept open whatever happens to it; all of this blocks, in one thread."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from mtasts_resolver.base import logs
from mtasts_resolver.store.errors import (
    FAILURES,
    DamagedError,
    StoreError,
    UnavailableError,
    storage_error,
)
from mtasts_resolver.store.files import check_free, side_file
from mtasts_resolver.store.rescue import remove_oldest, set_aside

log = logs.get(__name__)


class Table(Protocol):
    """What an open file is used through."""

    def close(self) -> None:
        """Close the file."""

    def empty_log(self) -> None:
        """Move all that is in the write-ahead log to the database."""


T = TypeVar("T")
AnyTable = TypeVar("AnyTable", bound=Table)


class KeptOpen(ABC, Generic[AnyTable]):
    """The file, or what can be had of it.

    Methods raise UnavailableError, after which they may be called again: they open the file anew
    where that may help. A ruined file is set aside, and a fresh one begun.
    """

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now
        self._table: AnyTable | None = None
        self._made_of: dict[Path, tuple[int, int]] = {}
        self._opening = 0

    @property
    def opening(self) -> int:
        """How often a file was opened: the number of the one that is open.

        Any but the first may hold less than was written.
        """
        return self._opening

    @property
    def is_open(self) -> bool:
        """Tell whether the file is open."""
        return self._table is not None

    @abstractmethod
    def _open_file(self) -> AnyTable:
        """Make the file where it is missing, and open it; raise one of FAILURES or of errors."""

    @abstractmethod
    def _was_opened(self) -> None:
        """Forget what was known of the file that was open before."""

    def _cannot_be_opened(self) -> None:
        """Take what can be had of a file that is there, and cannot be used."""

    def look(self) -> None:
        """Open what is at the path now, where that is not what is open."""
        if self._table is None:
            self._open_again()
        elif (moved := self._moved()) is not None:
            log.warning("store-replaced", file=moved)
            self._leave()
            self._open_again()

    def close(self) -> None:
        """Close the file."""
        self._shut()

    def _guarded(self, work: Callable[[AnyTable], T]) -> T:
        """Return what `work` returns; where a fresh start may help, make one and try once more."""
        try:
            return self._attempt(work)
        except DamagedError as damage:
            self._begin_afresh(damage)
        except UnavailableError as failure:
            # From a disk that has become read-only, what is open can still be read.
            if not failure.reopen or not os.access(self._path, os.W_OK):
                raise
            self._open_again()
        try:
            return self._attempt(work)
        except DamagedError as damage:
            reason = f"it was damaged again at once ({damage}); check its disk"
            raise UnavailableError(reason) from None

    def _attempt(self, work: Callable[[AnyTable], T]) -> T:
        if self._table is None:
            raise UnavailableError("it is not open")
        try:
            return work(self._table)
        except FAILURES as error:
            raise storage_error(error) from error

    def _open(self) -> None:
        try:
            self._open_table()
        except DamagedError as damage:
            self._begin_afresh(damage)
        except UnavailableError:
            self._cannot_be_opened()
            raise

    def _open_again(self) -> None:
        # First, since SQLite removes the write-ahead log by its name when it closes, and the file
        # that is opened next must neither meet the log of this one nor lose its own.
        self._shut()
        try:
            self._open()
        except StoreError as error:  # somebody put another file there while we ran
            raise UnavailableError(str(error)) from None

    def _open_table(self) -> None:
        """Open the file as it is."""
        table: AnyTable | None = None
        try:
            table = self._open_file()
            made_of = {file: _identity(file) for file in self._files}
            # Nobody else has the file, so this is what an earlier version left behind.
            side_file(self._path, "-shm").unlink(missing_ok=True)
        except FAILURES as error:
            if table is not None:
                table.close()
            check_free(self._path)
            raise storage_error(error) from error
        self._table = table
        self._made_of = made_of
        self._opening += 1
        self._was_opened()

    def _begin_afresh(self, damage: DamagedError) -> None:
        self._shut()
        try:
            target = set_aside(self._path, self._now())
        except OSError as error:
            reason = f"it is damaged ({damage}) and cannot be set aside: {storage_error(error)}"
            raise UnavailableError(reason) from error
        log.error("store-damaged", file=self._path, set_aside=target.name, reason=damage)
        try:
            remove_oldest(self._path)
        except OSError as error:
            log.warning("store-remains-kept", file=self._path, reason=error.strerror or str(error))
        try:
            self._open_table()
        except DamagedError as again:
            reason = f"a fresh file is damaged at once ({again}); check its disk"
            raise UnavailableError(reason) from None

    @property
    def _files(self) -> tuple[Path, Path]:
        """What is kept in it is in the file, and in its write-ahead log."""
        return self._path, side_file(self._path, "-wal")

    def _leave(self) -> None:
        """Part from a file that is no longer at its path: what is there now must not meet its log.

        SQLite would leave the log where it is when it closes.
        """
        with suppress(UnavailableError, DamagedError):  # then what it holds is in memory alone
            self._attempt(_empty_log)
        log_file = side_file(self._path, "-wal")
        with suppress(OSError):
            if _identity(log_file) == self._made_of[log_file]:
                log_file.unlink()

    def _moved(self) -> Path | None:
        """Return where there is another file now than the one that is open, or none."""
        for file, identity in self._made_of.items():
            try:
                if _identity(file) != identity:
                    return file
            except FileNotFoundError:
                return file
            except OSError:
                return None  # the write itself will tell
        return None

    def _shut(self) -> None:
        if self._table is not None:
            self._table.close()
        self._table = None
        self._made_of = {}


def _identity(file: Path) -> tuple[int, int]:
    status = file.lstat()
    return status.st_dev, status.st_ino


def _empty_log(table: Table) -> None:
    table.empty_log()
