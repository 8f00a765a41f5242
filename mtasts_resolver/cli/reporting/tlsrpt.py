"""`mtasts-resolver report tlsrpt`: what others report of TLS to us (RFC 8460)."""

import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import click
import msgspec

from mtasts_resolver import __version__
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.options import json_option
from mtasts_resolver.cli.progress import progress
from mtasts_resolver.cli.reporting.reported import reported_lines
from mtasts_resolver.cli.reporting.scope import (
    parse_domains,
    since_option,
    until_option,
    zone_option,
)
from mtasts_resolver.cli.terminal import is_terminal, show_notes, use_color, width
from mtasts_resolver.evidence.report import FORMAT, ReportInput, TlsReports
from mtasts_resolver.evidence.tlsreports import ReportFolding, ReportPlace, read_tls_reports

STANDARD_INPUT = Path("-")


class PrintedTlsReports(msgspec.Struct, frozen=True, kw_only=True):
    """What --json prints."""

    format: int
    made_at: str
    version: str
    """Of this program."""
    since: str | None
    """Of the period that was asked for."""
    until: str | None
    domains: tuple[str, ...]
    """It is of these alone; empty for all."""
    inputs: tuple[ReportInput, ...]
    tls_reports: TlsReports


tls_reports_option = click.option(
    "--tls-reports",
    "tls_reports",
    metavar="PATH",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="TLS reports of others about you, of the same period: a file, mailbox or directory, as for"
    " `report tlsrpt`. May be given again.",
)
trusted_option = click.option(
    "--trusted-server",
    "trusted",
    metavar="NAME",
    multiple=True,
    help="A mail server of yours, as it calls itself in Authentication-Results: its word counts on"
    " who signed the mails that bring TLS reports. May be given again.",
)


@click.command("tlsrpt")
@click.argument(
    "files",
    metavar="[FILE]...",
    nargs=-1,
    type=click.Path(path_type=Path, allow_dash=True),
)
@click.option(
    "--mbox",
    "mailboxes",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path, allow_dash=True),
    help="A mailbox of the form mbox, packed or not. May be given again.",
)
@click.option(
    "--maildir",
    "maildirs",
    metavar="DIR",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A mailbox of the form maildir. May be given again.",
)
@since_option
@until_option
@zone_option
@click.option(
    "--domain",
    "domains",
    metavar="DOMAIN",
    multiple=True,
    callback=parse_domains,
    help="About DOMAIN and what is below it only. May be given again.",
)
@trusted_option
@click.option(
    "--only-vouched",
    is_flag=True,
    help="Leave out reports that no --trusted-server vouches for, as RFC 8460 demands.",
)
@click.option("--verbose", is_flag=True, help="Show all, and not only the first rows.")
@json_option
def report_tlsrpt(
    *,
    files: tuple[Path, ...],
    mailboxes: tuple[Path, ...],
    maildirs: tuple[Path, ...],
    since: datetime | None,
    until: datetime | None,
    zone: tzinfo,
    domains: tuple[str, ...],
    trusted: tuple[str, ...],
    only_vouched: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Tell who could not deliver to you securely, by the TLS reports that others send (RFC 8460).

    FILE is a report, a mail or a mailbox, packed or not, a directory of them, or - for standard
    input. Reports that break the RFC are read as far as they are clear. The same report counts
    once. A report counts sessions, which are connections and not mails.

    In a pipe each row is a line: sender, your domain, policy type, failure, MX host, sessions,
    first, last, reason, mode; separated by tabs.

    Exit codes: 0; 1 where no report was found; 2 where something could not be read.
    """
    places = [ReportPlace(path) for path in files]
    places += [ReportPlace(path, "mbox") for path in mailboxes]
    places += [ReportPlace(path, "maildir") for path in maildirs]
    if only_vouched and not trusted:
        raise click.UsageError("--only-vouched goes with --trusted-server")
    if not places:
        raise click.UsageError("name a FILE, --mbox FILE, --maildir DIR, or - for standard input")
    found, inputs = gather_tls_reports(
        places,
        zone,
        since=since,
        until=until,
        domains=domains,
        trusted=trusted,
        only_vouched=only_vouched,
    )
    if as_json:
        printed = PrintedTlsReports(
            format=FORMAT,
            made_at=datetime.now(UTC).astimezone(zone).isoformat(timespec="seconds"),
            version=__version__,
            since=_shown(since, zone),
            until=_shown(until, zone),
            domains=domains,
            inputs=inputs,
            tls_reports=found,
        )
        click.echo(msgspec.json.encode(printed).decode())
    else:
        _show(found, everything=verbose)
    _end(found, inputs)


def gather_tls_reports(
    places: Sequence[ReportPlace],
    zone: tzinfo,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    domains: Collection[str] = (),
    trusted: Collection[str] = (),
    only_vouched: bool = False,
) -> tuple[TlsReports, tuple[ReportInput, ...]]:
    """Return what the reports in some places say, and what each place was."""
    folding = ReportFolding(
        zone,
        since=None if since is None else since.timestamp(),
        until=None if until is None else until.timestamp(),
        domains=domains,
        only_vouched=only_vouched,
    )
    with progress("Reading TLS reports") as bar:
        inputs = read_tls_reports(
            places,
            folding,
            trusted=trusted,
            standard_input=sys.stdin.buffer,
            progress=bar,
        )
    return folding.result(), inputs


def _shown(moment: datetime | None, zone: tzinfo) -> str | None:
    return None if moment is None else moment.astimezone(zone).isoformat(timespec="seconds")


def _show(found: TlsReports, *, everything: bool) -> None:
    color = use_color("auto")
    if is_terminal(sys.stdout):
        lines: Iterable[str] = reported_lines(
            found, columns=width(sys.stdout), color=color, everything=everything
        )
    else:
        lines = (
            "\t".join(
                (
                    row.organization or "-",
                    row.domain or "-",
                    row.policy_type or "-",
                    row.failure or "-",
                    row.mx or "-",
                    str(row.sessions),
                    row.first or "-",
                    row.last or "-",
                    row.reason or "-",
                    row.mode or "-",
                )
            )
            for row in found.rows
        )
        show_notes(f"not read, {row.count}x: {row.name}" for row in found.unread)
    for line in lines:
        click.echo(line, color=color)


def _end(found: TlsReports, inputs: Sequence[ReportInput]) -> None:
    """End by what was found, and say what could not be read."""
    problems = [f"{one.name}: {one.problem}" for one in inputs if one.problem]
    show_notes(problems)
    if problems:
        sys.exit(exit_codes.USAGE)
    if not found.reports:
        others = f" that was asked for; left out: {found.left_out:,}" if found.left_out else ""
        show_notes([f"No TLS report was found{others}."])
        sys.exit(exit_codes.NEGATIVE)
