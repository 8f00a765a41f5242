"""Times as a person writes them."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mtasts_resolver.cli.moments import parse_moment, shown_locally


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("03:12", "2026-11-26 03:12"),
        ("03:12:30", "2026-11-26 03:12:30"),
        ("9:00", "2026-11-26 09:00"),
        ("21:05", "2026-11-25 21:05"),
        ("today 03:12", "2026-11-26 03:12"),
        ("yesterday 03:12", "2026-11-25 03:12"),
        ("2026-11-20", "2026-11-20 00:00"),
        ("2026-11-20 18:30", "2026-11-20 18:30"),
        ("2026-07-20 18:30", "2026-07-20 18:30"),
        ("2026-11-26T02:12:00Z", "2026-11-26 03:12"),
        ("2026-11-26T02:12:00.5+02:00", "2026-11-26 01:12:00.5"),
        ("90s ago", "2026-11-26 12:28:30"),
        ("3h ago", "2026-11-26 09:30"),
        ("5 min ago", "2026-11-26 12:25"),
        ("2d ago", "2026-11-24 12:30"),
    ],
)
def test_a_time(text: str, expected: str) -> None:
    assert parse_moment(text, local("2026-11-26 12:30")) == local(expected)


def test_a_time_of_yesterday_is_by_the_clock_on_the_wall() -> None:
    """The clocks were set back in the night between."""
    found = parse_moment("yesterday 12:00", local("2026-10-25 12:00"))
    assert found.astimezone(UTC) == datetime(2026, 10, 24, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "teatime", "25:00", "03:60", "2026-13-01", "999999d ago", "12", "yesterday", "3h"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="is no time: write 03:12"):
        parse_moment(text, local("2026-11-26 12:30"))


def test_times_are_shown_by_the_clock_on_the_wall() -> None:
    assert shown_locally("2026-11-26T02:12:05Z") == "2026-11-26 03:12:05"
    assert shown_locally("2026-07-26T02:12:05Z") == "2026-07-26 04:12:05"
