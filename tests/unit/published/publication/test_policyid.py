"""Ids are times, and each is later than all that were used."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy import is_policy_id
from mtasts_resolver.published.publication.policyid import fresh_id, is_later
from tests.unit.published.publication.seen import FRESH, NOW

IDS = st.from_regex(re.compile(r"[A-Za-z0-9]{1,32}\Z"), fullmatch=True) | st.from_regex(
    re.compile(r"20[0-9]{6}T?[0-9]{6}Z?\Z"), fullmatch=True
)


@given(
    now=st.datetimes(datetime(2000, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    used=st.lists(IDS, max_size=4),
)
def test_an_id_is_valid_and_no_other_is_like_it(now: datetime, used: list[str]) -> None:
    fresh = fresh_id(now, used)
    assert is_policy_id(fresh)
    assert fresh not in used
    assert all(is_later(fresh, other) for other in used)


def test_it_is_the_time_in_utc() -> None:
    assert fresh_id(NOW, []) == FRESH
    assert fresh_id(NOW.astimezone(timezone(timedelta(hours=9))), ["", "1", "abc"]) == FRESH


@pytest.mark.parametrize(
    ("used", "fresh"),
    [
        ("20251126140000Z", FRESH),
        (FRESH, "20261126140001Z"),
        ("20261126T140000", "20261126140001Z"),
        ("20271231235959", "20280101000000Z"),
        ("99999999999999", FRESH),  # no time
        ("99991231235959Z", FRESH),  # no time is later
    ],
)
def test_it_is_later_than_one_that_was_written_by_a_fast_clock(used: str, fresh: str) -> None:
    assert fresh_id(NOW, [used]) == fresh


def test_which_of_two_came_later() -> None:
    assert is_later("20261126140001Z", FRESH)
    assert not is_later(FRESH, FRESH)
    assert not is_later(FRESH, "20261126T140001")
    assert is_later("any", "other")
    assert not is_later("any", "any")
