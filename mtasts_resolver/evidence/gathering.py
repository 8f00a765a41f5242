"""From logs to a report: they are read once, and what they say is counted for both periods."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, tzinfo

from msgspec import Struct

from mtasts_resolver.evidence.accounts import Account
from mtasts_resolver.evidence.accounts.comparison import figure_changes
from mtasts_resolver.evidence.daemonside import DaemonSide
from mtasts_resolver.evidence.deliveries import Fact
from mtasts_resolver.evidence.inputs.logs import LogReading, Progress, read_logs
from mtasts_resolver.evidence.inputs.unknown import UnknownLines
from mtasts_resolver.evidence.joins.joiner import Joiner
from mtasts_resolver.evidence.joins.logs import ConfiguredLogging
from mtasts_resolver.evidence.report import (
    FORMAT,
    EvidenceReport,
    Figure,
    FigureChange,
    ReportPeriod,
)
from mtasts_resolver.maillog.events import LinesLost, LogLine, Meaning, PostfixStarted
from mtasts_resolver.maillog.messages import meaning_of

# Versions of Postfix that are told: a year of upgrades of a fleet.
MAX_VERSIONS = 100


class Bounds(Struct, frozen=True):
    """From `since` to before `until`, in seconds since 1970; infinite where nobody says."""

    since: float = -math.inf
    until: float = math.inf


AskDaemon = Callable[[ReportPeriod, ReportPeriod | None], DaemonSide]
"""Asks the daemon what it knows of a period, and of the one before."""


class WantedReport(Struct, frozen=True, kw_only=True):
    """What a report is to be about, and who makes it."""

    zone: tzinfo
    period: Bounds
    before: Bounds | None
    """The period that it is compared with, of the same logs."""
    earlier: EvidenceReport | None = None
    """Or a report of it that was made then."""
    domains: frozenset[str]
    """A-label form; empty for all."""
    made_at: datetime
    version: str
    host: str

    @property
    def now(self) -> float:
        """Return `made_at` in seconds since 1970."""
        return self.made_at.timestamp()


def gather(
    names: Sequence[str],
    wanted: WantedReport,
    ask: AskDaemon,
    *,
    journal: bool = False,
    logging: ConfiguredLogging | None = None,
    progress: Progress | None = None,
) -> EvidenceReport:
    """Read the logs that are named, and this host's `journal`, and return what they say.

    `logging` is what this host's Postfix is set to log of TLS, where its logs may be among them.
    Controls are yet to be judged, and TLS reports to be added. Raise InputError where a log cannot
    be read.
    """
    logs = read_logs(
        names,
        journal=journal,
        zone=wanted.zone,
        now=wanted.now,
        since=wanted.period.since if wanted.before is None else wanted.before.since,
        progress=progress,
    )
    before = None if wanted.before is None else _shown(wanted.before, wanted.zone)
    # What Postfix was told is asked for before it is known which time the logs are of.
    longest = Bounds(max(wanted.period.since, 0.0), min(wanted.period.until, wanted.now))
    daemon = ask(_shown(longest, wanted.zone), before)
    gathering = _Gathering(wanted, daemon)
    gathering.read(logs, Joiner(logging))
    period = _period(wanted, logs)
    if period != longest:
        daemon = ask(_shown(period, wanted.zone), before)
    return gathering.report(logs, daemon, period)


class _Gathering:
    """What logs say of a period, and of the one before it."""

    def __init__(self, wanted: WantedReport, daemon: DaemonSide) -> None:
        self._wanted = wanted
        self._account = _account(wanted, wanted.period, daemon)
        before = wanted.before
        self._previous = None if before is None else _account(wanted, before, daemon, watch=False)
        self._unknown = UnknownLines()
        self._versions: dict[str, None] = {}

    def read(self, logs: LogReading, joiner: Joiner) -> None:
        """Read all of the logs. Raise InputError where one of them cannot be."""
        for line in logs:
            meaning = meaning_of(line)
            if isinstance(meaning, Meaning):
                if meaning is Meaning.UNKNOWN:
                    self._unknown.add(line)
                    joiner.missed(line)
                continue
            if isinstance(meaning, LinesLost):
                logs.note_loss(line, meaning)
            elif isinstance(meaning, PostfixStarted):
                self._note_version(line, meaning)
            self._add(joiner.feed(line, meaning))
        self._add(joiner.finish())

    def report(self, logs: LogReading, daemon: DaemonSide, period: Bounds) -> EvidenceReport:
        """Return what was found."""
        wanted, account = self._wanted, self._account
        figures = account.figures(daemon.retrieval)
        return EvidenceReport(
            format=FORMAT,
            made_at=wanted.made_at.isoformat(timespec="seconds"),
            version=wanted.version,
            host=wanted.host,
            period=_shown(period, wanted.zone),
            previous=self._compared_with(),
            domains=tuple(sorted(wanted.domains)),
            inputs=(*logs.inputs(wanted.zone), *daemon.inputs),
            hosts=logs.hosts,
            postfix_versions=tuple(self._versions),
            gaps=logs.gaps(period.since, period.until, wanted.zone),
            lines=logs.lines,
            lines_unknown=self._unknown.count,
            unknown_lines=self._unknown.kinds(),
            undated=account.undated,
            figures=figures,
            outbound=account.outbound(),
            inbound=account.inbound(),
            outbound_domains=account.outbound_domains(),
            inbound_hosts=account.inbound_hosts(),
            unverified=account.unverified(),
            failures=account.failures(),
            inbound_failures=account.inbound_failures(),
            lookups=account.lookups(),
            retrieval=daemon.retrieval,
            retrieval_problem=daemon.retrieval_problem,
            daemon_notes=daemon.notes,
            own_domains=daemon.own_domains,
            downgrades=account.downgrades(daemon.weakenings),
            unencrypted=account.unencrypted(),
            tls_reports=None,
            changes=self._changes(figures, daemon),
            controls=(),
        )

    def _compared_with(self) -> ReportPeriod | None:
        wanted = self._wanted
        if wanted.earlier is not None:
            return wanted.earlier.period
        return None if wanted.before is None else _shown(wanted.before, wanted.zone)

    def _changes(self, figures: tuple[Figure, ...], daemon: DaemonSide) -> tuple[FigureChange, ...]:
        if self._wanted.earlier is not None:
            return figure_changes(figures, self._wanted.earlier.figures)
        if self._previous is None:
            return ()
        return figure_changes(figures, self._previous.figures(daemon.retrieval_before))

    def _add(self, facts: Iterable[Fact]) -> None:
        add = self._account.add
        if self._previous is None:
            for fact in facts:
                add(fact)
            return
        add_before = self._previous.add
        for fact in facts:
            add(fact)
            add_before(fact)

    def _note_version(self, line: LogLine, started: PostfixStarted) -> None:
        if started.version and len(self._versions) < MAX_VERSIONS:
            self._versions[f"{started.version} ({line.host})" if line.host else started.version] = (
                None
            )


def _account(
    wanted: WantedReport, bounds: Bounds, daemon: DaemonSide, *, watch: bool = True
) -> Account:
    return Account(
        daemon.told,
        wanted.zone,
        since=bounds.since if bounds.since > -math.inf else None,
        until=bounds.until if bounds.until < math.inf else None,
        domains=wanted.domains,
        watch=watch,
    )


def _shown(bounds: Bounds, zone: tzinfo) -> ReportPeriod:
    since, until = (
        datetime.fromtimestamp(moment, zone).isoformat(timespec="seconds")
        for moment in (bounds.since, bounds.until)
    )
    return ReportPeriod(since, until, bounds.until - bounds.since, str(zone))


def _period(wanted: WantedReport, logs: LogReading) -> Bounds:
    """Return what the report is of: where nobody says it, from the first line to the last."""
    first, last = logs.span()
    since = wanted.period.since if wanted.period.since > -math.inf else min(first, wanted.now)
    until = wanted.period.until if wanted.period.until < math.inf else max(last, since)
    return Bounds(since, until)
