"""`mtasts-resolver config`: the configuration file, without the daemon."""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.options import config_path, json_option
from mtasts_resolver.config import Config, ConfigError, load_config


@click.group("config")
def config_group() -> None:
    """Work with the configuration file."""


@config_group.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@json_option
def config_check(file: Path | None, *, as_json: bool) -> None:
    """Check the configuration FILE, and list everything that is wrong with it.

    Without FILE it is the one that the daemon would use.

    With --json, the configuration in force with that file is printed, too: what it sets and the
    defaults of the rest, times in seconds.
    """
    file = config_path(file)
    try:
        config = load_config(file)
    except ConfigError as error:
        if as_json:
            click.echo(json.dumps({"valid": False, "errors": error.errors}))
        else:
            click.echo(str(error), err=True)
        sys.exit(exit_codes.USAGE)
    if as_json:
        click.echo(json.dumps({"valid": True, "errors": [], "config": effective(config)}))
    else:
        click.echo(f"{file or 'no file, so the defaults are in force'}: valid")


def effective(config: Config) -> dict[str, Any]:
    """Return the configuration as plain values, without the password of a proxy."""
    plain: dict[str, Any] = msgspec.to_builtins(config)
    if config.https.proxy is not None:
        parts = urlsplit(config.https.proxy)
        host = parts.netloc.rpartition("@")[2]
        if host != parts.netloc:
            plain["https"]["proxy"] = f"{parts.scheme}://***@{host}"
    return plain
