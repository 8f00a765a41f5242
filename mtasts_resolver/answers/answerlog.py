"""The log of answers: a line for each look-up, or for each answer that is another than before.

They are written in batches, behind the answers.
"""

import asyncio
from collections import deque
from itertools import islice

from mtasts_resolver.answers.events import AnswerChanged
from mtasts_resolver.answers.tallies import TCP_TABLE
from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.config import LoggedAnswers
from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import Reply, Status

log = logs.get(__name__)

# Seconds that a look-up may wait for others, to be written together.
DELAY = 0.2
# Lines that are made and written in one turn of the event loop: some 0.3 ms. Then look-ups go on.
LINES_PER_TURN = 24
# Look-ups that wait to be written, 10 MB at most of usual ones: a second of the fastest stream that
# one Postfix was ever seen to send, several of what can be written.
MAX_NOTED = 16_384
# Characters that are kept of a key and of a map's name; a domain has 253.
MAX_KEPT = 300


Line = tuple[float, dict[str, object]]
"""When it was, by the wall clock, and the fields."""


class AnswerLog:
    """Takes note of look-ups and changes, and writes.

    When they come faster than they can be written, or than the log is read, the newest are lost;
    one line says how many.
    """

    def __init__(self, clock: Clock, events: Events) -> None:
        self.logged: LoggedAnswers = "none"
        """What is logged of what happens from now on; `note` is called only where it is `all`."""
        self._clock = clock
        self._noted: deque[Line] = deque()
        self._changed: deque[Line] = deque()
        self._timer: asyncio.Handle | None = None
        self._lost = 0
        self.lost = 0
        """Look-ups and changes since the start that have no line."""
        events.listen(AnswerChanged, self._note_change)

    @property
    def waiting(self) -> int:
        """Return how many lines wait to be written."""
        return len(self._noted) + len(self._changed)

    def note(
        self,
        request: Request,
        reply: Reply,
        would_be: str,
        cached: bool,
        seconds: float,
    ) -> None:
        """Have a line written soon."""
        fields: dict[str, object] = {
            "key": request.key[:MAX_KEPT],
            "map": request.map_name[:MAX_KEPT] or TCP_TABLE,
            "answer": reply.answer,
            "cached": cached,
            "ms": seconds * 1_000,
        }
        if would_be:
            fields["would_be"] = would_be
        if reply.status is Status.TEMP:
            fields["reason"] = reply.text
        self._keep(self._noted, fields)

    def _note_change(self, told: AnswerChanged) -> None:
        if self.logged != "changes":
            return
        fields: dict[str, object] = {
            "key": told.hop,
            "map": told.map,
            "answer": told.answer,
            "was": told.was,
            "now": told.now,
        }
        if not told.given:
            fields["given"] = False
        self._keep(self._changed, fields)

    def _keep(self, lines: "deque[Line]", fields: dict[str, object]) -> None:
        if self.waiting >= MAX_NOTED:
            self._lost += 1
            self.lost += 1
            return
        lines.append((self._clock.wall(), fields))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY, self._write)

    def close(self) -> None:
        """Write what waits, as far as it is read."""
        if self._timer is not None:
            self._timer.cancel()
        while self.waiting and self._write_some():
            pass
        self._lost += self.waiting
        self._noted.clear()
        self._changed.clear()
        self._tell_lost()

    def _write(self) -> None:
        """Write a few lines, and the others in the next turns; or later, if nobody reads them."""
        loop = asyncio.get_running_loop()
        wrote = self._write_some()
        if not self.waiting:
            self._timer = None
            self._tell_lost()
        elif wrote:
            self._timer = loop.call_soon(self._write)
        else:
            self._timer = loop.call_later(DELAY, self._write)

    def _write_some(self) -> bool:
        written = log.many("answer", list(islice(self._noted, LINES_PER_TURN)))
        for _ in range(written):
            self._noted.popleft()
        if written:
            return True
        written = log.many("answer-changed", list(islice(self._changed, LINES_PER_TURN)))
        for _ in range(written):
            self._changed.popleft()
        return written > 0

    def _tell_lost(self) -> None:
        if self._lost:
            log.warning("answers-left-out", count=self._lost)
            self._lost = 0
