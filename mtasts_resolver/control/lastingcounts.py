"""How often discoveries ended how, and which answers were given, hour by hour, for a year.

What is counted only ever grows (`base/counters.py`); the differences are taken here, from time to
time, and go to the history's file. So whoever counts pays nothing for it, counts add up over
restarts, and a process that is killed costs no more than what came after the last difference.

    subject     name                  outcome
    policy      look-up, refresh      found, unchanged, absent; the code of a failure
    dane        look-up, refresh      the same
    look-up     the map               the answer, or `would be` and the answer
    daemon      running               seconds, in which the rest was counted
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.knowledge.statistics import DiscoveryStatistics
from mtasts_resolver.postfix.reply import Tally
from mtasts_resolver.store.history import History
from mtasts_resolver.store.hourcounts import HOUR, HourCount

# Seconds between two differences: what a process that is killed has counted in vain. They are taken
# when the wall clock shows a multiple, so that none is of two hours.
INTERVAL = 300.0
# Kinds of one difference: all codes and answers there are, in all maps that an administrator may
# want. Those beyond are counted together.
MAX_KINDS = 256
OTHERS = "(others)"
# Seconds of a difference that may have been of work; beyond, the host was suspended.
MAX_AWAKE = 2 * INTERVAL


class CountedKind(NamedTuple):
    """What is counted together."""

    subject: str
    name: str
    outcome: str


RUNNING = CountedKind("daemon", "running", "seconds")


class LastingCounts:
    """Has what is counted written to the history, difference by difference."""

    def __init__(
        self,
        history: History,
        clock: Clock,
        tallies: Iterable[Tally],
        discoveries: DiscoveryStatistics,
    ) -> None:
        self._history = history
        self._clock = clock
        self._tallies = tallies
        self._discoveries = discoveries
        self._before = Counter[CountedKind]()
        self._since = clock.monotonic()
        self._awake = 0.0

    async def run(self) -> None:
        """Take a difference at the end of each interval, for ever."""
        await self._history.begun()
        while True:
            await self._clock.sleep(INTERVAL - self._clock.wall() % INTERVAL)
            self.note()

    def note(self) -> None:
        """Take the difference, and hand it on; where the last one is still to be written, later."""
        if self._history.counts_wait:
            return
        now, wall = self._clock.monotonic(), self._clock.wall()
        elapsed = now - self._since
        self._awake += min(elapsed, MAX_AWAKE)
        counts = self._read()
        counts[RUNNING] = self._before[RUNNING] + int(self._awake)
        # By the clock as it is now: it may have been set since.
        began, hour = wall - elapsed, int((wall - elapsed / 2) // HOUR)
        self._history.count(
            [
                HourCount(hour, *kind, count, began, wall)
                for kind, count in _bounded(counts - self._before).items()
            ]
        )
        self._before, self._since, self._awake = counts, now, self._awake % 1.0

    def _read(self) -> Counter[CountedKind]:
        counts = Counter[CountedKind]()
        for tally in self._tallies:
            answer = f"would be {tally.would_be}" if tally.would_be else tally.answer
            counts[CountedKind("look-up", tally.map_name, answer)] += tally.count
        for what, refresh, outcome, count in _ended(self._discoveries):
            name = "refresh" if refresh else "look-up"
            counts[CountedKind(what, name, outcome)] += count
        return counts


def _ended(discoveries: DiscoveryStatistics) -> Iterator[tuple[str, bool, str, int]]:
    """Yield how often discoveries ended how; of those that failed, by the code."""
    for kind, durations in discoveries.durations.items():
        if kind.outcome != "failed":
            yield *kind, sum(durations.counts)
    for (what, refresh, code), count in discoveries.failures.items():
        yield what, refresh, code or "failed", count


def _bounded(counts: Mapping[CountedKind, int]) -> Counter[CountedKind]:
    found = Counter[CountedKind]()
    for number, (kind, count) in enumerate(sorted(counts.items())):
        found[kind if number < MAX_KINDS else kind._replace(name=OTHERS, outcome=OTHERS)] += count
    return found
