"""Events that a peer can provoke, bounded in number, and its name in them."""

import asyncio
from collections.abc import Callable

from mtasts_resolver.logs import EventLogger

INTERVAL = 60.0  # seconds between two lines of one kind: enough to see it, too few to fill a disk
MAX_KINDS = 64  # told apart at once; reasons are constant texts, so that this is never reached

_Kind = tuple[str, object]


class RateLimitedLog:
    """Logs at most one event of a kind per `interval`.

    Events are of one kind if they have the same name and `reason`, bugs the same name and type of
    exception. `left_out` tells how many were not logged since the last of their kind was.
    """

    def __init__(
        self,
        log: EventLogger,
        clock: Callable[[], float],
        *,
        interval: float = INTERVAL,
    ) -> None:
        self._log = log
        self._clock = clock
        self._interval = interval
        self._written: dict[_Kind, tuple[float, int]] = {}  # the last line, left out since

    def bug(self, event: str, error: BaseException, /, **fields: object) -> None:
        """Log as EventLogger.bug does."""
        self._limit(self._log.bug, (event, type(error)), fields, event, error)

    def error(self, event: str, /, **fields: object) -> None:
        """Log as EventLogger.error does."""
        self._limit(self._log.error, (event, fields.get("reason")), fields, event)

    def warning(self, event: str, /, **fields: object) -> None:
        """Log as EventLogger.warning does."""
        self._limit(self._log.warning, (event, fields.get("reason")), fields, event)

    def _limit(
        self, write: Callable[..., None], kind: _Kind, fields: dict[str, object], *event: object
    ) -> None:
        if kind not in self._written and len(self._written) >= MAX_KINDS:
            kind = ("", None)
        now = self._clock()
        last, left_out = self._written.get(kind, (None, 0))
        if last is not None and now - last < self._interval:
            self._written[kind] = (last, left_out + 1)
            return
        self._written[kind] = (now, 0)
        if left_out:
            fields["left_out"] = left_out
        write(*event, **fields)


def peer_name(transport: asyncio.BaseTransport | None) -> str:
    """Return how the log names the peer at the other end."""
    peer = transport.get_extra_info("peername") if transport else None
    if not isinstance(peer, tuple):
        return "local"  # of a unix socket, or gone already
    return f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"
