"""How commands show values: tables for people, plain lines for a pipe."""

import sys
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import click

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli.terminal import use_color, width, wrap

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


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


def span(seconds: float) -> str:
    """Return a span of time in its two largest units: `3d 4h`."""
    left, parts = max(0, int(seconds)), list[str]()
    for length, unit in _UNITS:
        count, left = divmod(left, length)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def ago(time: str, now: str) -> str:
    """Say for how long a time has passed."""
    return f"{span(_between(time, now))} ago"


def until(time: str, now: str) -> str:
    """Say how long it is until a time, or that it is over."""
    left = _between(now, time)
    return f"in {span(left)}" if left > 0 else ago(time, now)


def _between(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()
