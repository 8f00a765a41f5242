"""`mtasts-resolver serve`: run the daemon."""

import os
import sys
from pathlib import Path

import click

from mtasts_resolver import daemon, logs
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.options import config_option, config_path, read_config

log = logs.get(__name__)


@click.command()
@config_option
def serve(config_file: Path | None) -> None:
    """Answer Postfix's look-ups, in the foreground, until SIGTERM.

    SIGHUP reads the configuration again.
    """
    config = read_config(config_file)
    logs.setup_logging(config.log.level, config.log.format)
    logs.log_uncaught()
    try:
        daemon.run(lambda: config_path(config_file), config, os.environ)
    except daemon.StartError as error:
        log.error("start-failed", reason=str(error))
        temporary = isinstance(error, daemon.TemporaryStartError)
        sys.exit(exit_codes.TEMPORARY if temporary else exit_codes.USAGE)
