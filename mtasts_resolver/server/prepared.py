"""Replies that stand ready, for requests that arrive again byte by byte."""

from mtasts_resolver.reply import TimedReply

# Requests of one protocol. A dict that grows moves all that it holds, half a millisecond with so
# many; and more are hardly asked for within the minutes for which a reply holds.
MAX_PREPARED = 16_384
# Longer requests are not what Postfix sends often, or at all.
MAX_PREPARED_BYTES = 300
# Requests of an earlier table that are let go of whenever one is added: none is held for long, and
# no turn of the event loop lets go of all.
LET_GO = 8


class Prepared:
    """Whole requests as they arrived, and their replies; of one protocol.

    A table that is full is begun anew: what is in use returns at once. Most replies belong to what
    they were made of, and are emptied when they are recalled; here stays the request at most.
    """

    __slots__ = ("_earlier", "table")

    def __init__(self) -> None:
        self.table: dict[bytes, TimedReply] = {}
        """For reading; whoever finds a reply must see that it holds."""
        self._earlier: list[dict[bytes, TimedReply]] = []

    def add(self, request: bytes, reply: TimedReply) -> None:
        if len(request) > MAX_PREPARED_BYTES:
            return
        if len(self.table) >= MAX_PREPARED:
            self.forget()
        self.table[request] = reply
        for _ in range(LET_GO):
            if not self._earlier:
                break
            self._earlier[-1].popitem()
            if not self._earlier[-1]:
                self._earlier.pop()

    def forget(self) -> None:
        """Begin anew, at the price of next to nothing."""
        if self.table:
            self._earlier.append(self.table)
            self.table = {}
