"""What a report that is kept is called: by its period, so that there is one of each."""

from datetime import datetime, timedelta

SHORT = timedelta(hours=36)
"""A report of no more than this is a short one: a day has 25 hours at most."""
_WEEK = timedelta(days=7)


def report_name(since: str, until: str) -> str:
    """Return `2026-10` of a month, `2026-W44` of a week, `2026-10-31` of a day; else both ends."""
    first, end = _wall(since), _wall(until)
    whole = first.time() == end.time() == first.min.time()
    if whole and first.day == 1 and end == (first + timedelta(days=31)).replace(day=1):
        return f"{first:%Y-%m}"
    if whole and end - first == _WEEK and first.weekday() == 0:
        return f"{first:%G-W%V}"
    if whole and end - first == timedelta(days=1):
        return f"{first:%Y-%m-%d}"
    form = "%Y-%m-%d" if whole else "%Y-%m-%dT%H%M%S"
    return f"{first:{form}}_{end:{form}}"


def is_short(since: str, until: str) -> bool:
    """Tell whether a report is of a day, and has no page for a board."""
    return _moment(until) - _moment(since) <= SHORT


def _moment(time: str) -> datetime:
    return datetime.fromisoformat(time)


def _wall(time: str) -> datetime:
    """Return what the clock on the wall showed."""
    return _moment(time).replace(tzinfo=None)
