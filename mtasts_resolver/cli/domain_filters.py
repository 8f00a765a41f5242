"""The options that say which domains are meant."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args

import click

from mtasts_resolver.cli.durations import DURATION
from mtasts_resolver.control.values.domains import ModeFilter

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--mode",
        type=click.Choice(get_args(ModeFilter)),
        default="policies",
        show_default=True,
        help="Those in this mode; `absent`: domains known to have no policy.",
    ),
    click.option("--failing", is_flag=True, help="Those that cannot be fetched again."),
    click.option(
        "--expires-within", type=DURATION, help="Those that expire within a time such as 3d."
    ),
    click.option(
        "--unused-for", type=DURATION, help="Those that nobody asked for in a time such as 30d."
    ),
    click.option("--matching", help="Those that a pattern such as '*.example.com' fits."),
)


def filter_options(command: F) -> F:
    """Give a command the options that `filters` reads."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def filters(given: Mapping[str, object]) -> dict[str, object]:
    """Return what the options say as the API has it."""
    return {**given, "failing": "true" if given["failing"] else None}
