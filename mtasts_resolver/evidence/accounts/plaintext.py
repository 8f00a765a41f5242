"""Messages that crossed the network in plain text, by whom they went to or came from."""

from mtasts_resolver.evidence.accounts.domaincounts import MAX_ROWS
from mtasts_resolver.evidence.accounts.frequent import OTHERS, FrequentRows
from mtasts_resolver.evidence.accounts.localdays import LocalDays
from mtasts_resolver.evidence.report import UnencryptedRow


class PlainRow:
    """What went in plain text to a host for a domain, or came from a host."""

    __slots__ = ("at_least", "deliveries", "first", "last")

    def __init__(self) -> None:
        self.deliveries = 0
        self.first: float | None = None
        self.last: float | None = None
        self.at_least = False

    def count(self, time: float | None) -> None:
        """Count a message."""
        self.deliveries += 1
        if time is not None:
            self.first = time if self.first is None else self.first
            self.last = time

    def absorb(self, other: "PlainRow") -> None:
        """Add what `other` has counted."""
        self.deliveries += other.deliveries
        times = [self.first, self.last, other.first, other.last]
        if known := [time for time in times if time is not None]:
            self.first, self.last = min(known), max(known)


class PlainTally(FrequentRows[tuple[str, str], PlainRow]):
    """One direction, by domain and host; bounded."""

    def __init__(self, capacity: int, *, inbound: bool) -> None:
        super().__init__(PlainRow, capacity=capacity)
        self._inbound = inbound

    def count(self, time: float | None, domain: str, host: str) -> None:
        """Count a message: to a domain at an MX host, or from a client's host at an address."""
        key = (domain, host)
        (self.rows.get(key) or self.begin(key)).count(time)

    def unencrypted(self, calendar: LocalDays) -> tuple[UnencryptedRow, ...]:
        """Return the most frequent first, and last what has no row of its own."""
        return tuple(
            UnencryptedRow(
                inbound=self._inbound,
                domain=key[0] if key else OTHERS,
                host=key[1] if key else "",
                deliveries=row.deliveries,
                first=calendar.stamp(row.first),
                last=calendar.stamp(row.last),
            )
            for key, row in self.most(MAX_ROWS)
        )
