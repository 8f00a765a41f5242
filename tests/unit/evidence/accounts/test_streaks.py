"""Whether what was good has become bad, or is now good and now bad."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.evidence.accounts.streaks import (
    INDEPENDENT,
    MIN_GOOD,
    NOW_BAD,
    Loss,
    Streaks,
    chance_of,
)


def seen(history: str, every: float = INDEPENDENT) -> Loss | None:
    """Return the loss in a history of `+` and `-`, one every so many seconds."""
    streaks = Streaks()
    for number, each in enumerate(history):
        see = streaks.see_good if each == "+" else streaks.see_bad
        see(number * every, "how", "where")
    return streaks.loss()


@pytest.mark.parametrize(("good", "bad"), [(498, 1), (30, 2), (12, 3), (6, 5)])
def test_the_page_says_when_it_is_a_sign(good: int, bad: int) -> None:
    assert seen("+" * good + "-" * bad)
    assert not seen("+" * (good - 1) + "-" * bad)


HARMLESS = {
    "never bad": "+" * 100,
    "never good": "-" * 100,
    "good twice, bad ever since": "++" + "-" * 1_000,
    "bad first, good now": "-" * 10 + "+" * 100,
    "one of two": "+-" * 100,
    "one of ten, and bad at the end": ("+" * 9 + "-") * 50,
    "one of ten, and twice at the end": ("+" * 9 + "-") * 50 + "-",
    "an hour of trouble, long over": "+" * 40 + "-" * 2 + "+" * 100,
    "a single one among many": "+" * 5_000 + "-" + "+" * 100,
    "mail once a week, bad once": "+" * 52 + "-",
}


@pytest.mark.parametrize("history", HARMLESS.values(), ids=HARMLESS.keys())
def test_that_may_be_mere_change(history: str) -> None:
    assert seen(history) is None


SIGNS = {
    "good for weeks, bad ever since": "+" * 100 + "-" * 20,
    "little mail, bad for long": "+" * 8 + "-" * 8,
    "bad long ago, good for long, bad now": "-" + "+" * 200 + "-" * 2,
    "good three times, bad for very long": "+" * 3 + "-" * 30,
    "very regular, bad for an hour": "+" * 200 + "-" * 6 + "+" * 50,
    "one of a hundred, but now each": ("+" * 99 + "-") * 5 + "-" * 9,
}


@pytest.mark.parametrize("history", SIGNS.values(), ids=SIGNS.keys())
def test_that_is_a_sign(history: str) -> None:
    assert seen(history)


def test_what_comes_at_once_is_one_observation() -> None:
    """Fifty recipients of one message are no fifty reasons to believe that TLS is gone."""
    streaks = Streaks()
    for number in range(100):
        streaks.see_good(number * INDEPENDENT, "trusted", "a")
    for _ in range(50):
        streaks.see_bad(100 * INDEPENDENT, "plain", "a")
    assert streaks.loss() is None
    for number in range(3):
        streaks.see_bad((101 + number) * INDEPENDENT, "plain", "b")
    loss = streaks.loss()
    assert loss
    assert (loss.before.deliveries, loss.after.deliveries) == (100, 53)


def test_a_loss_tells_what_was_and_what_is() -> None:
    streaks = Streaks()
    for number in range(200):
        streaks.see_good(number * 1_000.0, "trusted" if number else "anonymous", "192.0.2.1")
    for number in range(200, 210):
        streaks.see_bad(number * 1_000.0, "plain", "192.0.2.2")
    loss = streaks.loss()
    assert loss
    assert loss.before == (200, 0.0, 199_000.0, "trusted", "192.0.2.1")
    assert loss.after == (10, 200_000.0, 209_000.0, "plain", "192.0.2.2")
    assert (loss.bad_before, loss.over) == (0, None)
    streaks.see_good(210_000.0, "trusted", "192.0.2.1")
    loss = streaks.loss()
    assert loss
    assert loss.over == 210_000.0
    assert loss.before.deliveries == 200


def test_of_hosts_that_change_at_will_few_are_named_in_vain() -> None:
    """As many in five hundred as the rule allows, whatever their share of bad ones is."""
    random, named = Random(1), 0  # noqa: S311
    for _ in range(2_000):
        share = random.random()
        history = "".join("+" if random.random() < share else "-" for _ in range(100))
        named += seen(history) is not None
    assert named <= 2_000 * NOW_BAD


@given(st.integers(0, 500), st.integers(0, 50), st.integers(1, 20))
def test_more_that_are_bad_are_less_likely_and_a_worse_past_makes_them_likelier(
    good: int, bad: int, now: int
) -> None:
    chance = chance_of(good, bad, now)
    assert 0 < chance < 1
    assert chance_of(good, bad, now + 1) < chance
    assert chance_of(good + 1, bad, now) < chance < chance_of(good, bad + 1, now)


@given(st.text("+-", max_size=60))
def test_a_loss_is_of_what_was_good_before(history: str) -> None:
    loss = seen(history)
    if loss:
        assert loss.before.deliveries >= MIN_GOOD
        assert loss.before.last < loss.after.first <= loss.after.last
        assert loss.before.deliveries + loss.after.deliveries <= len(history)
