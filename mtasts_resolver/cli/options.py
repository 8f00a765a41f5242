"""What several commands have in common: where the configuration is, and how its faults are told."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from mtasts_resolver.cli import exit_codes
from mtasts_resolver.config import Config, ConfigError, load_config

DEFAULT_CONFIG = Path("/etc/mtasts-resolver/config.yaml")

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help=f"The configuration file; unset: {DEFAULT_CONFIG} where it exists, else the defaults.",
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


@contextmanager
def config_errors() -> Iterator[None]:
    """End with the errors where the configuration is no use."""
    try:
        yield
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(exit_codes.USAGE)
