"""What one source tells of the daemon's history, from its beginning to its end."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from mtasts_resolver.control.values.counts import DailyCount
from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.evidence.daemonsources import HistoryOpener, SourceError, TimeSpan
from mtasts_resolver.evidence.retrieval import ChangedRetrieval
from mtasts_resolver.evidence.toldhistory import ToldHistory, Usage
from mtasts_resolver.evidence.weakeningsthen import WeakeningsThen
from mtasts_resolver.store.filecopy import CopiedFile

# Changes of own domains that are kept, the latest: a few of each domain a year are usual.
MAX_OWN_CHANGES = 10_000
OWN = "own-"  # as the subjects of such changes begin


class Learnt:
    """All that is kept of it."""

    def __init__(self) -> None:
        self.told = ToldHistory()
        self.changed = ChangedRetrieval()
        self.weakenings = WeakeningsThen()
        self.whole = False
        """All that there is was read."""
        self.counts = False
        """The daemon has counted anything, ever."""
        self.files: tuple[CopiedFile, ...] = ()
        self._own: list[BriefChange] = []
        self._own_left_out = 0
        self._lookups = Counter[str]()
        self._in_vain = Counter[str]()
        self._asked_since: float | None = None
        self._counted_until: float | None = None
        self._runs_until: float | None = None

    def learn(self, source: HistoryOpener) -> str:
        """Read all. Return why that failed, in words; what came until then counts."""
        try:
            with source() as history:
                self.files = history.files
                for counted in history.counts():
                    self._take_usage(counted)
                for change in history.changes():
                    self._take(change)
                self._runs_until = time.time() if history.runs else None
            self.whole = True
        except SourceError as error:
            return str(error)
        return ""

    def finish(self, map_name: str | None) -> None:
        """Make what was learnt ready to be asked."""
        self.told.finish(
            whole=self.whole,
            now=self._runs_until,
            usage=Usage(self._lookups, self._in_vain, self._asked_since, self._counted_until),
            map_name=map_name,
        )

    def own_changes(self, span: TimeSpan) -> Iterator[BriefChange]:
        """Yield the changes of own domains in a time, the first one first."""
        return (one for one in reversed(self._own) if span.since <= one.time < span.until)

    @property
    def left_out(self) -> int:
        """How many weakenings and changes of own domains there are beyond those that are kept."""
        return self._own_left_out + self.weakenings.left_out

    def _take_usage(self, counted: DailyCount) -> None:
        self.counts = True
        if counted.subject == "look-up":
            self._lookups[counted.name] += counted.count
            # Where a map only observes, it is sent whatever is found.
            if counted.outcome == "notfound" or counted.outcome.startswith("would be "):
                self._in_vain[counted.name] += counted.count
            since = datetime.fromisoformat(counted.since).timestamp()
            self._asked_since = min(since, self._asked_since or since)
        elif counted.subject == "daemon":
            until = datetime.fromisoformat(counted.until).timestamp()
            self._counted_until = max(until, self._counted_until or until)

    def _take(self, change: BriefChange) -> None:
        self.told.add(change)
        self.changed.add(change)
        self.weakenings.add(change)
        if not change.subject.startswith(OWN):
            return
        if len(self._own) >= MAX_OWN_CHANGES:
            self._own_left_out += 1
        else:
            self._own.append(change)
