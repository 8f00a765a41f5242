"""Holes in logs: where nothing was logged though something should have been.

No log says that lines of it are missing. What tells is its own rhythm: a server that logs every
minute, and then nothing for an hour, has a hole; another that gets ten mails a day is silent all
night, and over the weekend. So a silence is compared with the same hours of other days:

    It is a hole if it is longer than half an hour, and in these hours of all other days (but one,
    or one in ten) something was logged in at least twelve different minutes.

Were mails independent of each other, none would come where twelve are expected once in 160,000
times, and nine years have as many half hours. What was silent on more than one day in ten is by
habit. Of what is longer than a day only the same days of other weeks are like it: a weekend is not
like a Tuesday.

Where a log has no such day to compare with, a silence is a hole if it is longer than an hour, and
five times as long as what is usual, which is what the log has at least three times: no night is
five times as long as another, and hardly a weekend five times as long as a night.

A log that begins later than what is asked for, or ends earlier, is silent at its edges, which is
judged in the same way.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo

from msgspec import Struct

from mtasts_resolver.evidence.report import LogGap
from mtasts_resolver.maillog.events import LinesLost, LogLine

# Minutes; a host may restart, or be mended, without anybody calling that a hole.
SHORTEST = 30
SHORTEST_ALONE = 60
ACTIVE = 12
TIMES_THE_USUAL = 5
USUAL = 3
QUIET_DAYS = 0.1  # of those compared with, or one of three
# Days before and behind that are compared with: more say no more.
COMPARED = 35
# Hosts whose rhythm is known: containers that get a name at each start may be many.
MAX_HOSTS = 1_000
# Days of a host that are remembered, some 200 bytes each: three years.
MAX_DAYS = 1_100
# Losses that are told one by one; what is more is added to the last of its host.
MAX_LOSSES = 1_000
# Seconds within which lines that were lost are one loss.
ONE_LOSS = 3_600.0
# Minutes between the end of a container and the beginning of that which takes its place.
SUCCESSION = 60
_DAY = 1_440
_WEEK = 7


class _Loss(Struct):
    host: str
    since: float
    until: float
    lines: int | None


class LogRhythm:
    """When each host has logged something, to the minute."""

    def __init__(self) -> None:
        self._hosts: dict[str, dict[int, int]] = {}
        """By host and day, a bit for each minute."""
        self._losses: list[_Loss] = []
        self._last: dict[str, float] = {}
        """By host, the minute of its last line."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Those that have logged."""
        return tuple(sorted(self._hosts))

    def note(self, line: LogLine) -> None:
        """Hear of a line."""
        now = -1.0 if line.time is None else line.time // 60
        if self._last.get(line.host) == now:
            return
        days = self._hosts.get(line.host)
        if days is None:
            if len(self._hosts) >= MAX_HOSTS:
                return
            days = self._hosts[line.host] = {}
        self._last[line.host] = now
        if line.time is None:
            return
        day, minute = divmod(int(now), _DAY)
        if day in days or len(days) < MAX_DAYS:
            days[day] = days.get(day, 0) | 1 << minute

    def note_loss(self, line: LogLine, lost: LinesLost) -> None:
        """Hear of a line that says that others were dropped."""
        if line.time is None:
            return
        for loss in reversed(self._losses):
            if loss.host == line.host:
                near = abs(line.time - loss.until) <= ONE_LOSS
                if near or len(self._losses) >= MAX_LOSSES:
                    loss.until = max(loss.until, line.time)
                    loss.lines = _added(loss.lines, lost.count)
                    return
                break
        if len(self._losses) < MAX_LOSSES:
            self._losses.append(_Loss(line.host, line.time, line.time, lost.count))

    def gaps(self, since: float, until: float, zone: tzinfo) -> tuple[LogGap, ...]:
        """Return the holes between two times, by their beginning."""
        found = [
            _gap(loss.host, (loss.since, loss.until), loss.lines, "dropped", zone)
            for loss in self._losses
            if loss.until >= since and loss.since < until
        ]
        # A clock that was wrong may have logged in any year.
        early, late = since / 86_400 - COMPARED, until / 86_400 + COMPARED
        rhythms: dict[str, _Rhythm] = {}
        for host, minutes in self._one_name_each().items():
            near = {day: bits for day, bits in minutes.items() if early <= day <= late}
            if near:
                rhythms[host] = _Rhythm(near)
        for host, rhythm in rhythms.items():
            others = [other for name, other in rhythms.items() if name != host]
            for begin, end in rhythm.holes(since / 60, until / 60, others):
                if end * 60 > since and begin * 60 < until:
                    found.append(_gap(host, (begin * 60, end * 60), None, "silence", zone))
        return tuple(sorted(found, key=lambda gap: (gap.since, gap.host)))

    def _one_name_each(self) -> Mapping[str, Mapping[int, int]]:
        """Return them with one name for a host that is `mx` here, and `mx.example` there."""
        full: dict[str, list[str]] = {}
        for host in self._hosts:
            label, dot, _ = host.partition(".")
            if dot:
                full.setdefault(label, []).append(host)
        merged = dict(self._hosts)
        for label, names in full.items():
            if label in merged and len(names) == 1:
                days = dict(merged.pop(label))
                for day, minutes in merged[names[0]].items():
                    days[day] = days.get(day, 0) | minutes
                merged[names[0]] = days
        return merged


class _Rhythm:
    """The minutes of one host, as a text of 0 and 1."""

    def __init__(self, days: Mapping[int, int]) -> None:
        last_day = max(days)
        first_day = max(min(days), last_day - 3 * MAX_DAYS)
        text = "".join(
            format(days.get(day, 0), f"0{_DAY}b")[::-1] for day in range(first_day, last_day + 1)
        )
        self._begin = first_day * _DAY
        self._text = text
        self._first, self._last = text.index("1"), text.rindex("1")

    @property
    def first(self) -> int:
        """The first minute, since 1970."""
        return self._begin + self._first

    @property
    def last(self) -> int:
        """The last minute, since 1970."""
        return self._begin + self._last

    def holes(
        self, since: float, until: float, others: "list[_Rhythm]"
    ) -> Iterator[tuple[int, int]]:
        """Yield from which minute to which one there is a hole, the edges among them."""
        silences = [
            match.span()
            for match in re.finditer("0+", self._text[: self._last])
            if match.start() > self._first
        ]
        for begin, end in silences:
            if self._is_hole(begin, end, silences):
                yield self._begin + begin, self._begin + end
        edges: list[tuple[int, int]] = []
        if since > -math.inf and not any(other.ends_at(self.first, until) for other in others):
            edges.append((int(since) - self._begin, self._first))
        if until < math.inf and not any(other.begins_at(self.last, since) for other in others):
            edges.append((self._last + 1, math.ceil(until) - self._begin))
        for begin, end in edges:
            if self._is_hole(begin, end, silences):
                yield self._begin + begin, self._begin + end

    def ends_at(self, minute: int, until: float) -> bool:
        """Tell whether it ends, before its time, where another one begins."""
        return abs(self.last - minute) <= SUCCESSION and self.last < until - SHORTEST

    def begins_at(self, minute: int, since: float) -> bool:
        """Tell whether it begins, after its time, where another one ends."""
        return abs(self.first - minute) <= SUCCESSION and self.first > since + SHORTEST

    def _is_hole(self, begin: int, end: int, silences: list[tuple[int, int]]) -> bool:
        if end - begin < SHORTEST:
            return False
        compared = quiet = quiet_weeks = 0
        for days in self._other_days(begin, end):
            compared += 1
            moved = days * _DAY
            if self._text.count("1", begin + moved, end + moved) < ACTIVE:
                quiet += 1
                quiet_weeks += days % _WEEK == 0
        if compared:
            allowed = max(1, QUIET_DAYS * compared) if compared >= USUAL else 0
            return not quiet_weeks and quiet <= allowed
        others = sorted((b - a for a, b in silences if (a, b) != (begin, end)), reverse=True)
        usual = others[USUAL - 1] if len(others) >= USUAL else 0
        return end - begin >= max(SHORTEST_ALONE, TIMES_THE_USUAL * usual)

    def _other_days(self, begin: int, end: int) -> Iterator[int]:
        """Yield by how many days that time can be moved, and still be within the log."""
        least = -(-(end - begin) // _DAY)
        for days in range(least, COMPARED + 1):
            if least > 1 and days % _WEEK:
                continue
            if begin - days * _DAY >= self._first:
                yield -days
            if begin + days * _DAY >= self._first and end + days * _DAY <= self._last + 1:
                yield days


def _added(count: int | None, more: int | None) -> int | None:
    return None if count is None or more is None else count + more


def _gap(
    host: str, times: tuple[float, float], lines: int | None, why: str, zone: tzinfo
) -> LogGap:
    since, until = times
    return LogGap(
        host=host,
        since=_shown(since, zone),
        until=_shown(until, zone),
        seconds=until - since,
        lines=lines,
        why=why,
    )


def _shown(moment: float, zone: tzinfo) -> str:
    return datetime.fromtimestamp(moment, zone).isoformat(timespec="seconds")
