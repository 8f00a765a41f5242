"""The last warnings and errors of the log, for whoever asks how the daemon is."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from mtasts_resolver.base.logs import Value, event_of

MAX_KEPT = 50  # lines: more than a screen; what came before is in the log


class Trouble(NamedTuple):
    """One line of the log."""

    at: float
    """Seconds since 1970-01-01 UTC."""
    level: str
    event: str
    fields: dict[str, Value]


class RecentTrouble(logging.Handler):
    """Remembers the last lines of level warning and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: deque[Trouble] = deque(maxlen=MAX_KEPT)
        self.warnings = 0
        self.errors = 0

    def emit(self, record: logging.LogRecord) -> None:
        event, fields = event_of(record)
        fields.pop("traceback", None)  # it is in the log, and may be long
        if record.levelno >= logging.ERROR:
            self.errors += 1
        else:
            self.warnings += 1
        self.lines.append(Trouble(record.created, record.levelname.lower(), event, fields))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to the log meanwhile."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)
