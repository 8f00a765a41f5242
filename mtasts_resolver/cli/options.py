"""What several commands have in common: where the configuration is, and how its faults are told."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.terminal import noting, width, wrap
from mtasts_resolver.config import Config, ConfigError, load_config
from mtasts_resolver.config.endpoints import parse_address

DEFAULT_CONFIG = Path("/etc/mtasts-resolver/config.yaml")

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help=f"The configuration file; unset: {DEFAULT_CONFIG} where it exists, else the defaults.",
)


def _check_address(
    _context: click.Context, _parameter: click.Parameter, address: str | None
) -> str | None:
    if address is not None:
        try:
            parse_address(address)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return address


server_option = click.option(
    "--server",
    callback=_check_address,
    help="The daemon's socketmap address; unset: the first one configured.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
map_option = click.option(
    "--map", "map_name", default="default", show_default=True, help="The socketmap name to ask."
)


def config_path(config_file: Path | None) -> Path | None:
    """Return the file to read; None where the defaults are in force."""
    if config_file is not None:
        return config_file
    try:
        DEFAULT_CONFIG.stat()
    except FileNotFoundError:
        return None
    except OSError:
        pass  # there may be one: whoever reads it finds out why that is not possible
    return DEFAULT_CONFIG


def read_config(config_file: Path | None) -> Config:
    """Return the configuration, or end with its errors."""
    with config_errors():
        return load_config(config_path(config_file))


def show_notes(lines: Iterable[str]) -> None:
    """Write lines for a person to standard error."""
    columns = width(sys.stderr)
    with noting():
        for line in lines:
            click.echo("\n".join(wrap(line, columns)), err=True)


class CommandError(click.ClickException):
    """A command ends with its `exit_code`; the text says why, and what to do."""

    exit_code = exit_codes.USAGE

    def show(self, file: IO[str] | None = None) -> None:  # noqa: ARG002  click's signature
        show_notes(self.message.splitlines())


class UnavailableError(CommandError):
    """The daemon cannot be reached."""

    exit_code = exit_codes.UNAVAILABLE


class TemporaryError(CommandError):
    """Later it may work."""

    exit_code = exit_codes.TEMPORARY


@contextmanager
def config_errors() -> Iterator[None]:
    """End with the errors where the configuration is no use."""
    try:
        yield
    except ConfigError as error:
        raise CommandError(str(error)) from None
