"""What the daemon contributes to a report: what Postfix was told, and how discoveries ended.

It is asked over its control socket. Where it does not answer, and where a copy of its history is
named, the history's file is read. Neither can fail a report, nor hold it up for long: what cannot
be had is told in words.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path

from msgspec import Struct

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.config import Config, ConfigError, load_file
from mtasts_resolver.evidence.daemonsources import (
    HistoryOpener,
    SourceError,
    TimeSpan,
    daemon_source,
    file_source,
)
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.zones import zone_called
from mtasts_resolver.evidence.learnt import OWN, Learnt
from mtasts_resolver.evidence.report import (
    OwnDomainRow,
    PolicyRetrieval,
    ReportInput,
    ReportPeriod,
)
from mtasts_resolver.evidence.retrieval import CountedRetrieval, stamp
from mtasts_resolver.evidence.told import NothingTold, ToldMemory
from mtasts_resolver.evidence.weakenings import PastWeakening
from mtasts_resolver.store.history import history_path
from mtasts_resolver.store.hourcounts import HOUR

MAX_MAPS = 20  # maps that are named
A_DAY = 86_400.0


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
    own_domains: tuple[OwnDomainRow, ...] = ()
    """What its checks of own domains found in the period, the first one first."""
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


class DaemonMemory:
    """What is known of any time. The history is read once, when it is asked for the first time."""

    def __init__(self, place: HistoryPlace, map_name: str | None = None) -> None:
        """`map_name` is the map that Postfix asks, if one is named."""
        self._place = place
        self._map_name = map_name
        self._learnt: Learnt | None = None
        self._source: HistoryOpener | None = None
        self._problem = ""
        self._note = ""

    @property
    def unavailable(self) -> str:
        """Why nothing is known; empty where anything is."""
        learnt = self._known()
        return "" if learnt.whole or learnt.told.changes else self._problem

    def of(self, period: ReportPeriod, previous: ReportPeriod | None = None) -> DaemonSide:
        """Return what is known of a period, and of the one before."""
        learnt = self._known()
        spans = [_span(each) for each in (period, previous) if each is not None]
        told = _Telling(learnt, spans, _zone(period))
        counted = self._counted(learnt, spans, told.zone)
        retrievals = [
            one or learnt.changed.result(span, learnt.told.begins, told.zone)
            for one, span in zip(counted, spans, strict=True)
        ]
        why = self._problem and f"what Postfix was told is not known, or not all: {self._problem}"
        return DaemonSide(
            told=learnt.told if learnt.told.reach is not None else NothingTold(),
            retrieval=retrievals[0],
            retrieval_before=retrievals[1] if len(retrievals) > 1 else None,
            retrieval_problem="" if retrievals[0] else self._problem or told.nothing_of_then(),
            weakenings=learnt.weakenings.between(told.since, told.until),
            own_domains=tuple(told.own_domains(spans[0])),
            inputs=tuple(told.inputs(self._place, self._problem)),
            notes=tuple(filter(None, (why, self._note, *told.notes(self._map_name)))),
            problem=self._problem,
        )

    def _known(self) -> Learnt:
        if self._learnt is None:
            self._learnt = self._learn()
        return self._learnt

    def _learn(self) -> Learnt:
        """Read the history where it can be had; where that is nowhere, as far as it could be."""
        place, trouble, learnt = self._place, "", Learnt()
        if place.control is not None:
            self._source = partial(daemon_source, place.control)
            trouble = learnt.learn(self._source)
        if place.control is None or trouble:
            from_file, source = Learnt(), partial(file_source, place.file)
            self._problem = from_file.learn(source)
            if from_file.whole or from_file.told.changes > learnt.told.changes:
                learnt, self._source = from_file, source
                read = trouble and f"the history was read from {place.file}: {trouble}"
                self._note = "; ".join(filter(None, (read, place.doubt)))
            else:
                words = filter(None, (trouble, self._problem, place.doubt))
                self._problem = "; ".join(words)
        learnt.finish(self._map_name)
        return learnt

    def _counted(
        self, learnt: Learnt, spans: list[TimeSpan], zone: tzinfo
    ) -> list[PolicyRetrieval | None]:
        """Return what was counted in each period."""
        found: list[PolicyRetrieval | None] = [None] * len(spans)
        if self._source is None or not learnt.counts:
            return found
        now = time.time()
        try:
            with self._source() as source:
                for number, span in enumerate(spans):
                    hours = _hours(span)
                    counted = CountedRetrieval(TimeSpan(hours.since, min(hours.until, now)))
                    for each in source.counts(hours):
                        counted.add(each)
                    found[number] = counted.result(zone)
        except SourceError as error:  # it has told its history, and is down now
            self._problem = self._problem or str(error)
        return found


class _Telling:
    """What has been learnt, for a report of a time."""

    def __init__(self, learnt: Learnt, spans: list[TimeSpan], zone: tzinfo) -> None:
        self.zone = zone
        self.since = min(span.since for span in spans)
        self.until = max(span.until for span in spans)
        self._learnt = learnt

    def inputs(self, place: HistoryPlace, problem: str) -> Iterator[ReportInput]:
        told = self._learnt.told
        read = [(str(each.path), each.sha256, each.size) for each in self._learnt.files]
        if not read and place.control is not None:
            read = [(str(place.control), "", 0)]
        for name, sha256, size in read:
            yield ReportInput(
                name=name,
                kind="history",
                sha256=sha256,
                bytes=size,
                lines=told.changes,
                first=None if told.begins is None else self._stamp(told.begins),
                last=None if told.last is None else self._stamp(told.last),
                problem=problem,
            )

    def own_domains(self, span: TimeSpan) -> Iterator[OwnDomainRow]:
        for change in self._learnt.own_changes(span):
            yield OwnDomainRow(
                domain=change.domain,
                at=self._stamp(change.time),
                what=change.subject.removeprefix(OWN),
                event=change.event,
                host=change.hop,
                reason=change.reason,
            )

    def nothing_of_then(self) -> str:
        """Say why nothing is known of how policies were fetched."""
        begins = self._learnt.told.begins
        if begins is None:
            return "the daemon's history is empty"
        return f"the daemon's history begins at {self._stamp(begins)}, after that time"

    def notes(self, map_name: str | None) -> Iterator[str]:
        """Yield what must be known of what is told."""
        told = self._learnt.told
        if told.reach is None and self._learnt.whole:
            yield (
                "nobody is known to have asked the daemon: by whose word a session was verified"
                " cannot be told"
            )
        elif told.reach is not None and told.reach[0] > self.since:
            yield f"what Postfix was told is known since {self._stamp(told.reach[0])}"
        yield from self._notes_on_maps(map_name)
        if told.cut:
            yield "the history has more changes than are read: the oldest were left out"
        if left_out := self._learnt.left_out:
            yield f"{left_out:,} weakenings and changes of own domains are left out, the oldest"

    def _notes_on_maps(self, map_name: str | None) -> Iterator[str]:
        told = self._learnt.told
        counts = escaped(told.map_name)
        if map_name is not None and told.map_name not in told.maps_asked:
            asked = ", ".join(map(escaped, told.maps_asked[:MAX_MAPS])) or "none"
            yield f"nobody is known to have asked the map {counts}; asked were: {asked}"
        for name, hops in sorted(told.differing.items())[:MAX_MAPS]:
            yield (
                f"the map {escaped(name)} answers otherwise than {counts} for {hops:,} next hops:"
                f" what counts is {counts}, unless --map names another"
            )

    def _stamp(self, wall: float) -> str:
        return stamp(wall, self.zone)


def _zone(period: ReportPeriod) -> tzinfo:
    """Return the zone in which times are told; the offset of the period, where it has no name."""
    try:
        return zone_called(period.zone)
    except InputError:
        return datetime.fromisoformat(period.since).tzinfo or UTC


def _span(period: ReportPeriod) -> TimeSpan:
    since, until = (datetime.fromisoformat(each) for each in (period.since, period.until))
    return TimeSpan(since.timestamp(), until.timestamp())


def _hours(span: TimeSpan) -> TimeSpan:
    """Return from when on hours are counted as those of a period.

    Days, months and the like have hours of their own, each the hours that begin in it; a log that
    is shorter has those that it touches.
    """
    since, until = span
    return span if until - since >= A_DAY else TimeSpan(since // HOUR * HOUR, until)
