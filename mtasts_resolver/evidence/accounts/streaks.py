"""Whether what was good has become bad, or is now good and now bad: the rule against false alarms.

Mail to a host is well or not, one observation after another. A host that changes between both, such
as a pool of servers of which one has no TLS, is no sign of anything. So the question is how likely
the last observations were if nothing had changed. Where nothing else is known than that it was good
`good` times and bad `bad` times before, Laplace's rule of succession has the chance that it is bad
the next time: (bad + 1) / (good + bad + 2). That it is bad several times in a row is the product of
these, each with one more that was bad.

    chance that it is so by mere change   good before   bad now
    1 in 500                                      498         1
                                                   30         2
                                                   12         3
                                                    6         5

The rule needs observations that do not depend on each other. A message with fifty recipients, or a
connection that is used again, is one: what comes within ten minutes and is of the same kind is
counted once.
"""

from typing import NamedTuple

# Below this chance, bad observations with which the log ends are a sign: of five hundred hosts that
# change at will one is named in vain, and most hosts do not change at all.
NOW_BAD = 1 / 500
# The same of bad ones that have passed: there were many times at which it could have been so.
WAS_BAD = 1 / 100_000
# Good observations that there must be: what was bad from its beginning has lost nothing.
MIN_GOOD = 3
# Seconds within which observations of the same kind are one.
INDEPENDENT = 600.0


def chance_of(good: int, bad: int, bad_now: int) -> float:
    """Return how likely it is that the next `bad_now` are all bad, if nothing has changed."""
    chance = 1.0
    for number in range(bad_now):
        chance *= (bad + 1 + number) / (good + bad + 2 + number)
    return chance


class Run(NamedTuple):
    """Deliveries of one kind: in a row, or all that there were."""

    deliveries: int
    first: float
    last: float
    how: str
    """The level, or the cause, of the last."""
    where: str
    """Where the last went, or came from."""


class Loss(NamedTuple):
    """What was good, and then bad."""

    before: Run
    bad_before: int
    """Observations among them that were bad."""
    after: Run
    over: float | None
    """When it was good again; None: not as far as the log goes."""


class Streaks:
    """What was observed of one host or domain, in the order of time."""

    __slots__ = (
        *("_bad", "_counted", "_first", "_good", "_how", "_passed", "_run_count"),
        *("_run_deliveries", "_run_first", "_run_how", "_run_last", "_run_where", "_where"),
        *("at_least", "deliveries", "last_good"),
    )

    def __init__(self) -> None:
        self.deliveries = 0
        """That were good."""
        self.at_least = False
        self._good = self._bad = self._run_count = self._run_deliveries = 0
        self._first = self._run_first = self._run_last = 0.0
        self.last_good = float("-inf")
        self._how = self._where = self._run_how = self._run_where = ""
        self._counted = float("-inf")
        self._passed: Loss | None = None

    def absorb(self, other: "Streaks") -> None:
        """Forget `other`, but when it was good last: what is not known any more is no sign."""
        self.last_good = max(self.last_good, other.last_good)

    def see_good(self, time: float, how: str, where: str) -> None:
        """Add a delivery that was well."""
        if self._run_count:
            self._end_run(time)
        if time - self._counted >= INDEPENDENT:
            self._good += 1
            self._counted = time
            if not self.deliveries:
                self._first = time
        self.deliveries += 1
        self.last_good = time
        self._how = how
        self._where = where

    def see_bad(self, time: float, how: str, where: str) -> None:
        """Add one that was not."""
        if not self._run_count:
            self._run_first = time
            self._run_deliveries = 0
            self._counted = float("-inf")
        if time - self._counted >= INDEPENDENT:
            self._run_count += 1
            self._counted = time
        self._run_deliveries += 1
        self._run_last = time
        self._run_how = how
        self._run_where = where

    def _end_run(self, time: float) -> None:
        self._passed = self._lost(WAS_BAD, time) or self._passed
        self._bad += self._run_count
        self._run_count = 0
        self._counted = float("-inf")

    def loss(self) -> Loss | None:
        """Return what was lost, the last of it; None if that may well be mere change."""
        return self._lost(NOW_BAD, None) or self._passed

    def _lost(self, chance: float, over: float | None) -> Loss | None:
        if not self._run_count or self._good < MIN_GOOD:
            return None
        if chance_of(self._good, self._bad, self._run_count) > chance:
            return None
        return Loss(
            Run(self.deliveries, self._first, self.last_good, self._how, self._where),
            self._bad,
            Run(
                self._run_deliveries,
                *(self._run_first, self._run_last, self._run_how, self._run_where),
            ),
            over,
        )
