"""Reports that are kept: in a directory, whose list shows if one is removed or changed."""

import re
from datetime import datetime, timedelta
from pathlib import Path

from mtasts_resolver.base.spans import span
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.reporting.page import page_of
from mtasts_resolver.cli.reporting.text import report_text
from mtasts_resolver.cli.terminal import show_notes
from mtasts_resolver.evidence.report import EvidenceReport
from mtasts_resolver.report.chain import ReportChain
from mtasts_resolver.report.html.missing import PlottingMissingError
from mtasts_resolver.report.machine import as_json
from mtasts_resolver.report.naming import is_short, report_name
from mtasts_resolver.report.shelf import ReportShelf

COLUMNS = 80
"""Of the text: what a mail has room for."""
_DIGITS = re.compile(r"\d")


class KeptReports:
    """Where reports are kept, and for how long those of the same kind are."""

    def __init__(self, directory: Path, let_go_after: float | None) -> None:
        self._directory = directory
        self._shelf = ReportShelf(directory)
        self._let_go_after = let_go_after

    def has(self, since: str, until: str) -> bool:
        """Tell, and say, whether a report of that period is kept already, or was."""
        name = report_name(since, until)
        found = any(entry.name == name for entry in self._read().entries)
        if found:
            show_notes([_kept_already(name, self._directory)])
        return found

    def keep(self, report: EvidenceReport) -> None:
        """Write a report, and say where it is, and which sum proves it; let old ones go."""
        name = report_name(report.period.since, report.period.until)
        try:
            chain = self._shelf.add(name, _files(report), report.made_at)
            if chain is not None:
                self._let_go(chain, name, report.made_at)
                chain = self._shelf.read()
        except OSError as error:
            raise CommandError(_told(error, self._directory)) from None
        if chain is None:
            show_notes([_kept_already(name, self._directory)])
            return
        place = self._directory / chain.reports[-1].name
        show_notes([f"kept: {place}", f"head: entry {len(chain.sums)}, {chain.head}"])
        show_notes(f"{fault.about}: {fault.what}" for fault in chain.faults)

    def _read(self) -> ReportChain:
        try:
            return self._shelf.read()
        except OSError as error:
            raise CommandError(_told(error, self._directory)) from None

    def _let_go(self, chain: ReportChain, name: str, now: str) -> None:
        """Let go of reports of such a period that are too old."""
        if self._let_go_after is None:
            return
        oldest = datetime.fromisoformat(now) - timedelta(seconds=self._let_go_after)
        old = [
            entry.name
            for entry in chain.kept.values()
            if _form(entry.name) == _form(name) and datetime.fromisoformat(entry.made_at) < oldest
        ]
        self._shelf.let_go(old, now, f"older than {span(self._let_go_after)}")


def _kept_already(name: str, directory: Path) -> str:
    return f"{name} is kept already in {directory}: nothing was written"


def _form(name: str) -> str:
    """Return what names of reports of the same kind have in common."""
    return _DIGITS.sub("0", name)


def _files(report: EvidenceReport) -> dict[str, bytes]:
    """Return the forms that are kept: of a day the text and the JSON, else the page, too."""
    files = {
        "report.txt": report_text(report, columns=COLUMNS, everything=True).encode(),
        "report.json": as_json(report),
    }
    if not is_short(report.period.since, report.period.until):
        try:
            files["report.html"] = page_of(report)
        except PlottingMissingError as error:
            show_notes([f"without report.html: {error}"])
    return files


def _told(error: OSError, directory: Path) -> str:
    return f"{error.filename or directory}: {error.strerror or error}"
