"""From what a clock on a wall shows to seconds since 1970: zones, and years that nobody wrote.

Syslog's old stamp (RFC 3164 §4.1.2) has no year and no zone. The year is the latest that keeps a
log's first line from being younger than the log; the lines go on from there, over New Year too.
"""

from collections.abc import Callable, Sequence

LocalOffset = Callable[[int, bool], int]
"""How many seconds a local clock is ahead of UTC while it shows a time: the seconds that would have
passed since 1970 if it showed UTC. Where it shows that time twice, for it is put back, the second
argument says that the later one is meant."""

DAY = 86_400
# A log may be younger than its file by that: clocks of other hosts are ahead, or zones differ.
AHEAD = DAY
# Lines of several hosts are not in order, and some host's clock is wrong. What is earlier than the
# line before by more than that is of the next year; and of another month, if its name leaves that
# open.
DISORDER = 31 * DAY
DISORDER_OF_MONTHS = DAY
# Where a clock is put back, a line that is this much earlier is of the second time round, and so
# are all behind it, until the clock shows what it shows but once.
PUT_BACK = 600
# Zones change their offset at full quarters of an hour.
_QUARTER = 900
# Leap years are at most eight years apart: 1896, 1904.
_YEARS_TRIED = 9

_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def days_since_1970(year: int, month: int, day: int) -> int | None:
    """Return the days from 1970-01-01 on (Gregorian calendar), None if there is no such date."""
    if not (1 <= month <= len(_LENGTHS) and 1 <= day <= _LENGTHS[month - 1]):
        return None
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if month == 2 and day > 28 + leap:  # noqa: PLR2004
        return None
    past = year - (month <= 2)  # noqa: PLR2004  the year begins in March, so that it ends with a leap day
    return (
        365 * past
        + past // 4
        - past // 100
        + past // 400
        + (153 * ((month + 9) % 12) + 2) // 5
        + day
        - 719_469
    )


class WallClock:
    """The clock of one log. It remembers what it showed last."""

    def __init__(self, offset: LocalOffset, newest: float) -> None:
        """Take the local zone, and the time that no line is later than."""
        self._offset = offset
        self._newest = newest
        self._last: float | None = None
        self._quarter: tuple[int, int, int] | None = None
        self._put_back = False
        self.turned_back = False
        """Whether times without a year came back to months that were over."""

    def at(self, days: int, seconds: int) -> float:
        """Return what a local time is, of a day (since 1970) and a second in it."""
        self._last = self._utc(days * DAY + seconds)
        return self._last

    def at_zone(self, days: int, seconds: int, ahead: int) -> float:
        """Return what a time is in a zone that is `ahead` of UTC by so many seconds."""
        self._last = float(days * DAY + seconds - ahead)
        return self._last

    def day_of_some_year(self, months: Sequence[int], day: int, seconds: int) -> int | None:
        """Return the day (since 1970) of a local time without a year, None if there is none."""
        days = sorted(days for month in months for days in self._in_years(month, day))
        if not days:
            return None
        walls = [each * DAY + seconds for each in days]
        times = [float(wall - self._offset(wall, False)) for wall in walls]
        # There is one: the years reach further back than leap days are apart.
        latest = max(time for time in times if time <= self._newest + AHEAD)
        chosen = latest
        if self._last is not None:
            floor = self._last - (DISORDER if len(months) == 1 else DISORDER_OF_MONTHS)
            chosen = min(latest, min((time for time in times if time >= floor), default=latest))
            self.turned_back = self.turned_back or chosen < self._last - DISORDER
        return days[times.index(chosen)]

    def _in_years(self, month: int, day: int) -> list[int]:
        """Return the days that it may be, in the years up to the newest line, and one more."""
        year = 1970 + int(self._newest // (365.2425 * DAY))
        found = (days_since_1970(year + step, month, day) for step in range(-_YEARS_TRIED, 2))
        return [days for days in found if days is not None]

    def _utc(self, wall: int) -> float:
        quarter = wall // _QUARTER
        if self._quarter is None or self._quarter[0] != quarter:
            self._quarter = (quarter, self._offset(wall, False), self._offset(wall, True))
        _, first, second = self._quarter
        time = float(wall - first)
        if first == second:
            self._put_back = False
        elif self._put_back or (self._last is not None and time < self._last - PUT_BACK):
            self._put_back = True
            time = float(wall - second)
        return time
