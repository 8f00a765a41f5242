"""The period that a report is about, as a person names it.

All times here are of one zone, so that to add a day is to go to the same time on the wall.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct


class CalendarPeriod(StrEnum):
    """One that the calendar has; the last of them is over."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class MeantPeriod(Struct, frozen=True):
    """From `since` to before `until`; None where the logs decide."""

    since: datetime | None
    until: datetime | None

    @property
    def before(self) -> "MeantPeriod | None":
        """Return the one before that is as long; before a calendar's month, the month before."""
        if self.since is None or self.until is None:
            return None
        if _month(self.since) == self.since and _month(self.since + timedelta(31)) == self.until:
            return MeantPeriod(_month(self.since - timedelta(days=1)), self.since)
        return MeantPeriod(self.since - (self.until - self.since), self.since)


def last_period(kind: CalendarPeriod, now: datetime) -> MeantPeriod:
    """Return the last day, week (from Monday on) or month that is over at `now`, in its zone."""
    today = _midnight(now)
    match kind:
        case CalendarPeriod.DAY:
            return MeantPeriod(today - timedelta(days=1), today)
        case CalendarPeriod.WEEK:
            monday = today - timedelta(days=today.weekday())
            return MeantPeriod(monday - timedelta(days=7), monday)
        case CalendarPeriod.MONTH:
            first = _month(today)
            return MeantPeriod(_month(first - timedelta(days=1)), first)


def _month(moment: datetime) -> datetime:
    return _midnight(moment).replace(day=1)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
