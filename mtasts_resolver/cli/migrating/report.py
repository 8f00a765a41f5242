"""What `migrate` shows a person: what becomes of each part, and what to do."""

from collections.abc import Iterator

import click

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli.migrating.ours import BACKUP, FoundThere, OurPlace
from mtasts_resolver.cli.terminal import wrap
from mtasts_resolver.migration.takeover import Takeover

_INDENT = "  "
_COMMENTS = "its comments are kept in"


def heading(text: str) -> str:
    """Return a section's first line."""
    return click.style(text, bold=True)


def told(text: str, columns: int | None, indent: str = _INDENT) -> list[str]:
    """Return words of a section in lines."""
    return wrap(escaped(text), columns, first=indent, rest=indent)


def config_lines(
    text: str, place: OurPlace, columns: int | None, *, written: bool
) -> Iterator[str]:
    """Yield what becomes of the configuration."""
    yield heading("Configuration")
    if not text:
        yield from told("The defaults do what it did: none is needed.", columns)
        return
    yield from told(_what_happens(place, written=written), columns)
    # A line of it is not broken: it is copied as a whole.
    yield from (f"{_INDENT * 2}{escaped(line)}".rstrip() for line in text.splitlines()[3:])


def _what_happens(place: OurPlace, *, written: bool) -> str:
    path = place.path
    match place.standing:
        case FoundThere.SAME:
            return f"{path} has it already:"
        case FoundThere.ABSENT:
            return f"{path} {'is written' if written else 'would be'}:"
        case FoundThere.EMPTY:
            done = "is written" if written else "would be written"
            return f"{path} {done}; it set nothing, and {_COMMENTS} {path.name}{BACKUP}:"
        case FoundThere.OTHER:
            return f"{path} sets something already, and is not written over. It should have:"
        case FoundThere.UNREADABLE:
            return f"{place.fault}. It should have:"


def left_lines(taken: Takeover, columns: int | None) -> Iterator[str]:
    """Yield what is not taken over, and why."""
    if taken.left:
        yield heading("Not taken over")
        for one in taken.left:
            value = "" if one.value is None else f": {one.value}"
            yield from told(f"{one.key}{value} (line {one.line})", columns)
            yield from told(one.reason, columns, _INDENT * 2)
    if taken.alike:
        names = ", ".join(dict.fromkeys(taken.alike))
        yield from told(f"Nothing is lost of {names}: so it is here, too.", columns)
