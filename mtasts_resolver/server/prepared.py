"""Replies that stand ready, for requests that arrive again byte by byte."""

from collections import deque

from mtasts_resolver.postfix.reply import TimedReply

# Requests in one table. A dict that grows moves all that it holds: half a millisecond with so many.
MAX_PREPARED = 16_384
# Full tables that are kept behind the one in use: with it, 131,072 requests of one protocol, about
# as many as there are domains that a large relay sends mail to while their replies hold.
MAX_BEHIND = 7
# Longer requests are not what Postfix sends often, or at all.
MAX_PREPARED_BYTES = 300
# Requests of tables that are gone, of which so many are let go of whenever one is added: none is
# held for long, and no turn of the event loop lets go of all.
LET_GO = 8


class Prepared:
    """Whole requests as they arrived, and their replies; of one protocol.

    What was used last is in `table`. A table that is full goes behind, where a request is still
    found, and comes to the front again. Most replies belong to what they were made of, and are
    emptied when they are recalled; here stays the request at most.
    """

    __slots__ = ("_behind", "_leaving", "table")

    def __init__(self) -> None:
        self.table: dict[bytes, TimedReply] = {}
        """For reading; whoever finds a reply must see that it holds."""
        self._behind: deque[dict[bytes, TimedReply]] = deque()
        self._leaving: list[dict[bytes, TimedReply]] = []

    def find(self, request: bytes) -> TimedReply | None:
        """Return the reply to a request that is not in `table`, and put it there."""
        for table in self._behind:
            reply = table.pop(request, None)
            if reply is not None:
                self.add(request, reply)
                return reply
        return None

    def add(self, request: bytes, reply: TimedReply) -> None:
        if len(request) > MAX_PREPARED_BYTES:
            return
        if len(self.table) >= MAX_PREPARED:
            self._behind.appendleft(self.table)
            self.table = {}
            if len(self._behind) > MAX_BEHIND:
                self._leaving.append(self._behind.pop())
        self.table[request] = reply
        for _ in range(LET_GO):
            while self._leaving and not self._leaving[-1]:
                self._leaving.pop()
            if not self._leaving:
                break
            self._leaving[-1].popitem()

    def forget(self) -> None:
        """Begin anew, at the price of next to nothing."""
        self._leaving += [table for table in (self.table, *self._behind) if table]
        self.table = {}
        self._behind.clear()
