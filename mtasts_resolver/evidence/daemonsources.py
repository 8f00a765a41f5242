"""Where the daemon's history is had: from itself, or from its file. What goes wrong is in words."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.control.client import ControlClient, ControlError
from mtasts_resolver.control.values.counts import DailyCount
from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.control.views.brief import brief
from mtasts_resolver.control.views.counts import daily
from mtasts_resolver.store.errors import DamagedError, StoreError, UnavailableError
from mtasts_resolver.store.filecopy import CopiedFile
from mtasts_resolver.store.historycopy import HistoryCopy

# Seconds in which the daemon must go on with an answer, and in which all must have come: half a
# million changes take a daemon that answers look-ups meanwhile half a minute.
READ_PATIENCE = 30.0
ALL_PATIENCE = 180.0

_EVER = (0.0, 1e11)

T = TypeVar("T")


class SourceError(Exception):
    """It cannot be had, or not all of it; the text says why."""


class TimeSpan(NamedTuple):
    """From `since` to before `until`, in seconds since 1970."""

    since: float
    until: float


class HistorySource(ABC):
    """An open source. Raises SourceError."""

    runs: bool
    """It is the daemon itself."""
    files: tuple[CopiedFile, ...] = ()
    """What was read."""

    @abstractmethod
    def counts(self, span: TimeSpan | None = None) -> Iterator[DailyCount]:
        """Yield what was counted in a time, or ever."""

    @abstractmethod
    def changes(self) -> Iterator[BriefChange]:
        """Yield all changes, the latest first."""


HistoryOpener = Callable[[], AbstractContextManager[HistorySource]]


class _Daemon(HistorySource):
    runs = True

    def __init__(self, client: ControlClient) -> None:
        self._client = client
        self._deadline = time.monotonic() + ALL_PATIENCE

    def counts(self, span: TimeSpan | None = None) -> Iterator[DailyCount]:
        params = {}
        if span is not None:
            params = {"since": timestamp(span.since), "until": timestamp(span.until)}
        return self._until_late(self._client.stream("GET", DailyCount, "counts", params=params))

    def changes(self) -> Iterator[BriefChange]:
        return self._until_late(self._client.stream("GET", BriefChange, "history", "stream"))

    def _until_late(self, values: Iterable[T]) -> Iterator[T]:
        for value in values:
            if time.monotonic() >= self._deadline:
                raise SourceError(
                    f"the daemon took more than {ALL_PATIENCE:g} s to tell its history"
                )
            yield value


class _File(HistorySource):
    runs = False

    def __init__(self, copy: HistoryCopy) -> None:
        self._copy = copy
        self.files = tuple(copy.files)

    def counts(self, span: TimeSpan | None = None) -> Iterator[DailyCount]:
        return map(daily, self._copy.counted(*(span or _EVER)))

    def changes(self) -> Iterator[BriefChange]:
        return map(brief, self._copy.changes())


@contextmanager
def daemon_source(control: Path) -> Iterator[HistorySource]:
    """Speak to the daemon. Raise SourceError, also in place of what is raised while it is used."""
    try:
        with ControlClient(control, patience=READ_PATIENCE) as client:
            yield _Daemon(client)
    except (ControlError, OSError) as error:
        raise SourceError(str(error)) from None


@contextmanager
def file_source(file: Path) -> Iterator[HistorySource]:
    """Read the file. Raise SourceError, also in place of what is raised while it is used."""
    try:
        with HistoryCopy(file) as copy:
            yield _File(copy)
    except (UnavailableError, StoreError, DamagedError) as error:
        raise SourceError(str(error)) from None
