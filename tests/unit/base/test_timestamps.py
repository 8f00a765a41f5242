"""Times as people write them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.base.timestamps import parse_timestamp, timestamp


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01", 0),
        ("2026-11-26T07:04:56Z", 1_795_676_696),
        ("2026-11-26 08:04:56+01:00", 1_795_676_696),
        ("2026-11-26t07:04z", 1_795_676_640),
    ],
)
def test_a_time_is_read(text: str, seconds: float) -> None:
    assert parse_timestamp(text) == seconds


def test_a_date_alone_is_the_time_of_day_that_is_asked_for() -> None:
    assert timestamp(parse_timestamp("2026-12-31")) == "2026-12-31T00:00:00Z"
    assert timestamp(parse_timestamp("2026-12-31", time="23:59:59")) == "2026-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tomorrow", "it is not a date"),
        ("20261231", "it is not a date"),
        ("2026-W53-1", "it is not a date"),
        ("2026-12-31T18", "it is not a date"),
        ("2026-12-31T18:00", "its time zone is missing"),
        ("2026-13-01", "month must be in 1..12"),
        ("2026-12-31\n", "it is not a date"),
        ("0001-01-01", "the year is not between 1970 and 2999"),
        ("9999-12-31", "the year is not between 1970 and 2999"),
        ("\u0662026-12-31", "it is not a date"),
    ],
)
def test_what_could_mean_something_else_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_timestamp(text)


@given(st.integers(0, 32_503_679_999))
def test_what_is_written_is_read_again(seconds: int) -> None:
    assert parse_timestamp(timestamp(seconds)) == seconds


@given(st.text())
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_timestamp(timestamp(parse_timestamp(text))) == parse_timestamp(text)
