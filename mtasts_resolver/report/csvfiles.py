"""The tables of a report as CSV (RFC 4180, in UTF-8), for a spreadsheet or a program.

A cell that a spreadsheet would take for a formula has an apostrophe before it: `'=1+1`; and so has
one that begins with an apostrophe itself. Spreadsheets show it as text; a program takes off the
first apostrophe of a cell, wherever there is one. Control characters are escaped, as in a log.
The heads are the names of the JSON's fields, and stay as they are.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.evidence.report import (
    ControlEvidence,
    ControlResult,
    CountedRow,
    DayCounts,
    DirectionCounts,
    DomainCounts,
    Downgrade,
    EnforcementFailure,
    EvidenceReport,
    Figure,
    FigureChange,
    LogGap,
    OwnDomainRow,
    ReportInput,
    TlsReportRow,
    UnencryptedRow,
    UnknownLine,
    UnverifiedDelivery,
)

NOT_FIRST = ("'", "=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a cell begins with that a spreadsheet may compute; the last four are their wide forms, which
Excel takes for the same in Japanese and Chinese."""

CsvCell = str | int | float | bool | None


class CsvTable(Struct, frozen=True):
    """A table of a report, and how its rows are made."""

    heads: tuple[str, ...]
    rows: Callable[[EvidenceReport], Iterable[Sequence[CsvCell]]]


def csv_text(report: EvidenceReport, table: str) -> str:
    """Return one of TABLES as CSV."""
    heads, rows = TABLES[table].heads, TABLES[table].rows(report)
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(heads)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return target.getvalue()


def write_csv(report: EvidenceReport, directory: Path) -> list[Path]:
    """Write each of TABLES to a file of its own in `directory`, and return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name in TABLES:
        path = directory / f"{name}.csv"
        path.write_bytes(csv_text(report, name).encode())
        written.append(path)
    return written


def _harmless(cell: CsvCell) -> str | int | float:
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).lower()
        case str():
            return f"'{escaped(cell)}" if cell.startswith(NOT_FIRST) else escaped(cell)
        case _:
            return cell


def _fields(kind: type[Struct], *left_out: str) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__ if name not in left_out)


def _of(
    kind: type[Struct], rows: Callable[[EvidenceReport], Iterable[Struct]], *left_out: str
) -> CsvTable:
    """Return a table whose columns are the fields of `kind`, those of many values with ` | `."""
    heads = _fields(kind, *left_out)
    return CsvTable(
        heads,
        lambda report: ([_cell(getattr(row, name)) for name in heads] for row in rows(report)),
    )


def _cell(value: CsvCell | tuple[str, ...]) -> CsvCell:
    return " | ".join(value) if isinstance(value, tuple) else value


def _directions(report: EvidenceReport) -> tuple[tuple[str, DirectionCounts], ...]:
    return ("outbound", report.outbound), ("inbound", report.inbound)


_COUNTED = ("doubts", "levels", "versions", "ciphers", "key_exchanges")


def _traffic(report: EvidenceReport) -> Iterator[Sequence[CsvCell]]:
    for direction, counts in _directions(report):
        for name in _fields(DirectionCounts, *_COUNTED, "by_day"):
            yield direction, name, "", getattr(counts, name)
        for name in _COUNTED:
            yield from ((direction, name, row.name, row.count) for row in getattr(counts, name))


def _days(report: EvidenceReport) -> Iterator[Sequence[CsvCell]]:
    for direction, counts in _directions(report):
        for row in counts.by_day:
            yield direction, *(getattr(row, name) for name in _fields(DayCounts))


def _about(report: EvidenceReport) -> Iterator[Sequence[CsvCell]]:
    for name in (
        "format",
        "made_at",
        "version",
        "host",
        "lines",
        "lines_unknown",
        "undated",
        "redacted",
    ):
        yield name, getattr(report, name)
    for name in ("period", "previous"):
        if (of := getattr(report, name)) is not None:
            yield from ((f"{name}.{field}", getattr(of, field)) for field in _fields(type(of)))
    for name in ("domains", "hosts", "postfix_versions"):
        yield from ((name, value) for value in getattr(report, name))


def _retrieval(report: EvidenceReport) -> Iterator[Sequence[CsvCell]]:
    found = report.retrieval
    yield from (("note", note, None) for note in report.daemon_notes)
    if found is None:
        yield "problem", report.retrieval_problem, None
        return
    yield from (("fetched", "", found.fetched), ("absent", "", found.absent))
    yield from (("failed", row.name, row.count) for row in found.failed)
    yield from (("source", found.source, None), ("since", found.since, None))


def _evidence(report: EvidenceReport) -> Iterator[Sequence[CsvCell]]:
    for control in report.controls:
        for one in control.evidence:
            yield control.id, one.speaks, one.text, one.source


def _report_problems(report: EvidenceReport) -> Iterator[Sequence[CsvCell]]:
    if found := report.tls_reports:
        yield from (("unread", row.name, row.count) for row in found.unread)
        yield from (("oddity", row.name, row.count) for row in found.oddities)


TABLES: Mapping[str, CsvTable] = MappingProxyType(
    {
        "about": CsvTable(("name", "value"), _about),
        "figures": _of(Figure, lambda report: report.figures),
        "changes": _of(FigureChange, lambda report: report.changes),
        "traffic": CsvTable(("direction", "what", "name", "count"), _traffic),
        "days": CsvTable(("direction", *_fields(DayCounts)), _days),
        "outbound-domains": _of(DomainCounts, lambda report: report.outbound_domains),
        "inbound-hosts": _of(DomainCounts, lambda report: report.inbound_hosts),
        "unverified": _of(UnverifiedDelivery, lambda report: report.unverified),
        "failures": _of(EnforcementFailure, lambda report: report.failures),
        "inbound-failures": _of(CountedRow, lambda report: report.inbound_failures),
        "lookups": _of(CountedRow, lambda report: report.lookups),
        "retrieval": CsvTable(("what", "name", "count"), _retrieval),
        "downgrades": _of(Downgrade, lambda report: report.downgrades),
        "unencrypted": _of(UnencryptedRow, lambda report: report.unencrypted),
        "own-domains": _of(OwnDomainRow, lambda report: report.own_domains),
        "tls-reports": _of(
            TlsReportRow, lambda report: report.tls_reports.rows if report.tls_reports else ()
        ),
        "tls-report-problems": CsvTable(("what", "text", "count"), _report_problems),
        "controls": _of(ControlResult, lambda report: report.controls, "evidence"),
        "control-evidence": CsvTable(("control", *_fields(ControlEvidence)), _evidence),
        "gaps": _of(LogGap, lambda report: report.gaps),
        "inputs": _of(ReportInput, lambda report: report.inputs),
        "unknown-lines": _of(UnknownLine, lambda report: report.unknown_lines),
    }
)
"""Each table by its name, which is its file's, too."""
