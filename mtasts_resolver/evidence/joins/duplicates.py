"""What was seen already: the same line comes twice where a journal and a file are read, or a copy.

A delivery is known by what no other delivery can have in common with it: its queue id, its
recipient, and for whom that was before it was rewritten (`orig_to=`: two aliases of one mailbox are
two deliveries). It can be sent once; each attempt before has an age of its own. How the host of the
log is spelt does not matter, nor how the line goes on: copies are cut at different lengths.
"""

from mtasts_resolver.maillog.events import Delivery, DeliveryStatus, LogLine, MailAccepted

# Copies of a line stand beside each other in the order of time, unless a clock or a zone is wrong:
# as many as a busy server has in an hour or two. Each takes about 100 bytes, and there are twice as
# many before the older half is forgotten.
MAX_REMEMBERED = 1 << 17


class SeenLines:
    """Remembers the last things that were seen."""

    def __init__(self, limit: int = MAX_REMEMBERED) -> None:
        self._limit = limit
        self._seen: set[int] = set()
        self._older: set[int] = set()
        self._copies = False
        """Something with a queue id was seen twice."""

    def delivery(self, event: Delivery) -> bool:
        """Tell whether this delivery was seen before, and remember it."""
        attempt = 0.0 if event.status is DeliveryStatus.SENT else event.delay
        key = hash((event.queue_id, event.recipient, event.original, event.status, attempt))
        seen = self._seen_before(key)
        self._copies |= seen
        return seen

    def message(self, event: MailAccepted) -> bool:
        """Tell whether this message was seen coming in before, and remember it."""
        seen = self._seen_before(hash((event.queue_id, event.peer.address)))
        self._copies |= seen
        return seen

    def unqueued(self, line: LogLine, number: int) -> bool:
        """Tell whether this message without a queue id was seen, and remember it.

        It is the `number`-th that its process tells of in a second; but where a log has copies of
        lines, these may be among them.
        """
        second = None if line.time is None else int(line.time)
        return self._seen_before(
            hash((line.pid, second, line.message, 0 if self._copies else number))
        )

    def line(self, line: LogLine) -> bool:
        """Tell whether a line of the same second and process says the same, and remember it.

        This is for what has no queue id. It may have been said twice indeed: then it counts once.
        """
        second = None if line.time is None else int(line.time)
        return self._seen_before(hash((line.pid, second, line.message)))

    def _seen_before(self, key: int) -> bool:
        if key in self._seen or key in self._older:
            return True
        self._seen.add(key)
        if len(self._seen) >= self._limit:
            self._older, self._seen = self._seen, set()
        return False
