"""`mtasts-resolver config`: the configuration file, without the daemon."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from mtasts_resolver.base import logs
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.options import config_path, json_option
from mtasts_resolver.cli.terminal import show_notes
from mtasts_resolver.config import (
    Config,
    ConfigError,
    LogConfig,
    load_file,
    log_settings,
    plain,
    read_file,
)
from mtasts_resolver.daemon.preflight import Report, look_into

log = logs.get(__name__)


@click.group("config")
def config_group() -> None:
    """Work with the configuration file."""


@config_group.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@json_option
def config_check(file: Path | None, *, as_json: bool) -> None:
    """Check the configuration FILE, and list everything that is wrong with it.

    Without FILE it is the one that the daemon would use. What the file names is looked at, too: the
    certification authorities, users and groups, the store and what is kept beside it, where to
    listen. What may be wrong, or pass without a change, is a warning.

    With --json, the configuration in force with that file is printed, too: what it sets and the
    defaults of the rest, times in seconds.
    """
    file = config_path(file)
    config: Config | None = None
    try:
        loaded = load_file(file)
    except ConfigError as error:
        report = Report([*error.faults], [])
    else:
        config = loaded.config
        report = look_into(loaded, os.environ, os.geteuid(), wall=time.time())
    if logs.in_journal():
        _log(file, report)
    elif not as_json:
        show_notes([*map(str, report.errors), *(f"warning: {fault}" for fault in report.warnings)])
    if as_json:
        told: dict[str, Any] = {
            "valid": not report.errors,
            "errors": [fault._asdict() for fault in report.errors],
            "warnings": [fault._asdict() for fault in report.warnings],
        }
        if config is not None and not report.errors:
            told["config"] = plain(config)
        click.echo(json.dumps(told))
    elif not report.errors:
        click.echo(f"{file or 'there is no file, and the defaults'}: valid")
    if report.errors:
        sys.exit(exit_codes.USAGE)


def _log(file: Path | None, report: Report) -> None:
    """Say the same in the journal, each line with its level: where systemd runs the check."""
    try:
        settings = log_settings(read_file(file))
    except ConfigError:
        settings = LogConfig()
    logs.setup_logging(settings.level, settings.format)
    for text in map(str, report.errors):
        log.error("configuration-rejected", reason=text, action="the old one stays in force")
    for text in map(str, report.warnings):
        log.warning("configuration-doubtful", reason=text)
