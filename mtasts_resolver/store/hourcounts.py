"""How often things happened, by the hour: a table in the history's file.

By the hour, and not by the day: whoever reads it later counts days from another midnight than that
of UTC. A row a kind and hour; the kinds are few (see control/lastingcounts.py), and a year of an
ordinary daemon takes a few megabytes.
"""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from mtasts_resolver.store.table import LoneConnection

TABLE = "counts"
HOUR = 3_600
_HOURS_A_DAY = 24
# Rows that go at once, and that there may be: 40 kinds an hour are so many in a year. The file
# takes 30 MB then.
DROPPED_AT_ONCE = 5_000
MAX_ROWS = 400_000
# Rows of an answer: a year by days, of 40 kinds, and some more; a damaged file may have any number.
MAX_READ = 50_000
_MAX_WORD = 64  # characters of a name, of which a damaged file may hold any number
_MAX_COUNT = 2**53  # what JSON's readers know exactly


class HourCount(NamedTuple):
    """How often something happened in an hour."""

    hour: int
    """Hours since 1970-01-01 UTC."""
    subject: str
    name: str
    outcome: str
    number: int
    first: float
    """Seconds since 1970: it was counted from then on, to `last`."""
    last: float


class DaySum(NamedTuple):
    """How often something happened in a day, or in what was asked of it."""

    day: int
    """Days since 1970-01-01 UTC."""
    subject: str
    name: str
    outcome: str
    number: int
    first: float
    last: float


_ADD = (
    f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants only
    " ON CONFLICT (hour, subject, name, outcome) DO UPDATE SET"
    " count = count + excluded.count, first = min(first, excluded.first),"
    " last = max(last, excluded.last)"
)
_WORDS = ", ".join(
    f"substr(CAST({column} AS BLOB), 1, {_MAX_WORD})" for column in ("subject", "name", "outcome")
)
_READ = (
    f"SELECT CAST(hour AS INTEGER) / {_HOURS_A_DAY}, {_WORDS},"  # noqa: S608 - constants only
    " total(count), min(CAST(first AS REAL)), max(CAST(last AS REAL))"
    f" FROM {TABLE} WHERE hour >= ? AND hour < ? GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    f" LIMIT {MAX_READ}"
)
_DROP = (
    f"DELETE FROM {TABLE} WHERE (hour, subject, name, outcome) IN"  # noqa: S608 - constants only
    f" (SELECT hour, subject, name, outcome FROM {TABLE} WHERE hour < ? ORDER BY hour"
    f" LIMIT {DROPPED_AT_ONCE})"
)
_BOUND = f"SELECT hour FROM {TABLE} ORDER BY hour DESC LIMIT 1 OFFSET {MAX_ROWS}"  # noqa: S608


def create(connection: sqlite3.Connection) -> None:
    """Make the table."""
    connection.execute(
        f"CREATE TABLE {TABLE} (hour INTEGER, subject TEXT, name TEXT, outcome TEXT,"
        " count INTEGER, first REAL, last REAL,"
        " PRIMARY KEY (hour, subject, name, outcome)) WITHOUT ROWID"
    )


def add(connection: LoneConnection, counted: Iterable[HourCount]) -> None:
    """Add to what has been counted."""
    connection.executemany(_ADD, counted)


def sum_days(
    connection: LoneConnection | sqlite3.Connection, since: float, until: float
) -> list[DaySum]:
    """Return what was counted in the hours that began at `since` or later, and before `until`.

    So of two periods that meet, each hour is in one, whatever their time zone.
    """
    rows = connection.execute(_READ, (_first_hour(since), _first_hour(until)))
    return [
        DaySum(
            day,
            _word(subject),
            _word(name),
            _word(outcome),
            _count(total),
            first or 0.0,
            last or 0.0,
        )
        for day, subject, name, outcome, total, first, last in rows
        if day is not None
    ]


def drop_older(connection: LoneConnection, time: float) -> int:
    """Drop some of what is older than `time`, or too much; return how many rows that were."""
    oldest = _first_hour(time)
    beyond = connection.select_one(_BOUND)
    if beyond is not None:
        oldest = max(oldest, int(beyond[0]) + 1)
    dropped: int = connection.execute(_DROP, (oldest,)).rowcount
    return dropped


def _first_hour(time: float) -> int:
    return int(-(-time // HOUR))


def _word(text: bytes | None) -> str:
    return (text or b"").decode(errors="replace")


def _count(total: float) -> int:
    return int(min(max(total, 0), _MAX_COUNT))
