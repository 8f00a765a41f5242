"""Reaching the daemon that runs, for the commands that see and steer it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import click

from mtasts_resolver.cli.errors import (
    CommandError,
    DaemonUnreachableError,
    NotPermittedError,
    TemporaryError,
)
from mtasts_resolver.cli.options import config_option, config_path
from mtasts_resolver.config import ConfigError, ControlConfig, load_file
from mtasts_resolver.control.client import (
    PATIENCE,
    ControlClient,
    ControlError,
    NoDaemonError,
    RequestRefusedError,
)

# Seconds for what a shell completes: somebody's cursor waits.
COMPLETION_PATIENCE = 2.0

F = TypeVar("F", bound=Callable[..., Any])


def control_socket_option(name: str) -> Callable[[F], F]:
    """Return the option, called `name`, that says where the daemon's control socket is."""
    return click.option(
        name,
        "control_socket",
        metavar="FILE",
        type=click.Path(readable=False, path_type=Path),  # whether we are let in, connecting tells
        help="The daemon's control socket; unset: the one configured, else the usual place.",
    )


def daemon_options(command: F) -> F:
    """Give a command the options from which `running_daemon` finds the daemon."""
    return control_socket_option("--control")(config_option(command))


@contextmanager
def running_daemon(
    control_socket: Path | None, config_file: Path | None, *, patience: float | None = PATIENCE
) -> Iterator[ControlClient]:
    """Speak to the daemon that runs, or end with the reason why that cannot be.

    `patience`: seconds that it may be silent once it was asked; None where it waits for others.
    """
    file = control_socket or _find_socket(config_file)
    try:
        with ControlClient(file, patience=patience) as client:
            yield client
    except NoDaemonError as error:
        raise DaemonUnreachableError(str(error)) from None
    except RequestRefusedError as error:
        # What has failed on its side is no wrong usage.
        kind = CommandError if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else TemporaryError
        raise kind(str(error)) from None
    except ControlError as error:
        raise NotPermittedError(str(error)) from None


def _find_socket(config_file: Path | None) -> Path:
    """Return where the control socket is, or should be.

    Who asks may not be allowed to read the configuration.
    """
    try:
        control = load_file(config_path(config_file)).config.control
    except ConfigError:
        control = ControlConfig()
    return control.reached_at(os.environ, uid=os.geteuid())
