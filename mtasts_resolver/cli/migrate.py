"""`mtasts-resolver migrate`: from another policy server to this one."""

import sys
from pathlib import Path

import click
import msgspec

from mtasts_resolver.base.ownfiles import read_plain
from mtasts_resolver.cli.errors import CommandError, config_errors
from mtasts_resolver.cli.migrating.ours import look_at_place, write_config
from mtasts_resolver.cli.migrating.report import config_lines, left_lines
from mtasts_resolver.cli.options import DEFAULT_CONFIG, config_option, json_option
from mtasts_resolver.cli.terminal import color_option, use_color, width
from mtasts_resolver.config import MAX_FILE_BYTES, ConfigError
from mtasts_resolver.migration.ourfile import checked_config, config_text
from mtasts_resolver.migration.programs import PROGRAMS, TheirProgram
from mtasts_resolver.migration.takeover import Takeover


@click.command()
@click.option(
    "--from",
    "program",
    type=click.Choice(list(PROGRAMS)),
    required=True,
    help="The policy server that is in use.",
)
@click.option(
    "--their-config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Its configuration; unset: where its packages have it.",
)
@click.option(
    "--keep-address",
    is_flag=True,
    help="Listen where it does, so that main.cf stays as it is.",
)
@click.option("--write", is_flag=True, help="Do it; else it is only shown.")
@config_option
@color_option
@json_option
def migrate(
    *,
    program: str,
    their_config: Path | None,
    keep_address: bool,
    write: bool,
    config_file: Path | None,
    color: str,
    as_json: bool,
) -> None:
    """Take over the configuration of another policy server.

    Nothing is changed without --write: what would be done is shown. No service is stopped or
    started, main.cf is not touched, and the other's files stay as they are.
    """
    other = PROGRAMS[program]
    path = their_config or Path(other.config)
    taken = _read(other, path, keep_address=keep_address)
    text = config_text(taken.settings, f"{path} of {program}")
    loaded = checked_config(text, str(config_file or DEFAULT_CONFIG))
    place = look_at_place(config_file or DEFAULT_CONFIG, text)
    if write and text:
        write_config(place, text, loaded)
    if as_json:
        shown = {
            "from": program,
            "config": {"path": str(place.path), "found": place.standing, "text": text},
            "settings": taken.settings,
            "left": taken.left,
            "alike": taken.alike,
        }
        click.echo(msgspec.json.encode(shown).decode())
        return
    columns = width(sys.stdout)
    lines = [*config_lines(text, place, columns, written=write), *left_lines(taken, columns)]
    click.echo("\n".join(lines), color=use_color(color))


def _read(other: TheirProgram, path: Path, *, keep_address: bool) -> Takeover:
    try:
        data = read_plain(path, MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CommandError(
            f"{path}: {error.strerror}: name the configuration of {other.name} by --their-config"
        ) from None
    with config_errors():
        their, taken = other.read(data, str(path), keep_address=keep_address)
        if their.faults:
            raise ConfigError(sorted(their.faults, key=lambda fault: fault.line or 0))
    return taken
