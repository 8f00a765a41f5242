"""Logs and a daemon's history, moved to when things shall have happened.

The lab does in a minute what takes a site two months. What belongs together stays as it was, and is
moved as a whole; only the delays are changed of mail that has waited from one such time to another.
"""

import re
import sqlite3
from bisect import bisect_right
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from mtasts_resolver.control.lastingcounts import RUNNING
from mtasts_resolver.store import changetable, hourcounts
from mtasts_resolver.store.changes import Change

STAMP = "%b %d %H:%M:%S"
STAMPED = re.compile(r"(?P<stamp>[A-Z][a-z]{2} [0-9 ][0-9] [0-9:]{8}) (?P<rest>.*)")
QUEUED = re.compile(r"\S+ \S+: (?P<id>[0-9A-F]{6,}): (?P<said>.*)")
DELAYS = re.compile(r"delay=(?P<all>[0-9.]+), delays=(?P<before>[0-9.]+)/")
LONG = 100
"""From so many seconds on Postfix writes whole ones."""


class Anchor(NamedTuple):
    """A place in the log, and when it shall have been."""

    line: int
    time: float
    moved: float


class MovedTimes:
    """Where times are moved to; anchors come in their order."""

    def __init__(self) -> None:
        self._anchors: list[Anchor] = []

    def anchor(self, line: int, time: float, moved: datetime) -> None:
        """Have what comes from now on be moved to begin at `moved`."""
        self._anchors.append(Anchor(line, time, moved.timestamp()))

    def time(self, time: float) -> float:
        """Return when a time shall have been."""
        place = bisect_right(self._anchors, time, key=lambda anchor: anchor.time) - 1
        anchor = self._anchors[max(place, 0)]
        return anchor.moved + max(time - anchor.time, 0.0)

    def lines(self, lines: list[str]) -> list[str]:
        """Return the lines that have a time, moved."""
        year = datetime.now(UTC).year
        begun: dict[str, tuple[float, float]] = {}
        moved = []
        for number, line in enumerate(lines):
            found = STAMPED.match(line)
            if found is None:
                continue
            stamp = datetime.strptime(f"{year} {found['stamp']}", f"%Y {STAMP}").astimezone()
            was = stamp.timestamp()
            place = bisect_right(self._anchors, number, key=lambda anchor: anchor.line) - 1
            anchor = self._anchors[max(place, 0)]
            now = anchor.moved + max(was - int(anchor.time), 0.0)
            rest = _waited(found["rest"], was, now, begun)
            moved.append(f"{datetime.fromtimestamp(now, UTC):{STAMP}} {rest}")
        return moved

    def history(self, file: Path, until_half: Path, half: datetime) -> None:
        """Move a history's file. What was counted before `half` is in the file `until_half`."""
        with closing(sqlite3.connect(until_half)) as earlier:
            counted = {row[:3]: row[3] for row in earlier.execute(_COUNTED)}
        first, last = self._anchors[0].moved, self._anchors[-1].moved
        with closing(sqlite3.connect(file)) as connection:
            self._move_changes(connection)
            rows = connection.execute(_COUNTED).fetchall()
            connection.execute(f"DELETE FROM {hourcounts.TABLE}")  # noqa: S608 - a constant
            halves = ((first, half.timestamp()), (half.timestamp(), last))
            for *kind, number in rows:
                before = counted.get(tuple(kind), 0)
                for (since, until), part in zip(halves, (before, number - before), strict=True):
                    count = int(until - since) if tuple(kind) == RUNNING else part
                    if count:
                        hour = int(since + until) // 2 // hourcounts.HOUR
                        connection.execute(_COUNT, (hour, *kind, count, since, until))
            connection.commit()

    def _move_changes(self, connection: sqlite3.Connection) -> None:
        for number, time, seen, text in connection.execute(_CHANGES).fetchall():
            change = msgspec.json.decode(text, type=Change)
            moved = self.time(time)
            change = msgspec.structs.replace(change, time=moved)
            seen_then = None if seen is None else self.time(seen)
            row = (moved, seen_then, msgspec.json.encode(change), number)
            connection.execute(_CHANGE, row)


_COUNTED = (
    f"SELECT subject, name, outcome, sum(count) FROM {hourcounts.TABLE}"  # noqa: S608 - a constant
    " GROUP BY 1, 2, 3"
)
_COUNT = f"INSERT INTO {hourcounts.TABLE} VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant
_CHANGES = f"SELECT id, time, seen, change FROM {changetable.TABLE}"  # noqa: S608 - a constant
_CHANGE = f"UPDATE {changetable.TABLE} SET time = ?, seen = ?, change = ? WHERE id = ?"  # noqa: S608


def _waited(rest: str, was: float, now: float, begun: dict[str, tuple[float, float]]) -> str:
    """Return a line with the delays of a message that has waited since an earlier time."""
    queued = QUEUED.match(rest)
    if queued is None:
        return rest
    was_begun, now_begun = begun.setdefault(queued["id"], (was, now))
    if queued["said"] == "removed":
        del begun[queued["id"]]
    waited = (now - now_begun) - (was - was_begun)
    if waited < 1:
        return rest
    return DELAYS.sub(
        lambda found: (
            f"delay={_seconds(found['all'], waited)}, delays={_seconds(found['before'], waited)}/"
        ),
        rest,
    )


def _seconds(text: str, more: float) -> str:
    seconds = float(text) + more
    return f"{seconds:.0f}" if seconds >= LONG else f"{seconds:.2g}"
