"""`mtasts-resolver explain`: what Postfix gets, a fresh look, and every step of it."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

from mtasts_resolver.answers.explanation import Explanation, explain_key
from mtasts_resolver.base import logs
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.decided import find_override
from mtasts_resolver.cli.errors import DaemonUnreachableError, TemporaryError, config_errors
from mtasts_resolver.cli.explain_report import DaemonReply, as_dict, as_text, why_different
from mtasts_resolver.cli.mistakes import find_mistakes
from mtasts_resolver.cli.options import (
    json_option,
    map_option,
    read_config,
    server_option,
    socketmap_address,
)
from mtasts_resolver.cli.progress import spinner
from mtasts_resolver.cli.running import daemon_options
from mtasts_resolver.cli.socketmap_client import ask
from mtasts_resolver.cli.terminal import color_option, show_notes, use_color, width
from mtasts_resolver.config import Address, Config
from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.policy import parse_next_hop
from mtasts_resolver.postfix.override import Override
from mtasts_resolver.postfix.reply import Status


@click.command()
@click.argument("domain")
@map_option
@server_option
@daemon_options
@color_option
@json_option
def explain(
    *,
    domain: str,
    map_name: str,
    server: Address | None,
    control_socket: Path | None,
    config_file: Path | None,
    color: str,
    as_json: bool,
) -> None:
    """Show what Postfix gets for DOMAIN now, and discover its policy afresh, step by step.

    The running daemon is asked first. The fresh look takes nothing from it, and changes nothing in
    it. Exit codes, of the fresh look: 0 where a policy was found or DANE applies, 1 where neither
    is so, 75 where the name servers failed.
    """
    config = read_config(config_file)
    logs.setup_logging("error", "text")  # what else would be logged is among the steps
    with spinner() as tell:
        tell("the daemon's answer")
        now = _ask_daemon(config, server, map_name, domain)
        decided = find_override(parse_next_hop(domain), config, control_socket, config_file)
        with config_errors():
            explanation = _explain(domain, config, map_name, tell, decided.override)
    mistakes = find_mistakes(domain, map_name, config)
    why = why_different(explanation, now, config)
    if as_json:
        told = as_dict(explanation, now, why) | {"overrides_unseen": decided.unseen or None}
        click.echo(json.dumps(told | mistakes.as_fields(), indent=2))
    else:
        show_notes(mistakes.notes)
        if decided.unseen and now.reply is not None:
            show_notes([f"Overrides that were added by command are not seen: {decided.unseen}"])
        click.echo(as_text(explanation, now, why, width(sys.stdout)), color=use_color(color))
    sys.exit(_exit_code(explanation))


def _explain(
    domain: str,
    config: Config,
    map_name: str,
    tell: Callable[[str], None],
    override: Override | None,
) -> Explanation:
    try:
        return asyncio.run(explain_key(domain, config, map_name, tell, override))
    except ShortageError as error:
        raise TemporaryError(f"nothing can be found out about {domain} now: {error}") from None


def _ask_daemon(config: Config, server: Address | None, map_name: str, key: str) -> DaemonReply:
    """Return what the running daemon answers, which is what Postfix gets."""
    try:
        return DaemonReply(ask(server or socketmap_address(config), map_name, key))
    except (DaemonUnreachableError, click.UsageError) as error:
        return DaemonReply(None, str(error))


def _exit_code(explanation: Explanation) -> int:
    due = explanation.would_be or explanation.reply
    if due.status is Status.TEMP or not explanation.finding.known:
        return exit_codes.TEMPORARY
    found = explanation.finding.policy is not None or due.status is Status.OK
    return 0 if found else exit_codes.NEGATIVE
