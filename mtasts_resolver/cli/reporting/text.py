"""A report as text: for a terminal, for a mail, and for a pipe.

It lives here and not beside the other forms, since it shares with the commands how a terminal is
written to (`cli/tables.py`, `cli/terminal.py`), which a room below may not import.
"""

from collections.abc import Iterator, Sequence

import click

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.base.spans import span
from mtasts_resolver.cli.reporting.reported import reported_lines
from mtasts_resolver.cli.tables import lines_of_table
from mtasts_resolver.cli.terminal import wrap
from mtasts_resolver.evidence.report import (
    DOWNGRADES,
    WATCHED_FIGURES,
    ControlResult,
    ControlVerdict,
    CountedRow,
    DirectionCounts,
    DomainCounts,
    EvidenceReport,
    Figure,
)
from mtasts_resolver.report.answer import answer
from mtasts_resolver.report.needs import HowSoon, Need, in_short, needs, outcome
from mtasts_resolver.report.words import (
    CAUSES,
    DOUBTS,
    ENFORCERS,
    OWN,
    VERDICTS,
    change,
    moment,
    number,
    percent,
    period,
    so_many,
    told_of,
)

MOST_AGAINST = 3  # of each control: the verdicts of several must fit on a screen
MOST_ROWS = 15
"""Of each table, unless all are asked for: what fits on a screen."""
_MARKS = {
    ControlVerdict.MET: "green",
    ControlVerdict.NOT_MET: "red",
    ControlVerdict.UNKNOWN: "yellow",
}
_URGENCIES = {HowSoon.NOW: "red", HowSoon.SOON: "yellow", HowSoon.LATER: None}
_AGAINST = frozenset({"against", "gap"})
_INDENT = "  "


def report_text(
    report: EvidenceReport, *, columns: int | None, color: bool = False, everything: bool = False
) -> str:
    """Return the report in lines of at most `columns`; None is a pipe: whole lines, and tabs.

    First what a person must know, then the tables: their first rows, or `everything`.
    """
    lines = _TextReport(report, columns, color=color, everything=everything).lines()
    text = "\n".join(lines)
    return f"{text if color else click.unstyle(text)}\n"


class _TextReport:
    """The report, and how it is written."""

    def __init__(
        self, report: EvidenceReport, columns: int | None, *, color: bool, everything: bool
    ) -> None:
        self._report = report
        self._columns = columns
        self._color = color
        self._everything = everything

    def lines(self) -> Iterator[str]:
        yield from self._head()
        yield from self._controls()
        yield from self._figures()
        yield from self._needs()
        yield from self._unverified()
        yield from self._failures()
        yield from self._downgrades()
        yield from self._direction(
            "Outgoing mail", self._report.outbound, ("delivery", "deliveries")
        )
        yield from self._domains("Domains", self._report.outbound_domains)
        yield from self._direction("Incoming mail", self._report.inbound, ("message", "messages"))
        yield from self._domains("Hosts", self._report.inbound_hosts)
        yield from self._unencrypted()
        yield from self._policies()
        yield from self._own_domains()
        yield from self._reported()
        yield from self._gaps()
        yield from self._inputs()

    # -- how a line is written -------------------------------------------------------------------

    def _words(self, text: str, first: str = "", rest: str | None = None) -> list[str]:
        return wrap(
            escaped(text),
            self._columns,
            first=first,
            rest=" " * len(first) if rest is None else rest,
        )

    def _title(self, text: str) -> Iterator[str]:
        yield ""
        yield click.style(text, bold=True)

    def _table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
        shown = rows if self._everything else rows[:MOST_ROWS]
        yield from lines_of_table(heads, shown, columns=self._columns, color=self._color)
        if len(shown) < len(rows):
            yield f"({number(len(rows) - len(shown))} more: --verbose, --csv, --json)"

    def _counts(self, title: str, rows: Sequence[CountedRow], total: int) -> Iterator[str]:
        if rows:
            yield from self._title(title)
            lines = [(row.name, number(row.count), percent(row.count, total)) for row in rows]
            yield from self._table(("WHAT", "HOW MANY", "SHARE"), lines)

    # -- what a person must know -----------------------------------------------------------------

    def _head(self) -> Iterator[str]:
        report = self._report
        yield click.style(f"Mail protection: {escaped(report.host)}", bold=True)
        yield from self._words(period(report.period))
        yield ""
        yield from self._words(" ".join(answer(report)))
        if report.domains:
            yield from self._words(f"of {', '.join(report.domains)} alone")
        if report.redacted:
            yield from self._words(f"redacted: {report.redacted}")

    def _controls(self) -> Iterator[str]:
        if self._report.controls:
            yield from self._title("Controls")
        for control in self._report.controls:
            verdict = VERDICTS[control.verdict]
            head = click.style(f"{control.id}: {verdict}", fg=_MARKS[control.verdict], bold=True)
            yield head
            yield from self._evidence(control)

    def _evidence(self, control: ControlResult) -> Iterator[str]:
        """Yield what has decided on the verdict; if all is asked for, all evidence."""
        against = [one for one in control.evidence if one.speaks in _AGAINST]
        if self._everything or not against:
            yield from self._words(control.why, _INDENT)
        for one in control.evidence if self._everything else against[:MOST_AGAINST]:
            yield from self._words(f"{one.text} ({one.source})", f"  {one.speaks:8}")
        if not self._everything and len(against) > MOST_AGAINST:
            yield f"{_INDENT}({number(len(against) - MOST_AGAINST)} more: --verbose)"
        if self._everything:
            for text in control.to_add:
                yield from self._words(text, "  to add  ")

    def _figures(self) -> Iterator[str]:
        by_key = {figure.key: figure for figure in self._report.figures}
        watched = [by_key[key] for key in WATCHED_FIGURES if key in by_key]
        others = [figure for figure in self._report.figures if figure not in watched]
        yield from self._title("Figures")
        for figure in (*watched, *others):
            yield from self._figure(figure)

    def _figure(self, figure: Figure) -> Iterator[str]:
        share = f"{percent(figure.numerator, figure.denominator):>11}  "
        told = [f"{figure.title}: {told_of(figure)}"]
        if before := change(self._report.changes, figure):
            told.append(before)
        missed = figure.aim is not None and figure.share is not None and figure.share != figure.aim
        first, *more = self._words("; ".join(told), share)
        mark = "yellow" if missed or figure.share is None else None
        yield click.style(share, fg=mark, bold=True) + first.removeprefix(share)
        yield from more
        if self._everything:
            yield from self._words(figure.how, " " * len(share))

    def _needs(self) -> Iterator[str]:
        yield from self._title("What needs doing")
        found = needs(self._report)
        found = found if self._everything else in_short(found)
        shown = found if self._everything else found[:MOST_ROWS]
        for need in shown:
            yield from self._need(need)
        if not found:
            yield "Nothing, by what is known."
        if len(shown) < len(found):
            yield f"({number(len(found) - len(shown))} more: --verbose)"

    def _need(self, need: Need) -> Iterator[str]:
        mark = f"{need.urgency.name.lower():7}"
        first, *more = self._words(f"{need.what} ({need.who})", mark)
        yield click.style(mark, fg=_URGENCIES[need.urgency]) + first.removeprefix(mark)
        yield from more
        yield from self._words(need.why, " " * len(mark))

    # -- tables ----------------------------------------------------------------------------------

    def _unverified(self) -> Iterator[str]:
        if not self._report.unverified:
            return
        yield from self._title("Mail that went out unverified where it must not")
        rows = [
            (row.domain, row.level, moment(row.at), row.queue_id) for row in self._report.unverified
        ]
        yield from self._table(("DOMAIN", "LEVEL", "WHEN", "QUEUE ID"), rows)

    def _failures(self) -> Iterator[str]:
        if not self._report.failures:
            return
        yield from self._title("Mail that TLS held")
        rows = [
            (
                row.domain,
                row.mx or "-",
                row.cause,
                *map(number, (row.messages, row.delivered, row.bounced, row.waiting)),
            )
            for row in self._report.failures
        ]
        heads = ("DOMAIN", "HELD BY", "CAUSE", "HELD", "LATER", "BACK", "WAIT")
        if self._columns is None:
            yield from self._table(heads, rows)
            return
        for row in self._report.failures[: None if self._everything else MOST_ROWS]:
            enforced = f" ({ENFORCERS.get(row.enforced, row.enforced)})" if row.enforced else ""
            yield from self._words(f"{row.domain}{enforced}: {CAUSES.get(row.cause, row.cause)}")
            yield from self._words(
                f"{row.mx or 'no host was reached'}: {so_many(row.attempts, 'attempt')},"
                f" {so_many(row.messages, 'message')} held. {outcome(row).capitalize()}",
                _INDENT,
            )
            last = f" to {moment(row.last)}" if row.last != row.first else ""
            yield from self._words(f"{moment(row.first)}{last}", _INDENT)
            yield from self._words(row.reason, _INDENT)

    def _downgrades(self) -> Iterator[str]:
        if self._report.downgrades:
            yield from self._title("Possible downgrades (a sign is no proof)")
        for row in self._report.downgrades:
            yield from self._words(f"{row.about}: {DOWNGRADES.get(row.kind, row.kind)}")
            yield from self._words(f"{moment(row.at)}: {row.before}, then {row.after}", _INDENT)
            for text in row.evidence:
                yield from self._words(text, "  - ")

    def _direction(
        self, title: str, counts: DirectionCounts, unit: tuple[str, str]
    ) -> Iterator[str]:
        yield from self._title(title)
        if not counts.deliveries:
            yield "No data."
            return
        known = (("encrypted", counts.encrypted), ("in plain text", counts.plain))
        told = [f"{number(count)} {what}" for what, count in known]
        yield from self._words(
            f"{so_many(counts.deliveries, *unit)}: {', '.join(told)},"
            f" {number(counts.unknown)} not known; {number(counts.post_quantum)} post-quantum"
        )
        rows = [
            (row.name, subject, number(row.count), percent(row.count, total))
            for subject, found, total in (
                ("level", counts.levels, counts.deliveries),
                ("version", counts.versions, counts.encrypted),
                ("key exchange", counts.key_exchanges, counts.encrypted),
                ("cipher", counts.ciphers, counts.encrypted),
            )
            for row in found
        ]
        doubts = [
            (DOUBTS.get(row.name, row.name), "not known", number(row.count), "")
            for row in counts.doubts
        ]
        yield from self._table(("WHAT", "KIND", "HOW MANY", "SHARE"), [*rows, *doubts])

    def _domains(self, title: str, found: Sequence[DomainCounts]) -> Iterator[str]:
        if not found:
            return
        yield from self._title(title)
        rows = [
            (
                row.domain,
                *map(number, (row.deliveries, row.encrypted, row.verified, row.plain, row.unknown)),
                ENFORCERS.get(row.enforced, row.enforced),
            )
            for row in found
        ]
        heads = (
            title.removesuffix("s").upper(),
            "ALL",
            "ENCRYPTED",
            "VERIFIED",
            "PLAIN",
            "UNKNOWN",
            "BY",
        )
        yield from self._table(heads, rows)

    def _unencrypted(self) -> Iterator[str]:
        if not self._report.unencrypted:
            return
        yield from self._title("In plain text")
        rows = [
            (
                row.domain or row.host,
                "in" if row.inbound else "out",
                number(row.deliveries),
                moment(row.last),
            )
            for row in self._report.unencrypted
        ]
        yield from self._table(("DOMAIN OR HOST", "WAY", "DELIVERIES", "LAST"), rows)

    def _policies(self) -> Iterator[str]:
        found = self._report.retrieval
        yield from self._title("Policies")
        for note in self._report.daemon_notes:
            yield from self._words(f"Of the daemon: {note}")
        if found is None:
            yield from self._words(f"Not known: {self._report.retrieval_problem}")
            return
        since = f", counted since {moment(found.since)}" if found.since else ""
        yield from self._words(
            f"{number(found.fetched)} fetched and valid, by {found.source}{since};"
            f" {number(found.absent)} look-ups found none"
        )
        failed = sum(row.count for row in found.failed)
        yield from self._counts("Fetches that failed", found.failed, failed)
        lookups = self._report.lookups
        yield from self._counts(
            "Look-ups of Postfix's that failed", lookups, sum(row.count for row in lookups)
        )

    def _own_domains(self) -> Iterator[str]:
        if not self._report.own_domains:
            return
        yield from self._title("Own domains, by the daemon's checks")
        rows = [
            (
                moment(row.at),
                row.domain,
                " ".join(filter(None, (OWN.get(row.what, row.what), row.host))),
                f"{row.event}: {row.reason}" if row.reason else row.event,
            )
            for row in self._report.own_domains
        ]
        yield from self._table(("WHEN", "DOMAIN", "WHAT", "FOUND"), rows)

    def _reported(self) -> Iterator[str]:
        found = self._report.tls_reports
        if found is not None:
            yield from self._title("What others report about us")
            yield from reported_lines(
                found, columns=self._columns, color=self._color, everything=self._everything
            )

    def _gaps(self) -> Iterator[str]:
        report = self._report
        yield from self._title("Gaps in the logs")
        rows = [
            (
                gap.host or "-",
                moment(gap.since),
                span(gap.seconds),
                "?" if gap.lines is None else number(gap.lines),
                gap.why,
            )
            for gap in report.gaps
        ]
        if rows:
            yield from self._table(("HOST", "FROM", "LONG", "LINES", "WHY"), rows)
        else:
            yield "None was noticed." if report.inputs else "Nothing was read."
        if report.lines_unknown:
            yield f"{number(report.lines_unknown)} of {so_many(report.lines, 'line')} not known"
        if report.undated:
            yield f"{so_many(report.undated, 'event')} without a time, in no count"

    def _inputs(self) -> Iterator[str]:
        yield from self._title("What was read")
        for one in self._report.inputs:
            problem = f": {one.problem}" if one.problem else ""
            problem += f": not read, {one.left_out}" if one.left_out else ""
            times = f", {moment(one.first)} to {moment(one.last)}" if one.first else ""
            lines = f" ({so_many(one.lines, 'line')}{times})" if one.lines or not problem else ""
            yield from self._words(f"{one.name}{problem}{lines}")
            if one.sha256:
                yield f"{_INDENT}{one.sha256}"
