"""How much was counted in each five minutes of the last day, for the charts of the status page.

What is counted only ever grows (`base/counters.py`); the differences are taken here, from time to
time, so that whoever counts pays nothing for it.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.knowledge.statistics import DiscoveryStatistics
from mtasts_resolver.postfix.reply import Tally

INTERVAL = 300.0  # seconds: the shortest outage that a glance at a day should show
INTERVALS = 288  # of a day


def count_answers(tallies: Iterable[Tally]) -> Counter[str]:
    """Return how often each answer was given; where maps only observe, what it would have been."""
    counts = Counter[str]()
    for tally in tallies:
        counts[f"would be {tally.would_be}" if tally.would_be else tally.answer] += tally.count
    return counts


def count_discoveries(discoveries: DiscoveryStatistics) -> Counter[str]:
    """Return how often a discovery came to each outcome, for look-ups and refreshes together."""
    counts = Counter[str]()
    for kind, durations in discoveries.durations.items():
        counts[f"{kind.what} {kind.outcome}"] += sum(durations.counts)
    return counts


class Interval(NamedTuple):
    """What was counted in one interval."""

    number: int
    """Intervals since the zero of the monotonic clock."""
    counts: dict[str, Counter[str]]
    """By what was counted, and by its outcome; what did not happen is left out."""


class DayLong:
    """Remembers the last INTERVALS of each of several tallies, in which the daemon was awake."""

    def __init__(
        self, clock: Clock, tallies: Mapping[str, Callable[[], Mapping[str, int]]]
    ) -> None:
        self._clock = clock
        self._tallies = dict(tallies)
        self._past: deque[Interval] = deque(maxlen=INTERVALS - 1)
        self._number = self._current_number()
        self._before = {name: Counter[str]() for name in tallies}  # when the daemon began

    async def run(self) -> None:
        """Take note at the end of each interval, for ever."""
        while True:
            end = (self._number + 1) * INTERVAL
            await self._clock.sleep(max(0.0, end - self._clock.monotonic()))
            self.note()

    def note(self) -> None:
        """Close the interval, if it is over.

        After a suspension of the host that was long ago, and some intervals have none.
        """
        number = self._current_number()
        if number > self._number:
            self._past.append(self._so_far())
            self._before = self._read()
            self._number = number

    def last_day(self, name: str) -> list[Counter[str] | None]:
        """Return what was counted in each interval of the tally `name`, the running one last.

        None stands for an interval in which there was no daemon, or the host was suspended.
        """
        number = self._current_number()
        found: list[Counter[str] | None] = [None] * INTERVALS
        for interval in (*self._past, self._so_far()):
            place = INTERVALS - 1 - (number - interval.number)
            if place >= 0:
                found[place] = interval.counts[name]
        return found

    def began(self) -> float:
        """Return when the first interval of `last_day` began, by the wall clock."""
        into = self._clock.monotonic() - self._current_number() * INTERVAL
        return self._clock.wall() - into - (INTERVALS - 1) * INTERVAL

    def _current_number(self) -> int:
        return int(self._clock.monotonic() // INTERVAL)

    def _read(self) -> dict[str, Counter[str]]:
        return {name: Counter(read()) for name, read in self._tallies.items()}

    def _so_far(self) -> Interval:
        now = self._read()
        counts = {name: now[name] - before for name, before in self._before.items()}
        return Interval(self._number, counts)
