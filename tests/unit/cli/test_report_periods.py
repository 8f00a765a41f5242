"""The periods of reports: the calendar's own, and the one before."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mtasts_resolver.cli.moments import parse_moment
from mtasts_resolver.cli.reporting.periods import CalendarPeriod, MeantPeriod, last_period

BERLIN = ZoneInfo("Europe/Berlin")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("kind", "now", "since", "until"),
    [
        ("day", "2026-11-26 17:00", "2026-11-25", "2026-11-26"),
        ("day", "2026-03-01 00:00", "2026-02-28", "2026-03-01"),
        ("week", "2026-11-26 17:00", "2026-11-16", "2026-11-23"),
        ("week", "2026-11-23 00:00", "2026-11-16", "2026-11-23"),
        ("month", "2026-11-26 17:00", "2026-10-01", "2026-11-01"),
        ("month", "2026-01-01 00:00", "2025-12-01", "2026-01-01"),
        ("month", "2024-03-31 12:00", "2024-02-01", "2024-03-01"),
    ],
)
def test_the_last_one_is_over(kind: str, now: str, since: str, until: str) -> None:
    period = last_period(CalendarPeriod(kind), local(now))
    assert period == MeantPeriod(local(since), local(until))


@pytest.mark.parametrize(
    ("since", "until", "before"),
    [
        ("2026-11-25", "2026-11-26", "2026-11-24"),
        ("2026-11-01", "2026-12-01", "2026-10-01"),
        ("2026-03-01", "2026-04-01", "2026-02-01"),
        ("2026-11-01", "2026-11-08", "2026-10-25"),
        ("2026-10-26", "2026-10-27", "2026-10-25"),  # a day of 25 hours is before it
        ("2026-03-30", "2026-03-31", "2026-03-29"),  # of 23
        ("2026-11-25 12:00", "2026-11-25 18:00", "2026-11-25 06:00"),
    ],
)
def test_the_one_before_is_as_long(since: str, until: str, before: str) -> None:
    period = MeantPeriod(local(since), local(until))
    assert period.before == MeantPeriod(local(before), local(since))


def test_where_the_logs_decide_there_is_none_before() -> None:
    assert MeantPeriod(None, local("2026-11-26")).before is None
    assert MeantPeriod(local("2026-11-26"), None).before is None


def test_a_time_without_a_zone_is_of_the_zone_that_is_named() -> None:
    now = datetime.fromisoformat("2026-11-26T01:30:00+00:00")
    tokyo = ZoneInfo("Asia/Tokyo")
    assert parse_moment("2026-07-01 12:00", now, BERLIN).utcoffset() == timedelta(hours=2)
    assert parse_moment("03:00", now, BERLIN) == local("2026-11-25 03:00")
    assert parse_moment("03:00", now, tokyo) == datetime(2026, 11, 26, 3, 0, tzinfo=tokyo)
    assert parse_moment("2026-07-01T12:00Z", now, tokyo).utcoffset() == timedelta(0)
