"""`mtasts-resolver query`: ask the running daemon as Postfix would."""

import json
import sys
from pathlib import Path

import click

from mtasts_resolver.base.quoting import escaped, quote
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.decided import would_be
from mtasts_resolver.cli.mistakes import find_mistakes
from mtasts_resolver.cli.options import (
    config_path,
    json_option,
    map_option,
    server_option,
    socketmap_address,
)
from mtasts_resolver.cli.running import daemon_options
from mtasts_resolver.cli.socketmap_client import ask
from mtasts_resolver.cli.terminal import show_notes
from mtasts_resolver.config import Address, Config, ConfigError, load_file
from mtasts_resolver.policy import parse_next_hop
from mtasts_resolver.postfix.reply import Status

_EXIT_CODES = {
    Status.OK: 0,
    Status.NOTFOUND: exit_codes.NEGATIVE,
    Status.TEMP: exit_codes.TEMPORARY,
    Status.PERM: exit_codes.USAGE,
}


@click.command()
@click.argument("domain")
@map_option
@server_option
@daemon_options
@json_option
def query(
    *,
    domain: str,
    map_name: str,
    server: Address | None,
    control_socket: Path | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Ask the running daemon for DOMAIN, as Postfix would.

    DOMAIN is a lookup key: a domain, or a next hop such as `[relay.example]:587`.
    """
    config = None
    if server is None:
        config = _configuration_or_defaults(config_file)
        server = socketmap_address(config)
    mistakes = find_mistakes(domain, map_name, config)
    if not as_json:
        show_notes(mistakes.notes)
    reply = ask(server, map_name, domain)
    observed = config is not None and config.observes(config.map_options(map_name))
    due = None
    if observed and reply.status is Status.NOTFOUND:
        due = would_be(parse_next_hop(domain), map_name, control_socket, config_file)
        if not as_json:
            show_notes([_observing(domain, map_name, due)])
    if as_json:
        fields = {
            "domain": domain,
            "map": map_name,
            "status": reply.status,
            "text": reply.text,
            "observed": observed,
            "would_be": due,
            **mistakes.as_fields(),
        }
        click.echo(json.dumps(fields))
    else:
        click.echo(escaped(str(reply)))  # who has taken the daemon's port may say anything
    sys.exit(_EXIT_CODES[reply.status])


def _observing(domain: str, map_name: str, due: str | None) -> str:
    if due is None:
        known = f"'mtasts-resolver explain {domain}' shows what it would be"
    else:
        known = f"it would be {due}"
    return f"the map {quote(map_name)} only observes, and says so to everything: {known}"


def _configuration_or_defaults(config_file: Path | None) -> Config:
    """Return the configuration, or the defaults where the file is of no use.

    Who asks may not be allowed to read it, and what it says may be in force nowhere.
    """
    try:
        return load_file(config_path(config_file)).config
    except ConfigError as error:
        config = Config()
        address = socketmap_address(config)
        show_notes(
            [*map(str, error.faults), f"The daemon is asked at the default address, {address}"]
        )
        return config
