"""Deliveries without a session, for as long as the line on their session may still come.

Lines that went over a network to the log may stand in another order than that in which they were
logged. Where their times show it, a session's line behind the delivery's may be its own.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from mtasts_resolver.evidence.deliveries import OutboundDelivery
from mtasts_resolver.evidence.joins.followed import OUT_OF_ORDER
from mtasts_resolver.evidence.joins.outgoing import SmtpProcess, is_same_peer
from mtasts_resolver.maillog.events import LoggedPeer

# Deliveries of so many seconds; if there are more, the oldest are told.
MAX_SETTLING = 1_000


class Unsettled(NamedTuple):
    """A delivery without a session."""

    process: SmtpProcess
    fact: OutboundDelivery


class Settling:
    """Deliveries of the last seconds."""

    def __init__(self) -> None:
        self._waiting: deque[Unsettled] = deque()

    def add(self, process: SmtpProcess, fact: OutboundDelivery) -> None:
        """Take a delivery."""
        self._waiting.append(Unsettled(process, fact))

    def due(self, time: float | None) -> Iterator[Unsettled]:
        """Yield those for which no line is expected any more."""
        waiting = self._waiting
        while waiting:
            at = waiting[0].fact.time
            if (
                time is not None
                and at is not None
                and time - at <= OUT_OF_ORDER
                and len(waiting) <= MAX_SETTLING
            ):
                return
            yield waiting.popleft()

    def contested(self, process: SmtpProcess, peer: LoggedPeer) -> Iterator[OutboundDelivery]:
        """Yield those of a process that a session with `peer` may belong to, which comes late."""
        kept: deque[Unsettled] = deque()
        for each in self._waiting:
            if each.process is process and is_same_peer(each.fact.peer, peer):
                yield each.fact
            else:
                kept.append(each)
        self._waiting = kept
