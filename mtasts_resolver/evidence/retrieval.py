"""How the daemon's discoveries of policies ended in a period."""

from array import array
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, tzinfo

from mtasts_resolver.base.timestamps import moment_of
from mtasts_resolver.control.values.counts import DailyCount
from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.evidence.daemonsources import TimeSpan
from mtasts_resolver.evidence.report import CountedRow, PolicyRetrieval

# Outcomes of a discovery that are no failure; every other one is the code of a failure.
FETCHED, UNCHANGED, ABSENT = "found", "unchanged", "absent"
# Changes that tell of a policy that was fetched.
_FETCHES = frozenset({("policy", "found"), ("policy", "changed"), ("refresh", "recovered")})
_FAILURES = frozenset({("refresh", "failed"), ("record", "gone")})
# Codes that are told apart: there are twenty; a file may hold any.
MAX_CODES = 1_000
# Seconds: what was first counted so soon after the period's beginning was counted from its
# beginning, for it is written every five minutes.
_FROM_THE_BEGINNING = 600.0
# The share of a period that the daemon has counted, above which it is as good as all of it: a
# restart costs seconds.
_AS_GOOD_AS_ALL = 0.999


class CountedRetrieval:
    """Adds up what was counted in the days of a period."""

    def __init__(self, span: TimeSpan) -> None:
        """`span` ends no later than now."""
        self._since, self._until = span
        self._found = Counter[str]()
        self._seconds = 0
        self._first: float | None = None

    def add(self, counted: DailyCount) -> None:
        """Take a line of the counts of the period."""
        if counted.subject == "policy":
            self._found[counted.outcome] += counted.count
        elif counted.subject == "daemon":
            self._seconds += counted.count
        first = datetime.fromisoformat(counted.since).timestamp()
        self._first = first if self._first is None else min(first, self._first)

    def result(self, zone: tzinfo) -> PolicyRetrieval | None:
        """Return what was counted; None where nothing was, for no daemon ran that counts."""
        if self._first is None:
            return None
        late = self._first - self._since > _FROM_THE_BEGINNING
        return PolicyRetrieval(
            fetched=self._found[FETCHED],
            failed=_failed(
                (code, count)
                for code, count in self._found.items()
                if code not in {FETCHED, UNCHANGED, ABSENT}
            ),
            absent=self._found[ABSENT],
            source=self._source(),
            since=stamp(self._first, zone) if late else None,
        )

    def _source(self) -> str:
        begun = self._first if self._first is not None else self._since
        seconds = self._until - max(self._since, min(begun, self._until))
        share = min(1.0, self._seconds / seconds) if seconds > 0 else 1.0
        if share >= _AS_GOOD_AS_ALL:
            return "the daemon's counts"
        return f"the daemon's counts, of the {share:.1%} of that time in which it ran"


class ChangedRetrieval:
    """Takes changes: all that a daemon tells of a time of which it has no counts."""

    def __init__(self) -> None:
        self._fetched = array("d")
        self._failed = array("d")
        self._codes = array("H")
        self._names: dict[str, int] = {}

    def add(self, change: BriefChange) -> None:
        """Take a change, of whatever time."""
        if (change.subject, change.event) in _FETCHES:
            self._fetched.append(change.time)
        elif (change.subject, change.event) in _FAILURES:
            code = change.now or "failed"
            if code not in self._names and len(self._names) >= MAX_CODES:
                code = next(iter(self._names))
            self._failed.append(change.time)
            self._codes.append(self._names.setdefault(code, len(self._names)))

    def result(self, span: TimeSpan, begins: float | None, zone: tzinfo) -> PolicyRetrieval | None:
        """Return what has changed, where the history `begins` before the period's end."""
        if begins is None or begins >= span.until:
            return None
        names = list(self._names)
        failed = Counter(
            names[code]
            for time, code in zip(self._failed, self._codes, strict=True)
            if span.since <= time < span.until
        )
        return PolicyRetrieval(
            fetched=sum(span.since <= time < span.until for time in self._fetched),
            failed=_failed(failed.items()),
            absent=0,
            source="the daemon's history, which tells what ended otherwise than before, and not how"
            " often: it has no counts of that time",
            since=stamp(begins, zone) if begins > span.since else None,
        )


def stamp(wall: float, zone: tzinfo) -> str:
    """Return a time as a report has it: ISO 8601, with the offset of its zone."""
    return moment_of(wall).astimezone(zone).isoformat(timespec="seconds")


def _failed(counts: Iterable[tuple[str, int]]) -> tuple[CountedRow, ...]:
    """Return the most frequent first."""
    return tuple(CountedRow(*each) for each in sorted(counts, key=lambda each: (-each[1], each[0])))
