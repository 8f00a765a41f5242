"""What others report about us, in lines: for `report tlsrpt`, and as a part of a whole report."""

from collections.abc import Iterator, Sequence

import click

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli.tables import lines_of_table
from mtasts_resolver.cli.terminal import wrap
from mtasts_resolver.evidence.report import CountedRow, TlsReportRow, TlsReports
from mtasts_resolver.report.failures import REPORTED_FAULTS
from mtasts_resolver.report.words import number, percent, so_many

MOST_REPORTED = 15
"""Rows of a list, unless all are asked for: what fits on a screen."""
_HEADS = ("OUR DOMAIN", "FAILURE", "SESSIONS", "SENDER")
_COUNT = 7  # columns of a count
_DAY = len("2026-11-26")


def reported_lines(
    found: TlsReports, *, columns: int | None, color: bool = False, everything: bool = False
) -> Iterator[str]:
    """Yield what a person must know of TLS reports, then what failed, then what is odd."""
    most = None if everything else MOST_REPORTED
    for text in _summary(found):
        yield from wrap(text, columns)
    failures = [row for row in found.rows if row.failure]
    if failures:
        yield from _title("Who could not deliver to you securely, and why", color=color)
        shown = failures[:most]
        yield from lines_of_table(
            _HEADS,
            [(row.domain, row.failure, number(row.sessions), row.organization) for row in shown],
            [_note(row) for row in shown],
            columns=columns,
            color=color,
        )
        yield from _more(len(failures) - len(shown))
        yield from _title("What that means, and what mends it", color=color)
        for name in dict.fromkeys(row.failure for row in failures):
            yield from _meaning(name, columns)
    yield from _wordings("Not read", found.unread, columns, most, color=color)
    title = "Read, although it breaks RFC 8460"
    yield from _wordings(title, found.oddities, columns, most, color=color)


def _summary(found: TlsReports) -> Iterator[str]:
    senders = len({row.organization for row in found.rows})
    text = f"{so_many(found.reports, 'report')} of {so_many(senders, 'sender')}"
    if found.duplicates:
        text += f"; {so_many(found.duplicates, 'report')} that came again counted once"
    if found.left_out:
        text += f"; {number(found.left_out)} of other times, domains or senders left out"
    yield text
    sessions = found.successful + found.failed
    if sessions:
        yield (
            f"{so_many(sessions, 'session')}: {number(found.successful)} well,"
            f" {number(found.failed)} failed ({percent(found.failed, sessions)})."
            " A session is a connection, and not a mail."
        )
    if found.reports:
        yield from _vouching(found)


def _vouching(found: TlsReports) -> Iterator[str]:
    vouched = sum(row.count for row in found.signers)
    if vouched:
        signers = ", ".join(f"{row.name} ({number(row.count)})" for row in found.signers[:5])
        yield f"Signed, by the word of a mail server that you trust: {signers}."
    if vouched < found.reports:
        rest = "these" if not vouched else f"the other {number(found.reports - vouched)}"
        yield f"Nobody vouches for {rest}: anybody can send a report in anybody's name."


def _note(row: TlsReportRow) -> str:
    """Return what is known of a failure beside its figures."""
    told = [f"MX {row.mx}"] if row.mx else []
    mode = f" in mode {row.mode}" if row.mode else ""
    told.append(f"policy {row.policy_type or 'unknown'}{mode}")
    if row.first:
        days = dict.fromkeys((row.first[:_DAY], row.last[:_DAY]))
        told.append(" to ".join(days))
    if row.reason:
        told.append(row.reason)
    return "; ".join(told)


def _meaning(name: str, columns: int | None) -> Iterator[str]:
    fault = REPORTED_FAULTS.get(name)
    if fault is None:
        text = "what the sender calls it, and no other does: ask at its contact-info"
    else:
        text = f"{fault.what}. Mend it: {fault.remedy}."
    yield from wrap(f"{escaped(name)}: {text}", columns, rest="    ")


def _wordings(
    title: str,
    rows: Sequence[CountedRow],
    columns: int | None,
    most: int | None,
    *,
    color: bool,
) -> Iterator[str]:
    if not rows:
        return
    yield from _title(title, color=color)
    for row in rows[:most]:
        count = f"{number(row.count):>{_COUNT}}  "
        yield from wrap(escaped(row.name), columns, first=count, rest=" " * len(count))
    yield from _more(len(rows[most:]) if most else 0)


def _more(count: int) -> Iterator[str]:
    if count:
        yield f"({number(count)} more: --verbose, --json)"


def _title(text: str, *, color: bool) -> Iterator[str]:
    yield ""
    yield click.style(text, bold=True) if color else text
