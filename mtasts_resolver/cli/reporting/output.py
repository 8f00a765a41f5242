"""Where a report goes, and in which form."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mtasts_resolver.cli.durations import DURATION
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.files import written_file
from mtasts_resolver.cli.options import json_option
from mtasts_resolver.cli.reporting.keeping import KeptReports
from mtasts_resolver.cli.reporting.page import page_of
from mtasts_resolver.cli.reporting.text import report_text
from mtasts_resolver.cli.terminal import color_option, show_notes, use_color, width
from mtasts_resolver.evidence.report import EvidenceReport
from mtasts_resolver.report.csvfiles import write_csv
from mtasts_resolver.report.html.missing import PlottingMissingError
from mtasts_resolver.report.machine import as_json

F = TypeVar("F", bound=Callable[..., Any])


def _as_html(report: EvidenceReport) -> bytes:
    try:
        return page_of(report)
    except PlottingMissingError as error:
        raise CommandError(str(error)) from None


def _as_text(report: EvidenceReport) -> bytes:
    return report_text(report, columns=80, everything=True).encode()


_FORMS: dict[str, Callable[[EvidenceReport], bytes]] = {
    ".html": _as_html,
    ".json": as_json,
    ".txt": _as_text,
}


def _parse_paths(
    _context: click.Context, _parameter: click.Parameter, paths: tuple[Path, ...]
) -> tuple[Path, ...]:
    for path in paths:
        if path.suffix not in _FORMS:
            raise click.BadParameter(f"{path}: its name tells no form: end it in {_suffixes()}")
        if not path.parent.is_dir():  # said now, and not when all has been read
            raise click.BadParameter(f"{path}: there is no directory {path.parent}")
    return paths


def _suffixes() -> str:
    *others, last = _FORMS
    return f"{', '.join(others)} or {last}"


_write_option = click.option(
    "--write",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_parse_paths,
    help=f"Write the report to FILE, in the form that its name ends in: {_suffixes()}. May be"
    " given again.",
)
_csv_option = click.option(
    "--csv",
    "csv_directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each table to a file of its own in DIR, as CSV.",
)
_everything_option = click.option(
    "--verbose", "everything", is_flag=True, help="Show whole tables, not their first rows."
)


_keep_option = click.option(
    "--keep",
    "kept",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the report in DIR, in a directory that is called by its period, and add it to the"
    " list there, which `report verify` checks. One that is kept already is not written again.",
)
_let_go_option = click.option(
    "--let-go-after",
    type=DURATION,
    metavar="TIME",
    help="With --keep: remove the files of such reports (of a day, a week or a month, as this one"
    " is) that are older, such as 400d. The list says so.",
)


def output_options(command: F) -> F:
    """Give a command the options that a ReportOutput is made of."""
    options = (_let_go_option, _keep_option, _csv_option, _write_option)
    for option in (json_option, color_option, _everything_option, *options):
        command = option(command)
    return command


class ReportOutput:
    """All that the options ask for."""

    def __init__(
        self,
        files: tuple[Path, ...],
        csv_directory: Path | None,
        *,
        kept: Path | None,
        let_go_after: float | None,
        everything: bool,
        color: str,
        as_json: bool,
    ) -> None:
        self._files = files
        self._csv = csv_directory
        if kept is None and let_go_after is not None:
            raise click.UsageError("--let-go-after goes with --keep")
        self._kept = None if kept is None else KeptReports(kept, let_go_after)
        self._everything = everything
        self._color = color
        self._as_json = as_json

    def is_done(self, since: str, until: str) -> bool:
        """Tell, and say, whether nothing but to keep a report is asked for, and that is done."""
        return self._kept is not None and self.only_keeps and self._kept.has(since, until)

    @property
    def only_keeps(self) -> bool:
        """Whether nothing else is asked for than to keep a report."""
        return self._kept is not None and not (self._files or self._csv or self._as_json)

    def give(self, report: EvidenceReport) -> None:
        """Write what is to be written; without that, or with --json, show it."""
        for path in self._files:
            form = _FORMS[path.suffix](report)
            with written_file(path) as file:
                file.write(form)
        if self._csv is not None:
            try:
                write_csv(report, self._csv)
            except OSError as error:
                raise CommandError(f"{error.filename or self._csv}: {error.strerror}") from None
        if self._kept is not None:
            self._kept.keep(report)
        if self._as_json:
            click.echo(as_json(report), nl=False)
        elif self._files or self._csv:
            places = [str(path) for path in (*self._files, self._csv) if path is not None]
            show_notes([f"written: {', '.join(places)}"])
        elif self._kept is None:
            text = report_text(
                report,
                columns=width(sys.stdout),
                color=use_color(self._color),
                everything=self._everything,
            )
            click.echo(text, nl=False, color=use_color(self._color))
