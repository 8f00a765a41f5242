"""Times, numbers and strangers' words, as the page shows them: its filters."""

from collections.abc import Sequence
from typing import NamedTuple

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.base.spans import ago, span, until
from mtasts_resolver.control.values.history import weakening_in_words

MIB = 1 << 20
LINE = 200  # characters of a stranger's line: more than each `mx` of a policy has in earnest
LINES = 60  # of a document or a difference; policies in use have a dozen
CUT = "\u2026"


def relative(timestamp: str, now: str) -> str:
    """Return how far away an RFC 3339 time is, before or after `now`."""
    return until(timestamp, now)


def lasting(since: str, now: str) -> str:
    """Return for how long something has been so."""
    return ago(since, now).removesuffix(" ago")


def absolute(timestamp: str) -> str:
    """Return an RFC 3339 time in UTC as people read it."""
    return timestamp.replace("T", " ").replace("Z", " UTC")


def grouped(value: int) -> str:
    return f"{value:,}"


def mebibytes(size: int) -> str:
    return f"{size / MIB:,.1f} MiB"


def line(text: str, most: int = LINE) -> str:
    """Return one line of a stranger's words: bounded, and without what is not to be seen.

    That goes for marks that reorder text, too, by which a line can be read as another one.
    """
    shown = escaped(text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + CUT


class Excerpt(NamedTuple):
    """The beginning of a text of many lines."""

    lines: tuple[str, ...]
    left_out: int
    """How many lines more there are."""


def excerpt(lines: Sequence[str]) -> Excerpt:
    return Excerpt(tuple(map(line, lines[:LINES])), max(0, len(lines) - LINES))


FILTERS = (absolute, excerpt, grouped, lasting, line, mebibytes, relative, span, weakening_in_words)
