"""Log lines that a peer can provoke, bounded in number."""

import logging
from collections.abc import Callable

INTERVAL = 60.0  # seconds between two lines of one reason: enough to see it, too few to fill a disk
MAX_REASONS = 64  # told apart at once; reasons are constant texts, so that this is never reached


class RateLimitedLog:
    """Writes at most one line per reason and `interval`, with the count of those left out."""

    def __init__(
        self,
        logger: logging.Logger,
        clock: Callable[[], float],
        *,
        interval: float = INTERVAL,
    ) -> None:
        self._logger = logger
        self._clock = clock
        self._interval = interval
        self._written: dict[str, tuple[float, int]] = {}  # reason: last line, left out since

    def log(
        self,
        level: int,
        reason: str,
        message: str,
        *args: object,
        error: BaseException | None = None,
    ) -> None:
        """Log `message % args`, with the traceback of `error`, unless `reason` had its line."""
        if reason not in self._written and len(self._written) >= MAX_REASONS:
            reason = ""
        now = self._clock()
        last, left_out = self._written.get(reason, (None, 0))
        if last is not None and now - last < self._interval:
            self._written[reason] = (last, left_out + 1)
            return
        self._written[reason] = (now, 0)
        if left_out:
            message += f" ({left_out} more like this were not logged)"
        self._logger.log(level, message, *args, exc_info=error)
