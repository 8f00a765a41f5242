"""How commands show values: tables for people, plain lines for a pipe."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import click

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.base.spans import ago, span, until
from mtasts_resolver.cli.terminal import use_color, width, wrap

__all__ = ["Shown", "ago", "lines_of_table", "show_rows", "show_table", "span", "until"]

LEAST_ROOM = 24  # columns of the first cell of a line: enough to tell most domains apart
_NOTE = "    "


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


def show_table(
    heads: Sequence[str],
    lines: Iterable[Sequence[str]],
    notes: Sequence[str] = (),
    *,
    columns: int | None = None,
    color: bool | None = None,
) -> None:
    """Show lines below each other, on a terminal in columns below their heads.

    Where they do not all fit side by side, the first column gives way, and then the last is cut.
    Below a line stands its note, where it has one. In a pipe the cells of a line have tabs between,
    and there are no notes; unless `columns` and `color` say how it is to be all the same.
    """
    columns = columns or width(sys.stdout)
    color = use_color("auto") if color is None else color
    for line in lines_of_table(heads, lines, notes, columns=columns, color=color):
        click.echo(line, color=color)


def lines_of_table(
    heads: Sequence[str],
    lines: Iterable[Sequence[str]],
    notes: Sequence[str] = (),
    *,
    columns: int | None,
    color: bool,
) -> Iterator[str]:
    """Yield the lines that `show_table` shows; None for `columns` is a pipe."""
    lines = [tuple(map(escaped, line)) for line in lines]
    if columns is None:
        yield from map("\t".join, lines)
        return
    rooms = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    between = 2 * (len(rooms) - 1)
    rooms[0] = max(LEAST_ROOM, min(rooms[0], columns - between - sum(rooms[1:])))
    rooms[-1] = max(len(heads[-1]), min(rooms[-1], columns - between - sum(rooms[:-1])))
    for number, line in enumerate([heads, *lines]):
        cells = (_cut(cell, room).ljust(room) for cell, room in zip(line, rooms, strict=True))
        text = "  ".join(cells).rstrip()
        yield click.style(text, bold=(not number and color) or None)
        if number and notes and notes[number - 1]:
            note = wrap(escaped(notes[number - 1]), columns, first=_NOTE, rest=_NOTE)
            yield click.style("\n".join(note), fg="yellow" if color else None)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 3]}..."
