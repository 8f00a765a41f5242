"""Rows for the most frequent of what may be without number: domains, hosts, reasons.

All that comes is counted. There is a row for each key until there are as many as may be kept; then
the half with the fewest is added up as `others`, and its keys are forgotten. So:

- the rows and `others` together are exact, always;
- a row that was there when the first were forgotten, and still is, is exact;
- a row that began later is exact from there on: what its key had before, if it was forgotten, is in
  `others`. It is marked as `at_least`.

Who has many is not forgotten, and who is forgotten had no more than any that was kept.
"""

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, Self, TypeVar


class FrequentRow(Protocol):
    """What is counted under a key."""

    deliveries: int
    at_least: bool

    def absorb(self, other: Self) -> None:
        """Add what `other` has counted."""


OTHERS = "(others)"
"""The key of what has no row of its own. No domain and no host can have that name."""

CountedKey = TypeVar("CountedKey")
CountedBy = TypeVar("CountedBy", bound=FrequentRow)


class FrequentRows(Generic[CountedKey, CountedBy]):
    """A row for each key, bounded."""

    def __init__(self, new: Callable[[], CountedBy], *, capacity: int) -> None:
        self._new = new
        self._capacity = capacity
        self.rows: dict[CountedKey, CountedBy] = {}
        """`rows.get(key) or begin(key)` is the row to count in."""
        self.others = new()
        self.forgotten = 0
        """How often a row was added to `others`."""

    def begin(self, key: CountedKey) -> CountedBy:
        """Return a new row for a key that has none."""
        if len(self.rows) >= self._capacity:
            self._forget()
        row = self.rows[key] = self._new()
        row.at_least = self.forgotten > 0
        return row

    def _forget(self) -> None:
        ranked = sorted(self.rows.items(), key=lambda item: item[1].deliveries, reverse=True)
        kept = self._capacity // 2
        for _, row in ranked[kept:]:
            self.others.absorb(row)
        self.forgotten += len(ranked) - kept
        self.rows = dict(ranked[:kept])

    def most(self, count: int) -> Iterator[tuple[CountedKey | None, CountedBy]]:
        """Yield the rows with the most, and with the key None all others, if there are any."""
        ranked = sorted(self.rows.items(), key=lambda item: item[1].deliveries, reverse=True)
        yield from ranked[:count]
        others = self._new()
        others.absorb(self.others)
        for _, row in ranked[count:]:
            others.absorb(row)
        if others.deliveries:
            yield None, others
