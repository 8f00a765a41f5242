"""How commands show values: tables for people, plain lines for a pipe."""

import sys
from collections.abc import Iterable
from typing import NamedTuple

import click

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.base.spans import ago, span, until
from mtasts_resolver.cli.terminal import use_color, width, wrap

__all__ = ["Shown", "ago", "show_rows", "span", "until"]


class Shown(NamedTuple):
    """What is called something; without a name it belongs to the row before."""

    name: str
    text: str
    bad: bool = False
    """An administrator should look at it."""


def show_rows(rows: Iterable[Shown]) -> None:
    """Show rows below each other, in two columns on a terminal."""
    rows = list(rows)
    columns, color = width(sys.stdout), use_color("auto")
    if columns is None:
        name = ""
        for row in rows:
            name = row.name or name
            click.echo(f"{name}\t{escaped(row.text)}")
        return
    room = max(len(row.name) for row in rows) + 2
    for row in rows:
        lines = wrap(escaped(row.text), columns, first=row.name.ljust(room), rest=" " * room)
        click.echo(click.style("\n".join(lines), fg="yellow" if row.bad and color else None))
