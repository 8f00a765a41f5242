"""The period that a report is about, as a person names it."""

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
        if _is_month(self.since, self.until):
            return MeantPeriod(_month(self.since - timedelta(days=1)), self.since)
        # By the clock on the wall: a day has 23 or 25 hours twice a year.
        since, until = self.since.replace(tzinfo=None), self.until.replace(tzinfo=None)
        return MeantPeriod(_local(since - (until - since)), self.since)


def last_period(kind: CalendarPeriod, now: datetime) -> MeantPeriod:
    """Return the last day, week (from Monday on) or month that is over at `now`."""
    today = _midnight(now)
    match kind:
        case CalendarPeriod.DAY:
            until, since = today, today - timedelta(days=1)
        case CalendarPeriod.WEEK:
            until = today - timedelta(days=today.weekday())
            since = until - timedelta(days=7)
        case CalendarPeriod.MONTH:
            until = today.replace(day=1)
            since = (until - timedelta(days=1)).replace(day=1)
    return MeantPeriod(_local(since), _local(until))


def _is_month(since: datetime, until: datetime) -> bool:
    return _month(since) == since and _month(_local(since + timedelta(days=31))) == until


def _month(moment: datetime) -> datetime:
    return _local(_midnight(moment).replace(day=1))


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)


def _local(moment: datetime) -> datetime:
    """Return the same time on the wall with the offset that the zone had then."""
    return moment.replace(tzinfo=None).astimezone()
