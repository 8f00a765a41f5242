"""What has changed against the period before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.evidence.accounts.comparison import figure_changes
from mtasts_resolver.evidence.deliveries import Fact
from mtasts_resolver.evidence.report import Figure, FigureChange
from tests.unit.evidence.accounts.facts import (
    DAY,
    NOON,
    SECURE,
    Memory,
    account_of,
    received,
    sent,
)


def one(
    key: str, numerator: int, denominator: int, unknown: int = 0, aim: float | None = None
) -> Figure:
    return Figure(
        key=key,
        title=key,
        numerator=numerator,
        denominator=denominator,
        unknown=unknown,
        how="",
        aim=aim,
    )


@pytest.mark.parametrize(
    ("key", "before", "now", "better"),
    [
        ("outbound-encrypted", (90, 100), (95, 100), True),
        ("outbound-encrypted", (95, 100), (90, 100), False),
        ("outbound-encrypted", (90_000, 100_000), (90_050, 100_000), None),
        ("outbound-encrypted", (0, 0), (95, 100), None),
        ("outbound-encrypted", (95, 100), (0, 0), None),
        ("enforcement-failures", (1, 100), (5, 100), False),
        ("messages-held", (5, 100), (1, 100), True),
        ("a-figure-to-come", (5, 100), (1, 100), None),
    ],
)
def test_a_share_is_better_or_worse_or_the_same(
    key: str, before: tuple[int, int], now: tuple[int, int], better: bool | None
) -> None:
    change = figure_changes([one(key, *now)], [one(key, *before)])[0]
    assert (change.key, change.better) == (key, better)


def test_one_of_a_million_is_worse_where_all_is_the_aim() -> None:
    now = [one("enforced-verified", 999_999, 1_000_000, aim=1.0)]
    before = [one("enforced-verified", 1_000_000, 1_000_000, aim=1.0)]
    share, unverified = figure_changes(now, before)
    assert share.better is False
    assert (unverified.key, unverified.before, unverified.now) == ("enforced-unverified", 0, 1)
    assert unverified.better is False
    assert figure_changes(before, now)[0].better is True


def test_numbers_are_set_side_by_side_and_volume_is_neither_good_nor_bad() -> None:
    changes = figure_changes(
        [one("inbound-encrypted", 180, 190, 10)], [one("inbound-encrypted", 80, 100)]
    )
    assert [(change.key, change.before, change.now, change.better) for change in changes[1:]] == [
        ("inbound-plain", 20, 10, True),
        ("inbound-messages", 100, 200, None),
    ]


def test_a_figure_that_was_not_there_before_is_shown_without_a_judgement() -> None:
    changes = figure_changes([one("enforced-verified", 1, 2, aim=1.0)], [])
    assert [(change.before, change.now, change.better) for change in changes] == [
        (None, 0.5, None),
        (None, 1, None),
    ]


def test_two_accounts_of_the_same_facts_are_compared() -> None:
    facts: list[Fact] = [
        sent(level="none"),
        sent(level="verified"),
        received(level="none"),
        sent(level="verified", at=NOON + DAY),
        received(at=NOON + DAY),
    ]
    memory = Memory(partner_example=SECURE)
    before = account_of(facts, memory, since=NOON, until=NOON + DAY)
    now = account_of(facts, memory, since=NOON + DAY, until=NOON + 2 * DAY)
    changes = {
        change.key: change for change in figure_changes(now.figures(None), before.figures(None))
    }
    assert changes["outbound-encrypted"] == FigureChange(
        key="outbound-encrypted",
        title="Outgoing mail encrypted",
        before=0.5,
        now=1.0,
        better=True,
    )
    assert changes["enforced-unverified"].better is True
    assert changes["enforced-unverified"].number
    assert changes["inbound-plain"].better is True
    assert changes["policies-retrieved"].now is None


shares = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda both: (min(both), max(both)))


@given(shares, shares)
def test_what_is_better_one_way_is_worse_the_other(
    now: tuple[int, int], before: tuple[int, int]
) -> None:
    key = "outbound-encrypted"
    there = figure_changes([one(key, *now)], [one(key, *before)])
    back = figure_changes([one(key, *before)], [one(key, *now)])
    opposite = {True: False, False: True, None: None}
    assert [change.better for change in there] == [opposite[change.better] for change in back]
