"""Times as reports have them: RFC 3339, and what else comes in their place."""

import calendar
import re
from typing import NamedTuple

# RFC 8460 §4.4 has the date-time of RFC 3339 §5.6. Also read are a blank or nothing between date
# and time, a zone that is missing or without a colon, and a date alone.
_MOMENT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[Tt_ ]?(\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,12})?)?)?"
    r" ?(?:(Z|UTC|GMT)|([+-])(\d{2}):?(\d{2}))?\Z",
    re.ASCII | re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{9,13}(?:\.\d{1,9})?\Z", re.ASCII)
_STRICT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)\Z", re.ASCII
)
# Milliseconds of 1973 and later; as seconds, a year beyond 5138.
_MILLISECONDS = 100_000_000_000
# No report is older than the first drafts of 2015 by much, and none is of a time to come.
_YEARS = range(2000, 2200)
_EARLIEST = calendar.timegm((_YEARS.start, 1, 1, 0, 0, 0))
_LATEST = calendar.timegm((_YEARS.stop, 1, 1, 0, 0, 0))
_MONTHS, _MINUTES = range(1, 13), range(60)
_HOURS, _SECONDS = range(25), range(61)  # 24:00 and leap seconds: the first of what comes next
_DAY = 86_400


class ReportedMoment(NamedTuple):
    """A time that was read."""

    seconds: float
    """Since 1970."""
    oddity: str
    """How it breaks RFC 3339; empty if it does not."""
    whole_day: bool = False
    """There is no time of day."""


def read_moment(value: object) -> ReportedMoment | None:
    """Return the time that `value` means; None if it means none that could be a report's."""
    moment = None
    if isinstance(value, str):
        text = value.strip()[:40]
        moment = _of_number(float(text)) if _NUMBER.match(text) else _of_text(text)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        moment = _of_number(value)
    return moment if moment is not None and _EARLIEST <= moment.seconds < _LATEST else None


def last_of(moment: ReportedMoment) -> float:
    """Return the end of what began so: of a date without a time, its last second."""
    return moment.seconds + _DAY - 1 if moment.whole_day else moment.seconds


def _of_number(number: float) -> ReportedMoment | None:
    if not 0 <= number < _MILLISECONDS * _DAY:  # nor is NaN
        return None
    seconds = number / 1000 if number >= _MILLISECONDS else number
    return ReportedMoment(float(seconds), "is a number, not a time")


def _of_text(text: str) -> ReportedMoment | None:
    found = _MOMENT.match(text)
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups()[:3])
    hour, minute, second = (int(part or 0) for part in found.groups()[3:6])
    if year not in _YEARS or month not in _MONTHS or day > calendar.monthrange(year, month)[1]:
        return None
    if hour not in _HOURS or minute not in _MINUTES or second not in _SECONDS:
        return None
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    utc, sign, hours, minutes = found.groups()[6:10]
    if sign:
        seconds -= (int(hours) * 60 + int(minutes)) * (60 if sign == "+" else -60)
    whole_day = found[4] is None
    if _STRICT.match(text):
        oddity = ""
    elif whole_day:
        oddity = "is a date without a time"
    elif not utc and not sign:
        oddity = "has no zone, and is taken for UTC"
    else:
        oddity = "is not written as in RFC 3339"
    return ReportedMoment(float(seconds), oddity, whole_day)
