"""How a command ends that cannot give its answer, and what it says then."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import click

from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.terminal import show_notes
from mtasts_resolver.config import ConfigError


class CommandError(click.ClickException):
    """A command ends with its `exit_code`; the text says why, and what to do."""

    exit_code = exit_codes.USAGE

    def show(self, file: IO[str] | None = None) -> None:  # noqa: ARG002  click's signature
        show_notes(self.message.splitlines())


class DaemonUnreachableError(CommandError):
    """Nobody answers at the address, or what answers does not speak socketmap."""

    exit_code = exit_codes.UNAVAILABLE


class TemporaryError(CommandError):
    """Later it may work."""

    exit_code = exit_codes.TEMPORARY


class NotPermittedError(CommandError):
    """The daemon's socket is not for this user, or may be a stranger's."""

    exit_code = exit_codes.NOT_PERMITTED


@contextmanager
def config_errors() -> Iterator[None]:
    """End with the errors where the configuration is no use."""
    try:
        yield
    except ConfigError as error:
        raise CommandError(str(error)) from None
