"""`mtasts-resolver check`: whether a domain is set up right, as the strictest sender sees it."""

import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click
import msgspec

from mtasts_resolver.base import logs
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.checked.held import held_policies, last_checks
from mtasts_resolver.cli.checked.lines import check_plugin_line, plain_lines
from mtasts_resolver.cli.checked.named import NamedDomains, named_domains
from mtasts_resolver.cli.checked.progressing import Results
from mtasts_resolver.cli.checked.report import SUMMARY_HEADS, report, summary_lines
from mtasts_resolver.cli.checked.results import (
    EXIT_CODES,
    CheckedDomain,
    CheckReport,
    reaches_no_mx_host,
    worst_verdict,
)
from mtasts_resolver.cli.errors import CommandError, config_errors
from mtasts_resolver.cli.known_domains import complete_own_domain
from mtasts_resolver.cli.monitoring import unreachable
from mtasts_resolver.cli.options import json_option, read_config
from mtasts_resolver.cli.running import daemon_options
from mtasts_resolver.cli.tables import show_table
from mtasts_resolver.cli.terminal import (
    USUAL_COLUMNS,
    color_option,
    is_pipe,
    show_notes,
    use_color,
    width,
)
from mtasts_resolver.published.catalogue import CATALOGUE

_BLOCKED = (
    "No MX host of any of these domains can be reached on port 25: this host, or its provider, lets"
    " nothing out there. What is said of that is not the domains' fault; --no-smtp leaves it out."
)
TITLES = {kind.code: kind.title for kind in CATALOGUE}


@click.command()
@click.argument("domains", metavar="[DOMAIN]...", nargs=-1, shell_complete=complete_own_domain)
@click.option(
    "--file",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Check the domains in FILE, too: one in each line, comments after a #; - is standard"
    " input.",
)
@click.option("--no-smtp", is_flag=True, help="Leave the MX hosts alone: nothing goes to port 25.")
@click.option(
    "--from-daemon",
    is_flag=True,
    help="Show the daemon's last check of its own domains (own_domains), of all without DOMAIN.",
)
@click.option("--nagios", is_flag=True, help="Be a plug-in for Nagios, Icinga and the like.")
@daemon_options
@color_option
@json_option
def check(
    *,
    domains: tuple[str, ...],
    file: Path | None,
    no_smtp: bool,
    from_daemon: bool,
    nagios: bool,
    control_socket: Path | None,
    config_file: Path | None,
    color: str,
    as_json: bool,
) -> None:
    """Check whether DOMAIN is set up right, as the strictest sender sees it.

    The policy record, the policy host and its policy, the MX hosts on port 25, DANE and the record
    for TLS reports are looked at afresh. A person gets a verdict, the hosts in a table, and what to
    do, the most urgent first. Where the running daemon holds a policy of DOMAIN, this one is
    compared with it.

    In a pipe there are lines of three kinds, with tabs between: `verdict`, domain, severity,
    errors, warnings, notes, mode, DANE, days left of the first certificate to end, reason; `host`,
    domain, `policy` or `mx`, host, preference, address, TLS, certificate, days, policy, DANE,
    trouble; `finding`, domain, severity, code, what it is about, what was found, what to do,
    commands. With --color always a pipe gets what a person gets. docs/check.schema.json describes
    --json.

    Exit codes: 0 where there is nothing worse than a note, 1 for warnings, 2 for errors; 75 where
    nothing can be found out of some domain, and none has errors. With --nagios: 0, 1, 2, or 3 for
    what is unknown.
    """
    if as_json and nagios:
        raise click.UsageError("--json and --nagios are two forms: choose one")
    if from_daemon and no_smtp:
        raise click.UsageError(
            "--from-daemon shows a check that was made: `smtp: false` in own_domains is for those"
        )
    if not (domains or file or from_daemon):
        raise click.UsageError("name a DOMAIN, or a --file with some")
    logs.setup_logging("error", "text")  # what else would be logged is among the findings
    output = _Output(color, as_json=as_json, nagios=nagios)
    try:
        named = named_domains(domains, file)
        if not nagios:  # which has one line, and nothing beside it
            show_notes([*named.notes, *named.faults])
        if from_daemon:
            own = named.domains if domains or file else None
            results = _from_daemon(own, output, control_socket, config_file)
        else:
            results = _afresh(named, output, control_socket, config_file, smtp=not no_smtp)
    except CommandError as error:
        if not nagios:
            raise
        line = unreachable(error)
        click.echo(line)
        sys.exit(line.exit_code)
    sys.exit(output.end(named, results))


class _Output:
    """Where what is found goes, and in which form."""

    def __init__(self, color: str, *, as_json: bool, nagios: bool) -> None:
        self._as_json = as_json
        self._nagios = nagios
        self._color = use_color(color)
        self._columns = width(sys.stdout)
        if self._columns is None and color == "always":
            self._columns = USUAL_COLUMNS
        self._shown = 0

    def show(self, one: CheckedDomain) -> None:
        """Show what was found of a domain, where it does not go into one document with others."""
        if self._as_json or self._nagios:
            return
        if self._columns is None:
            lines = plain_lines(one)
        else:
            lines = report(one, TITLES, self._columns)
            if self._shown:
                click.echo(f"\n{'-' * self._columns}\n")
        for line in lines:
            click.echo(line, color=self._color)
        self._shown += 1

    @property
    def spares_terminal(self) -> bool:
        """Tell whether nothing of it comes to a terminal while the checks go on.

        What reads a pipe may write to the same one, into the middle of a bar.
        """
        return self._as_json or self._nagios or not is_pipe(sys.stdout)

    def end(self, named: NamedDomains, results: Results) -> int:
        """Show what there is to say of all domains together; return the exit code."""
        results.show_rest()
        exit_code = EXIT_CODES[worst_verdict(results.ended)]
        if named.faults:
            exit_code = exit_codes.USAGE
        if results.interrupted:
            exit_code = exit_codes.INTERRUPTED
        if self._nagios:
            faults = (*named.faults, *(["interrupted"] if results.interrupted else ()))
            line = check_plugin_line(results.ended, TITLES, faults)
            click.echo(line)
            return line.exit_code
        if self._as_json:
            click.echo(msgspec.json.encode(_report(named, results, exit_code)).decode())
        elif self._columns is not None and self._shown > 1:
            click.echo(f"\n{'-' * self._columns}\n")
            lines = summary_lines(results.ended)
            show_table(SUMMARY_HEADS, lines, columns=self._columns, color=self._color)
        if reaches_no_mx_host(results.ended):
            show_notes([_BLOCKED])
        if results.interrupted:
            checked_now = f"{len(results.ended)} of {len(named.domains)}"
            show_notes([f"interrupted: {checked_now} domains have been checked"])
        return exit_code


def _report(named: NamedDomains, results: Results, exit_code: int) -> CheckReport:
    return CheckReport(
        verdict=worst_verdict(results.ended),
        exit_code=exit_code,
        domains=results.ended,
        notes=named.notes,
        faults=named.faults,
        interrupted=results.interrupted,
        unchecked=results.unchecked,
    )


def _from_daemon(
    domains: Sequence[str] | None,
    output: _Output,
    control_socket: Path | None,
    config_file: Path | None,
) -> Results:
    """Show the last checks of the running daemon."""
    found = list(last_checks(domains, control_socket, config_file))
    if domains is None and not found:
        raise CommandError(
            "the daemon has no domains of its own to check: name some in own_domains"
        )
    results = Results([one.domain for one in found], output.show)
    for one in found:
        results.add(one)
    return results


def _afresh(
    named: NamedDomains,
    output: _Output,
    control_socket: Path | None,
    config_file: Path | None,
    *,
    smtp: bool,
) -> Results:
    """Check the domains, and show what comes of each; what has come is kept at Ctrl-C."""
    config = read_config(config_file)
    results = Results(named.domains, output.show)
    if not named.domains:
        return results
    # What asks others takes long to import, and Tab and --from-daemon need not wait for it.
    run = import_module("mtasts_resolver.cli.checked.run")
    held = held_policies(named.domains, control_socket, config_file)
    try:
        with config_errors():
            checks = run.run_checks(
                config, named.domains, held, results, smtp=smtp, bar=output.spares_terminal
            )
            asyncio.run(checks)
    except KeyboardInterrupt:
        results.interrupted = True
    return results
