"""What a terminal gets, and a pipe does not: colour, and lines that end before its edge."""

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from mtasts_resolver.base.quoting import escaped

USUAL_COLUMNS = 80  # of a terminal that does not say

# Where a word may be broken that is longer than a line: between the names in `match=a:b`, and in a
# path. A break elsewhere would make two words of one.
_BREAKS = re.compile(r"(?<=[:,/])")

color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour; auto: on a terminal, unless the environment has NO_COLOR.",
)


def use_color(choice: str) -> bool:
    """Tell whether standard output gets colour; NO_COLOR as in https://no-color.org."""
    if choice != "auto":
        return choice == "always"
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return is_terminal(sys.stdout) and not plain


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether `stream` is a terminal; it is None where the process was given none."""
    return stream is not None and stream.isatty()


def is_pipe(stream: TextIO | None) -> bool:
    """Tell whether another process reads what `stream` is given."""
    try:
        return stream is not None and stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except OSError:  # there is no file behind it
        return False


def width(stream: TextIO | None) -> int | None:
    """Return how many columns `stream` has; None where it is no terminal."""
    if stream is None or not is_terminal(stream):
        return None
    return os.get_terminal_size(stream.fileno()).columns or USUAL_COLUMNS


@contextmanager
def noting() -> Iterator[None]:
    """Tell a person something on standard error: that it cannot be written changes no result."""
    try:
        yield
    except OSError:
        silence(sys.stderr)


def show_notes(lines: Iterable[str]) -> None:
    """Write lines for a person to standard error: whoever wrote them moves no cursor."""
    columns = width(sys.stderr)
    with noting():
        for line in lines:
            click.echo("\n".join(wrap(escaped(line), columns)), err=True)


def silence(stream: TextIO | None) -> None:
    """Lead `stream` nowhere: Python tries at its end to write what could not be written before."""
    if stream is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def wrap(text: str, columns: int | None, *, first: str = "", rest: str = "") -> list[str]:
    """Return `text` in lines of at most `columns`, as far as its words allow, all of it for None.

    The first line begins with `first`, the others with `rest`, which is as long.
    """
    if columns is None or len(first) + len(text) <= columns:
        return [first + text]
    room = columns - len(rest)
    lines = [""]
    for word in text.split(" "):
        separator = " " if lines[-1] else ""
        for piece in [word] if len(word) <= room else _BREAKS.split(word):
            if lines[-1] and len(lines[-1] + separator + piece) > room:
                lines.append(piece)
            else:
                lines[-1] += separator + piece
            separator = ""
    return [(rest if number else first) + line for number, line in enumerate(lines)]
