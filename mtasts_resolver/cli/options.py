"""The options that several commands have, and what follows from them."""

from pathlib import Path

import click

from mtasts_resolver.cli.errors import config_errors
from mtasts_resolver.config import Address, Config, ConfigError, load_file, parse_address

DEFAULT_CONFIG = Path("/etc/mtasts-resolver/config.yaml")

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"The configuration file; unset: {DEFAULT_CONFIG} where it exists, else the defaults.",
)


def _parse_address(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> Address | None:
    if text is None:
        return None
    try:
        return parse_address(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


server_option = click.option(
    "--server",
    metavar="ADDRESS",
    callback=_parse_address,
    help="The daemon's socketmap address; unset: the first one configured.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")


def _complete_map(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the maps that begin so, of the configuration that was named or is usual."""
    try:
        config = load_file(config_path(context.params.get("config_file"))).config
    except ConfigError:
        config = Config()  # there are the built-in ones
    return [name for name in config.all_maps() if name.startswith(incomplete)]


map_option = click.option(
    "--map",
    "map_name",
    default="default",
    show_default=True,
    metavar="NAME",
    shell_complete=_complete_map,
    help="The socketmap name to ask.",
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
        return load_file(config_path(config_file)).config


def socketmap_address(config: Config) -> Address:
    """Return the address of the first socketmap listener, or end where there is none."""
    for listener in config.listen:
        if listener.protocol == "socketmap":
            return listener.address
    raise click.UsageError("the configuration has no socketmap listener; name one with --server")
