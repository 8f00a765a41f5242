"""`mtasts-resolver serve`: run the daemon."""

import os
import sys
from pathlib import Path

import click

from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.options import config_option, config_path
from mtasts_resolver.daemon.run import StartError, TemporaryStartError
from mtasts_resolver.daemon.start import run_daemon


@click.command()
@config_option
def serve(config_file: Path | None) -> None:
    """Answer Postfix's look-ups, in the foreground, until SIGTERM.

    SIGHUP reads the configuration again.
    """
    try:
        run_daemon(lambda: config_path(config_file), os.environ)
    except StartError as error:
        temporary = isinstance(error, TemporaryStartError)
        sys.exit(exit_codes.TEMPORARY if temporary else exit_codes.USAGE)
