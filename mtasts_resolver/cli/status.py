"""`mtasts-resolver status`: how the running daemon is."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec

from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.monitoring import status_plugin_line, unreachable
from mtasts_resolver.cli.options import json_option
from mtasts_resolver.cli.running import daemon_options, running_daemon
from mtasts_resolver.cli.tables import Shown, ago, show_rows, until
from mtasts_resolver.control.values.owndomains import by_severity
from mtasts_resolver.control.values.status import DaemonStatus, TroubleLine
from mtasts_resolver.control.values.verdict import CRITICAL_DAYS, WARNING_DAYS

OWN = 10  # own domains that are shown, those with which most is wrong first
# Seconds until a daemon that is silent stands still: it answers this from memory, at once. Monitors
# often end a plug-in after 10, and then nobody hears what is wrong.
PATIENCE = 8.0
RECENT = 5  # lines of the log that are shown; --json has all that the daemon remembers


@click.command()
@click.option("--check", is_flag=True, help="Be a plug-in for Nagios, Icinga and the like.")
@click.option(
    "--warning",
    "warning_days",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    default=WARNING_DAYS,
    show_default=True,
    help="With --check: days left to a failing policy below which that is a warning.",
)
@click.option(
    "--critical",
    "critical_days",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    default=CRITICAL_DAYS,
    show_default=True,
    help="With --check: days left below which it is critical.",
)
@daemon_options
@json_option
def status(
    *,
    check: bool,
    warning_days: float,
    critical_days: float,
    control_socket: Path | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Show how the running daemon is.

    With --check one line and the exit code say it, as monitoring plug-ins do: 0 all is well,
    1 warning, 2 critical, 3 unknown.
    """
    try:
        with running_daemon(control_socket, config_file, patience=PATIENCE) as daemon:
            found = daemon.get(DaemonStatus, "status")
    except CommandError as error:
        if not check:
            raise
        click.echo(unreachable(error))
        sys.exit(unreachable(error).exit_code)
    if check:
        verdict = status_plugin_line(found, warning_days=warning_days, critical_days=critical_days)
        click.echo(verdict)
        sys.exit(verdict.exit_code)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        show_rows(_rows(found))


def _rows(found: DaemonStatus) -> Iterator[Shown]:
    yield Shown("daemon", f"mtasts-resolver {found.version}, pid {found.pid}")
    yield Shown("running since", f"{found.started} ({ago(found.started, found.now)})")
    for listening in found.listening:
        yield Shown("listening", f"{listening.protocol} {listening.address}")
    for way_in in found.ways_in:
        if way_in.address is not None:
            yield Shown("listening", f"{way_in.name} {way_in.address}")
        if way_in.trouble:
            yield Shown("", f"{way_in.name}: {way_in.trouble}", bad=True)
    yield from _configuration(found)
    yield from _decisions(found)
    yield from _work(found)
    yield from _knowledge(found)
    yield from _weakened(found)
    yield from _own_domains(found)
    store = found.store
    yield Shown("store", store.url)
    if store.trouble:
        yield Shown("", f"{store.trouble}; {store.pending} changes wait", bad=True)
    if store.history_trouble:
        trouble = f"{store.history_trouble}; {store.history_pending} changes wait"
        yield Shown("history", trouble, bad=True)
    yield from map(_line, found.recent[:RECENT])


def _configuration(found: DaemonStatus) -> Iterator[Shown]:
    configuration = found.configuration
    loaded = ago(configuration.loaded, found.now)
    yield Shown("configuration", f"{configuration.file or 'the defaults'}, loaded {loaded}")
    if configuration.faulty:
        yield Shown("", "the file is FAULTY, an older one is in force", bad=True)
    if configuration.restart_needed:
        keys = ", ".join(configuration.restart_needed)
        yield Shown("", f"a restart is needed for {keys}", bad=True)


def _decisions(found: DaemonStatus) -> Iterator[Shown]:
    """Yield what an administrator has decided besides, and should not forget."""
    counts = found.overrides
    if found.observing:
        maps = ", ".join(found.observing)
        yield Shown("observing", f"{maps}: Postfix gets notfound for everything", bad=True)
    if counts.in_force or counts.lapsed:
        words = f"{counts.in_force} in force"
        if counts.weakening:
            words += f"; {counts.weakening} of them may let mail go out unverified"
        yield Shown("overrides", words, bad=counts.weakening > 0)
    for count, what in ((counts.ends_soon, "to end within a week"), (counts.lapsed, "lapsed")):
        if count:
            yield Shown("", f"{count} {what}: see 'mtasts-resolver override list'", bad=True)
    for fault in counts.faults:
        yield Shown("", f"the file of those that were added is damaged: {fault}", bad=True)


def _work(found: DaemonStatus) -> Iterator[Shown]:
    lookups, discoverer = found.lookups, found.discoverer
    yield Shown(
        "look-ups",
        f"{lookups.total:,}, of which {lookups.waited:,} had to wait;"
        f" {lookups.connections} connections open",
    )
    for count, what in (
        (lookups.overloaded, "overloaded: nothing could be found out, or too much had to be"),
        (lookups.timed_out, "answered before their discovery had ended"),
        (lookups.unknown_map, "in maps that there are not"),
        (lookups.bad_requests, "requests that were none"),
    ):
        if count:
            yield Shown("", f"{count:,} {what}", bad=True)
    if answers := _counted((given.answer, given.count) for given in lookups.answers):
        yield Shown("answers", answers)
    if would_be := _counted((given.would_be, given.count) for given in lookups.answers):
        yield Shown("would be", f"{would_be}, where maps only observe")
    if discoverer.pid is None:
        yield Shown("discoverer", "is not running", bad=True)
    else:
        yield Shown(
            "discoverer",
            f"pid {discoverer.pid}; {discoverer.discoveries:,} discoveries of MTA-STS,"
            f" {discoverer.dane_discoveries:,} of DANE; {discoverer.fetch_failures:,} of"
            f" {discoverer.fetches:,} fetches failed",
        )


def _counted(answers: Iterable[tuple[str, int]]) -> str:
    """Return how often each answer was given, or would have been, in all maps together."""
    counts: Counter[str] = Counter()
    for answer, count in answers:
        if answer:
            counts[answer] += count
    return ", ".join(f"{count:,} {answer}" for answer, count in counts.most_common() if count)


def _knowledge(found: DaemonStatus) -> Iterator[Shown]:
    policies, dane = found.policies, found.dane
    yield Shown(
        "policies",
        f"{policies.enforce:,} enforce, {policies.testing:,} testing, {policies.none:,} none;"
        f" {policies.absent:,} domains without",
    )
    if policies.failing:
        soonest = policies.expires_soonest
        when = f"; the first expires {until(soonest, found.now)}" if soonest else ""
        yield Shown("", f"{policies.failing:,} failing{when}", bad=True)
    yield Shown(
        "DANE",
        f"{dane.required:,} required, {dane.partial:,} partial, {dane.unknown:,} unknown,"
        f" {dane.none:,} none",
    )
    yield Shown("DNSSEC", f"{dane.dnssec}: {dane.why}", bad=dane.dnssec == "unknown")


def _weakened(found: DaemonStatus) -> Iterator[Shown]:
    if not found.weakened:
        return
    count, latest = found.weakened_domains, found.weakened[0]
    yield Shown(
        "weakened",
        f"{count:,} domain{'' if count == 1 else 's'}, the latest {latest.domain} ("
        f"{', '.join(latest.weakened)}) {ago(latest.since, found.now)};"
        " 'mtasts-resolver history --weakened' has all",
        bad=True,
    )


def _own_domains(found: DaemonStatus) -> Iterator[Shown]:
    domains = by_severity(found.own_domains)
    for place, own in enumerate(domains[:OWN]):
        words = f"{own.domain}: {own.worst or ('well' if own.checked else 'not checked yet')}"
        more = own.errors + own.warnings - 1
        if more > 0:
            words += f"; and {more} more"
        if own.certificate_expires:
            words += f"; first certificate expires {until(own.certificate_expires, found.now)}"
        if own.checked:
            words += f"; checked {ago(own.checked, found.now)}"
        bad = own.errors + own.warnings > 0
        yield Shown("" if place else "own domains", words, bad=bad)
        if own.trouble:
            yield Shown("", f"{own.domain} cannot be checked: {own.trouble}", bad=True)
    if others := domains[OWN:]:
        wrong = sum(own.errors + own.warnings > 0 for own in others)
        words = f"{len(others)} more, {wrong} of them with errors or warnings:"
        words += " 'mtasts-resolver check --from-daemon' has all"
        yield Shown("", words, bad=wrong > 0)


def _line(line: TroubleLine) -> Shown:
    fields = " ".join(f"{name}={value}" for name, value in line.fields.items())
    return Shown(line.level, f"{line.time} {line.event} {fields}", bad=line.level == "error")
