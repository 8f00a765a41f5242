"""`mtasts-resolver report logs`: the report that is made from Postfix's logs."""

import math
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from mtasts_resolver import __version__
from mtasts_resolver.base import logs
from mtasts_resolver.base.quoting import printable
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.errors import CommandError, TemporaryError
from mtasts_resolver.cli.options import config_option, config_path
from mtasts_resolver.cli.progress import progress, spinner
from mtasts_resolver.cli.reporting.earlier import read_report
from mtasts_resolver.cli.reporting.output import ReportOutput, output_options
from mtasts_resolver.cli.reporting.periods import CalendarPeriod, MeantPeriod, last_period
from mtasts_resolver.cli.reporting.scope import (
    parse_domains,
    since_option,
    until_option,
    zone_option,
)
from mtasts_resolver.cli.reporting.tlsrpt import (
    gather_tls_reports,
    tls_reports_option,
    trusted_option,
)
from mtasts_resolver.cli.running import control_socket_option
from mtasts_resolver.doctor.reading import read_postfix
from mtasts_resolver.evidence.controls.catalogue import Control
from mtasts_resolver.evidence.controls.judging import find_controls, judge_control
from mtasts_resolver.evidence.controls.material import Material
from mtasts_resolver.evidence.daemonside import (
    DaemonMemory,
    DaemonSide,
    find_history,
)
from mtasts_resolver.evidence.gathering import AskDaemon, Bounds, WantedReport, gather
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.postfixlogging import configured_logging
from mtasts_resolver.evidence.report import ControlVerdict, EvidenceReport, ReportInput
from mtasts_resolver.evidence.tlsreports import ReportPlace
from mtasts_resolver.evidence.told import NothingTold
from mtasts_resolver.report.redaction.keys import RedactionKeyError, redaction_key
from mtasts_resolver.report.redaction.walk import redacted

NOBODY = DaemonSide(
    told=NothingTold(),
    retrieval=None,
    retrieval_before=None,
    retrieval_problem="no daemon was asked (--elsewhere), and no --history was named",
)
"""What is known where nobody is asked."""

_VERDICT_CODES = {
    ControlVerdict.MET: 0,
    ControlVerdict.UNKNOWN: exit_codes.WARNINGS_FOUND,
    ControlVerdict.NOT_MET: exit_codes.ERRORS_FOUND,
}


def _parse_controls(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[Control, ...]:
    try:
        return () if text is None else find_controls(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("logs")
@click.argument("inputs", metavar="[FILE]...", nargs=-1)
@click.option("--journal", is_flag=True, help="Read the journal of this host, too.")
@since_option
@until_option
@click.option(
    "--last",
    type=click.Choice([kind.value for kind in CalendarPeriod]),
    help="The last day, week or month that is over, in place of --since and --until.",
)
@zone_option
@click.option(
    "--domain",
    "domains",
    metavar="DOMAIN",
    multiple=True,
    callback=parse_domains,
    help="Of DOMAIN and what is below it only. May be given again.",
)
@click.option(
    "--control",
    "controls",
    metavar="NAMES",
    callback=_parse_controls,
    help="Judge controls by the evidence: ISM-1589,ISM-0572,ISO-27001-A.5.14,A.8.20,A.8.24, or"
    " all. This host is looked over for that as by doctor, and your domains as by check.",
)
@click.option(
    "--own-domain",
    "own_domains",
    metavar="DOMAIN",
    multiple=True,
    callback=parse_domains,
    help="A domain of yours, for --control; unset: own_domains of the configuration. May be given"
    " again.",
)
@click.option(
    "--elsewhere",
    is_flag=True,
    help="The logs are of other hosts: ask neither this one's Postfix nor its daemon.",
)
@click.option(
    "--history",
    "history",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What Postfix was told is in this copy of a daemon's history; unset: ask the daemon.",
)
@click.option(
    "--map",
    "map_name",
    metavar="NAME",
    help="The map that Postfix asks; unset: the one that is asked most.",
)
@click.option(
    "--redact",
    type=click.Choice(["addresses", "domains"]),
    is_flag=False,
    flag_value="addresses",
    help="Put pseudonyms in the place of IP addresses and local parts; with --redact=domains, of"
    " the names of domains and hosts, too.",
)
@click.option(
    "--redact-key",
    "redact_key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The key of the pseudonyms: with the same one they are the same; unset: a new one.",
)
@click.option("--no-smtp", is_flag=True, help="Leave the MX hosts of your domains alone.")
@click.option(
    "--previous",
    "previous",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Compare with this earlier report, its JSON; unset: with the period before as the same"
    " logs have it, where the period has a beginning and an end.",
)
@tls_reports_option
@trusted_option
@click.option("--unknown", "show_unknown", is_flag=True, help="List the lines that are not known.")
@output_options
@control_socket_option("--control-socket")  # --control names controls
@config_option
def report_logs(
    *,
    inputs: tuple[str, ...],
    journal: bool,
    since: datetime | None,
    until: datetime | None,
    last: str | None,
    zone: tzinfo,
    domains: tuple[str, ...],
    controls: tuple[Control, ...],
    own_domains: tuple[str, ...],
    elsewhere: bool,
    history: Path | None,
    map_name: str | None,
    redact: str | None,
    redact_key: Path | None,
    no_smtp: bool,
    previous: Path | None,
    tls_reports: tuple[Path, ...],
    trusted: tuple[str, ...],
    show_unknown: bool,
    control_socket: Path | None,
    config_file: Path | None,
    **output: Any,  # noqa: ANN401  those of output_options
) -> None:
    """Tell how mail was protected, from Postfix's logs.

    FILE is a log, packed or not, a directory or a pattern of them, or - for standard input; in any
    order, of any hosts. Each figure says of how many it is how many, and what cannot be told is
    never counted as good. docs/report.md explains them, docs/report.schema.json describes --json.

    Exit codes: 0; with --control 0 where each is met, 1 where one cannot be told, 2 where one is
    not met; 75 where there is no line of Postfix. Where a report is only kept, its verdicts change
    nothing of that: 0.
    """
    if not inputs and not journal:
        raise click.UsageError("name a FILE to read, - for standard input, or --journal")
    _reject_lonely(
        (redact_key, "--redact-key", redact, "--redact"),
        (own_domains, "--own-domain", controls, "--control"),
        (no_smtp, "--no-smtp", controls, "--control"),
        (trusted, "--trusted-server", tls_reports, "--tls-reports"),
    )
    logs.setup_logging("error", "text")  # what else would be logged is in the report
    now = datetime.now(UTC)
    period = _period(since, until, last, now.astimezone(zone))
    earlier = None if previous is None else read_report(previous)
    before = period.before if earlier is None else None
    wanted = WantedReport(
        zone=zone,
        period=_bounds(period),
        before=None if before is None else _bounds(before),
        earlier=earlier,
        domains=frozenset(domains),
        made_at=now.astimezone(zone),
        version=__version__,
        host=socket.gethostname(),
    )
    target = ReportOutput(**output)
    if _is_kept(target, period, zone):
        return
    ask = _daemon(config_file, control_socket, history, map_name, elsewhere=elsewhere)
    report = _gather(inputs, wanted, ask, journal=journal, elsewhere=elsewhere)
    if not report.hosts and not any(one.first for one in report.inputs):
        raise TemporaryError("\n".join(_nothing_in(report.inputs)))
    if tls_reports:
        report = _with_tls_reports(report, tls_reports, zone, domains, trusted)
    if controls:
        places = (config_file, control_socket)
        report = _judged(
            report, controls, own_domains, places, host=not elsewhere, smtp=not no_smtp
        )
    if not show_unknown:
        report = replace(report, unknown_lines=())
    if redact is not None:
        report = redacted(report, _key(redact_key), domains=redact == "domains")
    target.give(report)
    if not target.only_keeps:
        sys.exit(max((_VERDICT_CODES[result.verdict] for result in report.controls), default=0))


def _reject_lonely(*pairs: tuple[object, str, object, str]) -> None:
    """End where an option was given without the one that it goes with.

    Whoever gives only the key of pseudonyms must not get, and give away, a report of real names.
    """
    for given, option, needed, other in pairs:
        if given and not needed:
            raise click.UsageError(f"{option} goes with {other}")


def _period(
    since: datetime | None, until: datetime | None, last: str | None, now: datetime
) -> MeantPeriod:
    if last is not None:
        if since is not None or until is not None:
            raise click.UsageError("--last is a period by itself: leave out --since and --until")
        return last_period(CalendarPeriod(last), now)
    if since is not None and until is not None and since >= until:
        raise click.UsageError("--since is not before --until: no time is between them")
    return MeantPeriod(since, until)


def _bounds(period: MeantPeriod) -> Bounds:
    return Bounds(
        -math.inf if period.since is None else period.since.timestamp(),
        math.inf if period.until is None else period.until.timestamp(),
    )


def _nothing_in(inputs: tuple[ReportInput, ...]) -> Iterator[str]:
    """Yield that nothing was found, and what may be the reason."""
    yield "there is no line of Postfix about mail in what was read"
    for one in inputs:
        if why := one.problem or one.left_out:
            yield f"{printable(one.name)}: {why}"


def _is_kept(target: ReportOutput, period: MeantPeriod, zone: tzinfo) -> bool:
    """Tell whether all that is asked for is a report to be kept, and it is kept already."""
    if period.since is None or period.until is None:
        return False
    since, until = (moment.astimezone(zone) for moment in (period.since, period.until))
    return target.is_done(since.isoformat(), until.isoformat())


def _with_tls_reports(
    report: EvidenceReport,
    paths: tuple[Path, ...],
    zone: tzinfo,
    domains: tuple[str, ...],
    trusted: tuple[str, ...],
) -> EvidenceReport:
    """Return the report with what others report of the same period."""
    found, inputs = gather_tls_reports(
        [ReportPlace(path) for path in paths],
        zone,
        since=datetime.fromisoformat(report.period.since),
        until=datetime.fromisoformat(report.period.until),
        domains=domains,
        trusted=trusted,
    )
    return replace(report, tls_reports=found, inputs=(*report.inputs, *inputs))


def _daemon(
    config_file: Path | None,
    control_socket: Path | None,
    history: Path | None,
    map_name: str | None,
    *,
    elsewhere: bool,
) -> AskDaemon:
    """Return what asks the daemon."""
    if elsewhere and history is None:
        return lambda _period, _before: NOBODY
    place = find_history(config_path(config_file), control_socket, history)
    memory = DaemonMemory(place, map_name)
    # A report can do without the daemon, but a file that is named is meant.
    if history is not None and (problem := memory.unavailable):
        raise CommandError(f"--history: {problem}")
    return memory.of


def _key(path: Path | None) -> bytes:
    try:
        return redaction_key(path)
    except RedactionKeyError as error:
        raise CommandError(str(error)) from None


def _gather(
    inputs: tuple[str, ...],
    wanted: WantedReport,
    ask: AskDaemon,
    *,
    journal: bool,
    elsewhere: bool,
) -> EvidenceReport:
    """Read the logs, and return what they say."""
    logging = None if elsewhere else configured_logging(read_postfix().instances)
    try:
        with progress("reading") as tell:
            return gather(inputs, wanted, ask, journal=journal, logging=logging, progress=tell)
    except InputError as error:
        raise CommandError(str(error)) from None


def _judged(
    report: EvidenceReport,
    controls: tuple[Control, ...],
    own_domains: tuple[str, ...],
    places: tuple[Path | None, Path | None],
    *,
    host: bool,
    smtp: bool,
) -> EvidenceReport:
    """Look at what controls are judged by besides the logs, and judge them."""
    from mtasts_resolver.cli.reporting.looking import look_for_controls  # noqa: PLC0415  all that asks others

    with spinner() as tell:
        seen = look_for_controls(own_domains, *places, host=host, smtp=smtp, tell=tell)
    material = Material(
        report=report,
        host=seen.host,
        host_problem=seen.host_problem,
        published=seen.published,
        published_problem=seen.published_problem,
    )
    return replace(report, controls=tuple(judge_control(one, material) for one in controls))
