"""What the daemon contributes to a report: what Postfix was told, and how discoveries ended.

It is asked over its control socket. Where it does not answer, and where a copy of its history is
named, the history's file is read. Neither can fail a report, nor hold it up for long: what cannot
be had is told in words.
"""

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.config import Config, ConfigError, load_file
from mtasts_resolver.control.client import ControlClient, ControlError
from mtasts_resolver.control.values.counts import DailyCount
from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.control.views.brief import brief
from mtasts_resolver.control.views.counts import daily
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.zones import zone_called
from mtasts_resolver.evidence.report import PolicyRetrieval, ReportInput, ReportPeriod
from mtasts_resolver.evidence.retrieval import ChangedRetrieval, CountedRetrieval, stamp
from mtasts_resolver.evidence.told import NothingTold, PastOwnChange, ToldMemory
from mtasts_resolver.evidence.toldhistory import ToldHistory, Usage
from mtasts_resolver.evidence.weakenings import PastWeakening
from mtasts_resolver.evidence.weakeningsthen import WeakeningsThen
from mtasts_resolver.store.errors import DamagedError, StoreError, UnavailableError
from mtasts_resolver.store.history import history_path
from mtasts_resolver.store.historycopy import HistoryCopy
from mtasts_resolver.store.hourcounts import HOUR

# Seconds in which the daemon must go on with an answer, and in which all must have come: half a
# million changes take a daemon that answers look-ups meanwhile half a minute.
READ_PATIENCE = 30.0
ALL_PATIENCE = 180.0
# Changes of own domains that are handed on: more than a report shows.
MAX_OWN_CHANGES = 10_000
MAX_MAPS = 20  # maps that are named
A_DAY = 86_400.0
_EVER = (0.0, 1e11)

T = TypeVar("T")

_FILE_ERRORS = (UnavailableError, StoreError, DamagedError)


class HistoryPlace(Struct, frozen=True):
    """Where the daemon's knowledge is to be had."""

    control: Path | None
    """Its control socket; None: it is not to be asked."""
    file: Path
    """Its history's file, or a copy."""
    doubt: str = ""
    """Why that may be another daemon's."""


class DaemonSide(Struct, frozen=True, kw_only=True):
    """What the daemon knows."""

    told: ToldMemory
    retrieval: PolicyRetrieval | None
    retrieval_before: PolicyRetrieval | None
    """Of the period before."""
    retrieval_problem: str
    """Why there is none, of the period."""
    weakenings: tuple[PastWeakening, ...] = ()
    """That began in one of the periods, the first one first."""
    own_changes: tuple[PastOwnChange, ...] = ()
    """Of both periods, the first one first."""
    inputs: tuple[ReportInput, ...] = ()
    notes: tuple[str, ...] = ()
    """What whoever reads the report must know of it: why something is not known, too."""
    problem: str = ""
    """Why nothing, or not all, is known of what Postfix was told. It is among the notes."""


def find_history(
    config_file: Path | None, control_socket: Path | None, history: Path | None
) -> HistoryPlace:
    """Return where to ask: `history`, which need not be this host's, or the daemon configured."""
    if history is not None:
        belonging = history_path(history)
        # Whoever names the file of the policies means what belongs to it.
        return HistoryPlace(None, belonging if os.path.lexists(belonging) else history)
    config, doubt = Config(), ""
    try:
        config = load_file(config_file).config
    except ConfigError as error:
        doubt = f"the usual places were looked at, for the configuration is of no use: {error}"
    uid = os.geteuid()
    control = control_socket or config.control.reached_at(os.environ, uid=uid)
    return HistoryPlace(control, history_path(config.store.path(os.environ, uid=uid)), doubt)


def what_the_daemon_knows(
    place: HistoryPlace,
    period: ReportPeriod,
    previous: ReportPeriod | None = None,
    *,
    map_name: str | None = None,
) -> DaemonSide:
    """Return what is known of two periods; `map_name` is the map that Postfix asks, if named."""
    asked = _Asked(period, previous, map_name)
    gathered, trouble = _Gathered(asked), ""
    if place.control is not None:
        trouble = gathered.ask(place.control)
        if not trouble:
            return gathered.result(place)
    from_file = _Gathered(asked)
    damage = from_file.read(place.file)
    if from_file.whole or from_file.changes > gathered.changes:
        read = f"the history was read from {place.file}: {trouble}" if trouble else ""
        note = "; ".join(filter(None, (read, place.doubt)))
        return from_file.result(place, problem=damage, note=note)
    return gathered.result(place, problem="; ".join(filter(None, (trouble, damage))))


class _Asked:
    """What is asked for."""

    def __init__(
        self, period: ReportPeriod, previous: ReportPeriod | None, map_name: str | None
    ) -> None:
        self.now = time.time()
        self.spans = [_span(each) for each in (period, previous) if each is not None]
        self.counted = [_hours(*span) for span in self.spans]
        self.since = min(since for since, _ in self.spans)
        self.until = max(until for _, until in self.spans)
        self.map_name = map_name
        self.zone = _zone(period)


def _zone(period: ReportPeriod) -> tzinfo:
    """Return the zone in which times are told; the offset of the period, where it has no name."""
    try:
        return zone_called(period.zone)
    except InputError:
        return datetime.fromisoformat(period.since).tzinfo or UTC


def _span(period: ReportPeriod) -> tuple[float, float]:
    since, until = (datetime.fromisoformat(each) for each in (period.since, period.until))
    return since.timestamp(), until.timestamp()


def _hours(since: float, until: float) -> tuple[float, float]:
    """Return from when on hours are counted as those of a period.

    Days, months and the like have hours of their own, each the hours that begin in it; a log that
    is shorter has those that it touches.
    """
    return (since if until - since >= A_DAY else since // HOUR * HOUR), until


class _Gathered:
    """What one source has given."""

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked
        self._told = ToldHistory()
        self._lookups = Counter[str]()
        self._in_vain = Counter[str]()
        self._asked_since: float | None = None
        self._counted_until: float | None = None
        self._counts = [
            CountedRetrieval(since, min(until, asked.now)) for since, until in asked.counted
        ]
        self._changed = [ChangedRetrieval(*span) for span in asked.spans]
        self._weakenings = WeakeningsThen(asked.since, asked.until)
        self._own: list[PastOwnChange] = []
        self._left_out = 0
        self._inputs: list[ReportInput] = []
        self._runs = False
        self.whole = False
        """All that there is was read."""

    @property
    def changes(self) -> int:
        return self._told.changes

    # -- sources -------------------------------------------------------------------------------

    def ask(self, control: Path) -> str:
        """Ask the daemon. Return why that failed, in words; what came until then counts."""
        deadline = time.monotonic() + ALL_PATIENCE
        problem = ""
        try:
            with ControlClient(control, read_patience=READ_PATIENCE) as daemon:
                self._take_counts(
                    _until(deadline, daemon.stream("GET", DailyCount, "counts", params=params))
                    for params in ({}, *map(_rfc3339, self._asked.counted))
                )
                for change in _until(
                    deadline, daemon.stream("GET", BriefChange, "history", "stream")
                ):
                    self._take(change)
            self.whole = self._runs = True
        except (ControlError, OSError) as error:
            problem = str(error)
        self._inputs.append(self._input(str(control), "", 0, problem))
        return problem

    def read(self, file: Path) -> str:
        """Read a file. Return why that failed, in words; what was read until then counts."""
        problem, files = "", []
        try:
            with HistoryCopy(file) as copy:
                files = copy.files
                self._take_counts(
                    map(daily, copy.counted(*span)) for span in (_EVER, *self._asked.counted)
                )
                for recorded in copy.changes():
                    self._take(brief(recorded))
            self.whole = True
        except _FILE_ERRORS as error:
            problem = str(error)
        self._inputs += [
            self._input(str(each.path), each.sha256, each.size, problem) for each in files
        ]
        return problem

    def _input(self, name: str, sha256: str, size: int, problem: str) -> ReportInput:
        told = self._told
        return ReportInput(
            name=name,
            kind="history",
            sha256=sha256,
            bytes=size,
            lines=told.changes,
            first=None if told.begins is None else self._stamp(told.begins),
            last=None if told.last is None else self._stamp(told.last),
            problem=problem,
        )

    def _take_counts(self, counts: Iterable[Iterable[DailyCount]]) -> None:
        """Take the counts of all time, then those of each period."""
        for taker, lines in zip((None, *self._counts), counts, strict=True):
            for counted in lines:
                if taker is None:
                    self._take_usage(counted)
                else:
                    taker.add(counted)

    def _take_usage(self, counted: DailyCount) -> None:
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
        self._told.add(change)
        for changed in self._changed:
            changed.add(change)
        self._weakenings.add(change)
        if change.subject.startswith("own-"):
            self._take_own(change)

    def _take_own(self, change: BriefChange) -> None:
        if not self._asked.since <= change.time < self._asked.until:
            return
        if len(self._own) >= MAX_OWN_CHANGES:
            self._left_out += 1
            return
        self._own.append(
            PastOwnChange(
                time=change.time,
                domain=change.domain,
                subject=change.subject,
                event=change.event,
                host=change.hop,
                reason=change.reason,
            )
        )

    # -- what it comes to ----------------------------------------------------------------------

    def result(self, place: HistoryPlace, *, problem: str = "", note: str = "") -> DaemonSide:
        """Return what was gathered."""
        told = self._told
        told.finish(
            whole=self.whole,
            now=self._asked.now if self._runs else None,
            usage=Usage(self._lookups, self._in_vain, self._asked_since, self._counted_until),
            map_name=self._asked.map_name,
        )
        retrievals = [
            counted.result(self._asked.zone) or changed.result(told.begins, self._asked.zone)
            for counted, changed in zip(self._counts, self._changed, strict=True)
        ]
        problem = "; ".join(filter(None, (problem, problem and place.doubt)))
        why = f"what Postfix was told is not known, or not all of it: {problem}" if problem else ""
        notes = [why, note, *self._notes()]
        return DaemonSide(
            told=told if told.reach is not None else NothingTold(),
            retrieval=retrievals[0],
            retrieval_before=retrievals[1] if len(retrievals) > 1 else None,
            retrieval_problem="" if retrievals[0] else problem or self._nothing_of_then(),
            weakenings=self._weakenings.result(),
            own_changes=tuple(self._own[::-1]),
            inputs=tuple(self._inputs),
            notes=tuple(filter(None, notes)),
            problem=problem,
        )

    def _stamp(self, wall: float) -> str:
        return stamp(wall, self._asked.zone)

    def _nothing_of_then(self) -> str:
        begins = self._told.begins
        if begins is None:
            return "the daemon's history is empty"
        return f"the daemon's history begins at {self._stamp(begins)}, after that time"

    def _notes(self) -> Iterator[str]:
        told = self._told
        if told.reach is None and self.whole:
            yield (
                "nobody is known to have asked the daemon: by whose word a session was verified"
                " cannot be told"
            )
        elif told.reach is not None and told.reach[0] > self._asked.since:
            yield f"what Postfix was told is known since {self._stamp(told.reach[0])}"
        yield from self._notes_on_maps()
        if told.cut:
            yield "the history has more changes than are read: the oldest were left out"
        if left_out := self._left_out + self._weakenings.left_out:
            yield f"{left_out:,} changes of that time are left out, the oldest"

    def _notes_on_maps(self) -> Iterator[str]:
        told = self._told
        counts = escaped(told.map_name)
        if self._asked.map_name is not None and told.map_name not in told.maps_asked:
            asked = ", ".join(map(escaped, told.maps_asked[:MAX_MAPS])) or "none"
            yield f"nobody is known to have asked the map {counts}; asked were: {asked}"
        for name, hops in sorted(told.differing.items())[:MAX_MAPS]:
            yield (
                f"the map {escaped(name)} answers otherwise than {counts} for {hops:,} next hops:"
                f" what counts is {counts}, unless --map names another"
            )


def _rfc3339(span: tuple[float, float]) -> dict[str, object]:
    return {"since": timestamp(span[0]), "until": timestamp(span[1])}


def _until(deadline: float, values: Iterable[T]) -> Iterator[T]:
    """Yield `values` as they come, no longer than to the deadline. Raise ControlError."""
    for value in values:
        if time.monotonic() >= deadline:
            raise ControlError(f"the daemon took more than {ALL_PATIENCE:g} s to tell its history")
        yield value
