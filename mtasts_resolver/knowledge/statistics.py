"""How discoveries ended since the start, and how long they took."""

from collections import Counter, defaultdict
from typing import NamedTuple

from mtasts_resolver.base.counters import Histogram
from mtasts_resolver.base.events import Events
from mtasts_resolver.knowledge.events import Discovered


class DiscoveryKind(NamedTuple):
    """Discoveries that are counted together: a few dozen kinds, for reasons of failure are few."""

    what: str
    refresh: bool
    outcome: str


class DiscoveryStatistics:
    """Listens, and adds up."""

    def __init__(self, events: Events) -> None:
        self.durations: defaultdict[DiscoveryKind, Histogram] = defaultdict(Histogram)
        self.failures: Counter[tuple[str, bool, str]] = Counter()
        """By what was to be found out, whether it was a refresh, and the code."""
        events.listen(Discovered, self._note)

    def _note(self, told: Discovered) -> None:
        kind = DiscoveryKind(told.what, told.refresh, told.outcome)
        self.durations[kind].observe(told.seconds)
        if told.outcome == "failed":
            self.failures[told.what, told.refresh, told.code] += 1
