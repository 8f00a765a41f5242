# ruff: noqa: RUF001  letters of other alphabets are what some of this is about
"""When a line was written: stamps without a year, without a zone, in any language."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.evidence.inputs.zones import local_offset
from mtasts_resolver.maillog.months import months_called
from mtasts_resolver.maillog.reading import LineReader
from mtasts_resolver.maillog.walltime import days_since_1970

NOVEMBER = datetime(2026, 11, 26, 12, tzinfo=UTC)


def shown(moment: datetime) -> str:
    return moment.isoformat().removesuffix("+00:00")


def times(
    stamps: Iterable[str], newest: datetime = NOVEMBER, zone: tzinfo = UTC
) -> list[str | None]:
    """Return the times, in UTC, of a log with these stamps."""
    reader = LineReader(local_offset(zone), newest.timestamp())
    found: list[str | None] = []
    for stamp in stamps:
        line = reader.read(f"{stamp} mx postfix/master[1]: something".encode())
        assert line is not None
        found.append(None if line.time is None else shown(datetime.fromtimestamp(line.time, UTC)))
    return found


def test_a_year_is_the_latest_that_is_not_after_the_log() -> None:
    assert times(["Nov 26 11:59:59"]) == ["2026-11-26T11:59:59"]
    assert times(["Nov 28 00:00:00"]) == ["2025-11-28T00:00:00"]
    # A host's clock may be ahead by some hours, and its zone another one.
    assert times(["Nov 27 09:00:00"]) == ["2026-11-27T09:00:00"]


def test_a_year_goes_over() -> None:
    assert times(
        ["Dec 30 23:00:00", "Dec 31 23:59:59", "Jan  1 00:00:00", "Jan 10 00:00:00"],
        datetime(2026, 1, 11, tzinfo=UTC),
    ) == [
        "2025-12-30T23:00:00",
        "2025-12-31T23:59:59",
        "2026-01-01T00:00:00",
        "2026-01-10T00:00:00",
    ]


def test_lines_that_are_out_of_order_about_new_year() -> None:
    stamps = ["Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:58", "Jan  1 00:00:02"]
    assert times(stamps, datetime(2026, 1, 2, tzinfo=UTC)) == [
        "2025-12-31T23:59:59",
        "2026-01-01T00:00:01",
        "2025-12-31T23:59:58",
        "2026-01-01T00:00:02",
    ]


def test_an_older_log_behind_a_younger_one_is_not_of_the_future() -> None:
    assert times(["Nov 20 00:00:00", "Sep  1 00:00:00", "Sep  2 00:00:00"]) == [
        "2026-11-20T00:00:00",
        "2026-09-01T00:00:00",
        "2026-09-02T00:00:00",
    ]


def test_a_log_of_more_than_a_year_says_so() -> None:
    reader = LineReader(local_offset(UTC), NOVEMBER.timestamp())
    for month in ("Jun", "Sep", "Nov", "Feb", "May"):
        reader.read(f"{month} 20 10:00:00 mx postfix/master[1]: something".encode())
        assert reader.turned_back is (month in {"Feb", "May"})


def test_a_leap_day_is_of_a_leap_year() -> None:
    assert times(["Feb 29 10:00:00", "Mar  1 10:00:00"]) == [
        "2024-02-29T10:00:00",
        "2024-03-01T10:00:00",
    ]
    assert times(["Feb 29 10:00:00"], datetime(1903, 6, 1, tzinfo=UTC)) == ["1896-02-29T10:00:00"]


@pytest.mark.parametrize(
    "stamp",
    ["Feb 30 10:00:00", "2026-02-29 10:00:00", "2026-13-01T10:00:00Z", "Nov 01 24:00:00",
     "Nov 01 10:60:00", "Nob 01 10:00:00", "Nov 00 10:00:00"],
)  # fmt: skip
def test_what_is_no_time_is_none(stamp: str) -> None:
    assert times([stamp, "Nov 25 10:00:00"]) == [None, "2026-11-25T10:00:00"]


def test_the_hour_that_comes_twice_goes_on() -> None:
    stamps = [f"Oct 25 {clock}" for clock in ("01:59:59", "02:30:00", "02:59:59", "02:00:01")]
    stamps += ["Oct 25 02:59:59", "Oct 25 03:00:00"]
    assert times(stamps, zone=ZoneInfo("Europe/Berlin")) == [
        "2026-10-24T23:59:59",
        "2026-10-25T00:30:00",
        "2026-10-25T00:59:59",
        "2026-10-25T01:00:01",
        "2026-10-25T01:59:59",
        "2026-10-25T02:00:00",
    ]


def test_summer_and_winter() -> None:
    stamps = ["2026-03-29 01:59:59 ", "2026-03-29 03:00:00 ", "2026-10-26 03:00:00 "]
    assert times(stamps, zone=ZoneInfo("Europe/Berlin")) == [
        "2026-03-29T00:59:59",
        "2026-03-29T01:00:00",
        "2026-10-26T02:00:00",
    ]
    # Lord Howe puts its clocks back by half an hour, at 02:00.
    stamps = ["Apr  5 01:29:59", "Apr  5 01:59:59", "Apr  5 01:30:00", "Apr  5 02:00:00"]
    assert times(stamps, zone=ZoneInfo("Australia/Lord_Howe")) == [
        "2026-04-04T14:29:59",
        "2026-04-04T14:59:59",
        "2026-04-04T15:00:00",
        "2026-04-04T15:30:00",
    ]


def test_a_zone_in_the_stamp_is_believed() -> None:
    stamps = ["2026-11-25T10:00:00.5+05:45", "2026-11-25T10:00:00,25-0930", "2026-11-25T10:00:00Z"]
    assert times(stamps, zone=ZoneInfo("Asia/Tokyo")) == [
        "2026-11-25T04:15:00.500000",
        "2026-11-25T19:30:00.250000",
        "2026-11-25T10:00:00",
    ]


def test_fractions_of_one_second_are_told_apart() -> None:
    stamps = [f"2026-11-25T10:00:00.{part}+00:00" for part in ("000001", "250000", "999999")]
    assert times(stamps) == [
        "2026-11-25T10:00:00.000001",
        "2026-11-25T10:00:00.250000",
        "2026-11-25T10:00:00.999999",
    ]


def test_forms_may_change_within_a_log() -> None:
    stamps = ["Nov 25 10:00:00", "2026-11-25T10:00:01.5Z", "Nov 25 10:00:00", "Nov 25 10:00:02.5"]
    stamps += ["2026-11-25T10:00:01.5Z", "2026-11-25T10:00:01.5+01:00"]
    assert times(stamps) == [
        "2026-11-25T10:00:00",
        "2026-11-25T10:00:01.500000",
        "2026-11-25T10:00:00",
        "2026-11-25T10:00:02.500000",
        "2026-11-25T10:00:01.500000",
        "2026-11-25T09:00:01.500000",
    ]


@pytest.mark.parametrize(
    ("month", "number"),
    [
        ("Jan", 1), ("Mär", 3), ("Mai", 5), ("Dez", 12),  # German
        ("janv.", 1), ("févr.", 2), ("août", 8), ("déc.", 12),  # French
        ("ene", 1), ("abr", 4), ("ago", 8), ("dic", 12),  # Spanish
        ("gen", 1), ("mag", 5), ("giu", 6), ("set", 9), ("ott", 10),  # Italian
        ("fev", 2), ("out", 10), ("dez", 12), ("mrt", 3), ("mei", 5),  # Portuguese, Dutch
        ("янв", 1), ("мая", 5), ("сент.", 9), ("ноября", 11), ("січ", 1), ("жов", 10),
        ("Ιαν", 1), ("Απρ", 4), ("Σεπ", 9), ("ιουνίου", 6),  # Greek
        ("sty", 1), ("kwi", 4), ("paź", 10), ("grudnia", 12), ("led", 1), ("kvě", 5),
        ("oca", 1), ("Şub", 2), ("ara", 12), ("tammi", 1), ("joulu", 12), ("szept.", 9),
        ("11月", 11), ("3월", 3), ("Thg 11", 11), ("de gen.", 1), ("d’abr.", 4),
        ("ינו", 1), ("ديسمبر", 12), ("ม.ค.", 1), ("जन॰", 1), ("დეკ", 12),
    ],
)  # fmt: skip
def test_months_of_other_languages(month: str, number: int) -> None:
    assert months_called(month) == (number,)
    assert times([f"{month} 15 10:00:00"], datetime(2026, 12, 31, tzinfo=UTC)) == [
        f"2026-{number:02}-15T10:00:00"
    ]


@pytest.mark.parametrize(
    ("month", "written", "number"),
    [("lis", 11, 11), ("lis", 10, 10), ("lip", 7, 7), ("lip", 6, 6), ("srp", 8, 8), ("srp", 7, 7)],
)
def test_a_name_that_two_languages_have_is_of_the_month_before_the_log_was_written(
    month: str, written: int, number: int
) -> None:
    newest = datetime(2026, written, 20, tzinfo=UTC)
    assert times([f"{month} 14 10:00:00", f"{month} 15 10:00:00"], newest) == [
        f"2026-{number:02}-14T10:00:00",
        f"2026-{number:02}-15T10:00:00",
    ]


@pytest.mark.parametrize("name", ["", ".", "nob", "13月", "0월", "月", "12", "Nov 11"])
def test_what_is_no_month(name: str) -> None:
    assert months_called(name) == ()


@given(st.dates())
def test_days_are_counted_as_the_library_does(day: date) -> None:
    expected = day.toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()
    assert days_since_1970(day.year, day.month, day.day) == expected


@given(
    # Before clocks are put back: of a line alone nobody knows which time round it is.
    st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 10, 20)), min_size=1, max_size=9),  # noqa: DTZ001
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]),
)
def test_a_log_in_order_stays_in_order(moments: list[datetime], name: str) -> None:
    zone = ZoneInfo(name)
    moments = sorted(moment.replace(microsecond=0, tzinfo=UTC) for moment in moments)
    stamps = [moment.astimezone(zone).strftime("%b %d %H:%M:%S") for moment in moments]
    found = times(stamps, moments[-1], zone)
    assert found == sorted(found, key=str)
    assert found[-1] == shown(moments[-1])
