"""`mtasts-resolver doctor`: whether this host is set up right."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from mtasts_resolver.base import logs
from mtasts_resolver.base.quoting import quote
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.doctor_report import as_json_text, show_commands, show_report
from mtasts_resolver.cli.doctor_script import script
from mtasts_resolver.cli.options import config_path, json_option
from mtasts_resolver.cli.running import daemon_options
from mtasts_resolver.cli.terminal import color_option, is_terminal, noting, use_color
from mtasts_resolver.doctor.daemonlook import DaemonPlace
from mtasts_resolver.doctor.examination import Examination, examine
from mtasts_resolver.findings import Severity, worst
from mtasts_resolver.policy import parse_next_hop

_EXIT_CODES = {
    Severity.OK: 0,
    Severity.NOTE: 0,
    Severity.WARNING: exit_codes.WARNINGS_FOUND,
    Severity.ERROR: exit_codes.ERRORS_FOUND,
}


def _parse_domain(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> str | None:
    if text is None:
        return None
    hop = parse_next_hop(text)
    if hop is None:
        raise click.BadParameter(f"{quote(text)} is no domain that could have a policy")
    return hop.domain


@click.command()
@click.option(
    "--postfix-config",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The Postfix instance with this configuration directory; unset: all of this host's.",
)
@click.option(
    "--try",
    "trial",
    metavar="DOMAIN",
    callback=_parse_domain,
    help="Fetch the policy of DOMAIN besides, to see that HTTPS to the outside works.",
)
@click.option("--problems", is_flag=True, help="Leave out what is well.")
@click.option("--commands", is_flag=True, help="Print the commands that mend it, and nothing else.")
@click.option("--fix", is_flag=True, help="Print the same as a script, with the reasons.")
@click.option("--offline", is_flag=True, help="Ask nobody outside this host, nor the resolver.")
@daemon_options
@color_option
@json_option
def doctor(
    *,
    postfix_config: Path | None,
    trial: str | None,
    problems: bool,
    commands: bool,
    fix: bool,
    offline: bool,
    control_socket: Path | None,
    config_file: Path | None,
    color: str,
    as_json: bool,
) -> None:
    """Look this host over: its daemon, its Postfix, and what both stand on.

    Nothing is changed. With --commands what would mend it is printed alone, with --fix as a script
    for sh, which is not run. Run it as root: else much cannot be looked at, which is said then.

    Exit codes: 0 where there is nothing worse than a note, 1 with warnings, 2 with errors, 75 where
    nothing could be looked at.
    """
    if commands + fix + as_json > 1:
        raise click.UsageError("--commands, --fix and --json print the same otherwise: choose one")
    if offline and trial is not None:
        raise click.UsageError("--try asks a policy host, and --offline nobody: choose one")
    logs.setup_logging("error", "text")  # what else would be logged is among the findings
    place = DaemonPlace(config_path(config_file), control_socket, os.geteuid())
    with _telling() as tell:
        found = examine(
            place,
            postfix_config,
            os.environ,
            os.geteuid(),
            trial=trial,
            offline=offline,
            tell=tell,
        )
    exit_code = _exit_code(found)
    if commands:
        show_commands(found)
    elif fix:
        click.echo(script(found.findings), nl=False)
    elif as_json:
        click.echo(as_json_text(found, exit_code))
    else:
        show_report(found, color=use_color(color), problems=problems)
    sys.exit(exit_code)


def _exit_code(found: Examination) -> int:
    return exit_codes.TEMPORARY if found.blind else _EXIT_CODES[worst(found.findings)]


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """Show on standard error, where that is a terminal, what the block looks at.

    No thread may do so, as that of a spinner: what is looked at as another user is so in a fork.
    """
    if not is_terminal(sys.stderr):
        yield lambda _words: None
        return
    clear = "\r\033[K"

    def tell(words: str) -> None:
        with noting():
            click.echo(f"{clear}looking at {words} ...", nl=False, err=True)

    try:
        yield tell
    finally:
        with noting():
            click.echo(clear, nl=False, err=True)
