"""The stamp of a line, of any form, as seconds since 1970."""

import re

from mtasts_resolver.maillog.months import months_called
from mtasts_resolver.maillog.walltime import LocalOffset, WallClock, days_since_1970

_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})\Z")
_SYSLOG = re.compile(
    r"(?P<month>.+?) +([0-9]{1,2})(?: ([0-9]{4}))? ([0-9]{2}):([0-9]{2}):([0-9]{2})\Z"
)


class StampReader:
    """Reads the stamps of one log, in their order."""

    def __init__(self, offset: LocalOffset, newest: float) -> None:
        """Take the zone of stamps that name none, and the time that none is later than."""
        self._clock = WallClock(offset, newest)
        self._date = ""
        self._days = 0

    @property
    def turned_back(self) -> bool:
        """Tell whether stamps without a year came back to months that were over."""
        return self._clock.turned_back

    def second(self, stamp: bytes, zone: bytes | None) -> float | None:
        """Return the second that a stamp shows, None if there is no such time."""
        text = stamp.decode("utf-8", "backslashreplace")
        if (iso := _ISO.match(text)) is not None:
            year, month, day, *clock = map(int, iso.groups())
            days = days_since_1970(year, month, day)
            seconds = _seconds_in_day(*clock)
            if days is None or seconds is None:
                return None
            if zone:
                return self._clock.at_zone(days, seconds, _ahead(zone))
            return self._clock.at(days, seconds)
        if stamp.isdigit():
            return float(stamp)
        written = _SYSLOG.match(text)
        return None if written is None else self._syslog(written)

    def _syslog(self, written: re.Match[str]) -> float | None:
        seconds = _seconds_in_day(*map(int, written.group(4, 5, 6)))
        if seconds is None:
            return None
        date = written.string[: written.start(4)]
        if date != self._date:
            months, day = months_called(written["month"]), int(written[2])
            if written[3] is None:
                days = self._clock.day_of_some_year(months, day, seconds)
            else:
                days = days_since_1970(int(written[3]), months[0], day) if months else None
            if days is None:
                return None
            self._date, self._days = date, days
        return self._clock.at(self._days, seconds)


def _seconds_in_day(hour: int, minute: int, second: int) -> int | None:
    """Return the seconds since midnight, None of what no clock shows; 60 is a leap second."""
    if hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004
        return None
    return hour * 3600 + minute * 60 + second


def _ahead(zone: bytes) -> int:
    if zone == b"Z":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -seconds if zone.startswith(b"-") else seconds
