"""How long each piece of knowledge lives, and when it is looked at again."""

import random

import pytest

from mtasts_resolver.knowledge.lifetimes import (
    Urgency,
    absence_lifetime,
    absence_recheck,
    id_check_delay,
    next_refresh,
    policy_lifetime,
    refresh_delay,
    refresh_urgency,
    retry_delay,
)

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
WEEK = 604_800  # a max_age
NOW = 5_000.0


class Earliest(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return a


class Latest(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return b


def next_of(rng: random.Random, *, left: float, retry_in: float | None = None) -> float:
    """Return in how long a policy of a week is refreshed, of which so much is left."""
    at = next_refresh(
        NOW,
        until=NOW + left,
        max_age=WEEK,
        retry_at=None if retry_in is None else NOW + retry_in,
        interval=DAY,
        rng=rng,
    )
    return at - NOW


@pytest.mark.parametrize(("max_age", "seconds"), [(0, 60), (59, 60), (61, 61), (WEEK, WEEK)])
def test_a_policy_applies_for_its_max_age_but_a_minute_at_least(
    max_age: int, seconds: float
) -> None:
    assert policy_lifetime(max_age) == seconds


@pytest.mark.parametrize(("ttl", "seconds"), [(0, MINUTE), (300, 300), (DAY, 3 * HOUR)])
def test_absence_is_believed_for_its_ttl_between_a_minute_and_three_hours(
    ttl: float, seconds: float
) -> None:
    assert absence_lifetime(ttl) == seconds


@pytest.mark.parametrize(("ttl", "seconds"), [(0, 5 * MINUTE), (1_800, 1_800), (DAY, HOUR)])
def test_a_record_is_looked_at_after_its_ttl_between_five_minutes_and_an_hour(
    ttl: float, seconds: float
) -> None:
    assert id_check_delay(ttl) == seconds


@pytest.mark.parametrize(
    ("failures", "remaining", "delay"),
    [
        (1, None, 5 * MINUTE),
        (2, None, 10 * MINUTE),
        (3, None, 20 * MINUTE),
        (6, None, 160 * MINUTE),
        (7, None, 4 * HOUR),
        (10_000, None, 4 * HOUR),
        (1, WEEK, 5 * MINUTE),
        (7, 2 * HOUR, HOUR),
        (7, MINUTE, 5 * MINUTE),
    ],
)
def test_a_failed_fetch_is_tried_ever_more_rarely_and_more_often_near_the_end(
    failures: int, remaining: float | None, delay: float
) -> None:
    assert retry_delay(failures, remaining, Earliest()) == delay
    assert retry_delay(failures, remaining, Latest()) == delay * 1.25


@pytest.mark.parametrize(
    ("max_age", "earliest", "latest"),
    [
        (WEEK, 0.75 * DAY, DAY),
        (86_400, 0.375 * DAY, 0.5 * DAY),  # in the first half of its life
        (600, 225, 300),
        (599, 599, 599),  # too short to be refreshed
        (0, 60, 60),
    ],
)
def test_a_policy_is_refreshed_about_daily_but_in_the_first_half_of_its_life(
    max_age: int, earliest: float, latest: float
) -> None:
    assert refresh_delay(max_age, DAY, Earliest()) == earliest
    assert refresh_delay(max_age, DAY, Latest()) == latest


@pytest.mark.parametrize(
    ("remaining", "max_age", "urgency"),
    [
        (1_000, 1_000, Urgency.EARLY),
        (500, 1_000, Urgency.EARLY),
        (499, 1_000, Urgency.URGENT),
        (100, 1_000, Urgency.URGENT),
        (99, 1_000, Urgency.LAST),
        (60, 0, Urgency.EARLY),
    ],
)
def test_a_failed_refresh_is_urgent_in_the_second_half_and_more_so_in_the_last_tenth(
    remaining: float, max_age: int, urgency: Urgency
) -> None:
    assert refresh_urgency(remaining, max_age) is urgency


def test_the_age_of_a_policy_counts_towards_its_refresh() -> None:
    assert next_of(Latest(), left=WEEK) == DAY
    assert next_of(Latest(), left=WEEK - 0.25 * DAY) == 0.75 * DAY
    assert next_of(Latest(), left=WEEK - DAY + 1) == 1
    assert next_of(Earliest(), left=WEEK - 0.25 * DAY) == 0.5 * DAY


@pytest.mark.parametrize("left", [WEEK - DAY, DAY, 2 * HOUR])
def test_what_is_overdue_is_spread_over_an_hour(left: float) -> None:
    assert next_of(Earliest(), left=left) == 0
    assert next_of(Latest(), left=left) == HOUR


def test_what_is_overdue_is_refreshed_in_the_first_half_of_what_is_left() -> None:
    assert next_of(Latest(), left=HOUR) == HOUR / 2
    assert next_of(Latest(), left=0) == 0
    assert next_of(Latest(), left=-HOUR) == 0


def test_after_a_failure_it_waits_for_the_retry_but_not_beyond_its_end() -> None:
    assert next_of(Latest(), left=HOUR, retry_in=300) == 300
    assert next_of(Latest(), left=HOUR, retry_in=2 * HOUR) == HOUR
    assert next_of(Latest(), left=DAY, retry_in=-1) == HOUR


def test_a_domain_of_preload_without_a_policy_is_looked_at_again_in_its_time() -> None:
    def after(retry_at: float | None = None, *, known: bool = True) -> list[float]:
        return [
            absence_recheck(NOW, retry_at, DAY, known=known, rng=rng()) - NOW
            for rng in (Earliest, Latest)
        ]

    assert after(NOW + 1) == [5 * MINUTE] * 2
    assert after(NOW + HOUR) == [HOUR] * 2
    assert after(known=False) == [5 * MINUTE, 5 * MINUTE * 1.25]
    assert after() == [0.75 * DAY, DAY]
