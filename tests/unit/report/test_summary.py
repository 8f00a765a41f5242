"""What a person reads first: numbers, the answer, and what needs doing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mtasts_resolver.evidence.report import FigureChange
from mtasts_resolver.report.answer import answer
from mtasts_resolver.report.needs import HowSoon, in_short, needs
from mtasts_resolver.report.words import (
    amount,
    change,
    moment,
    of_how_many,
    percent,
    short_of_aim,
    told_of,
)
from tests.unit.report.madeup import FIGURES, empty, made_up

# -- numbers and times -----------------------------------------------------------------------------


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_100_percent_is_all_and_0_is_none(numerator: int, denominator: int) -> None:
    numerator = min(numerator, denominator)
    shown = percent(numerator, denominator)
    assert (shown == "100%") is (numerator == denominator)
    assert (shown == "0%") is (numerator == 0)
    if "under" not in shown:
        assert float(shown.removesuffix("%")) <= 100 * numerator / denominator + 1e-9


def test_of_nothing_there_is_no_share() -> None:
    assert percent(0, 0) == "no data"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-10-01T00:00:00+02:00", "2026-10-01 00:00:00 +02:00"),
        ("2026-10-01T00:00:00.25-05:00", "2026-10-01 00:00:00 -05:00"),
        ("2026-10-01T00:00:00Z", "2026-10-01 00:00:00 +00:00"),
        ("", "unknown"),
        ("no time at all", "no time at all"),
    ],
)
def test_a_time_is_shown_with_its_offset(text: str, shown: str) -> None:
    assert moment(text) == shown


def test_a_figure_says_how_far_it_is_from_its_aim() -> None:
    verified, _, _, failures, inbound = FIGURES
    assert short_of_aim(verified) == "13 short of 100%"
    whole = replace(verified, numerator=verified.denominator)
    assert short_of_aim(whole) == "as it should be, as far as is known"
    assert short_of_aim(replace(whole, unknown=0)) == "as it should be"
    assert short_of_aim(failures) == "should be 0"
    assert short_of_aim(replace(failures, numerator=0)) == "as it should be"
    assert short_of_aim(inbound) == ""
    assert short_of_aim(replace(verified, numerator=0, denominator=0)) == ""


def test_a_figure_is_compared_with_the_period_before() -> None:
    assert change(made_up().changes, FIGURES[0]) == "99.91% before: better"
    assert change(made_up().changes, FIGURES[1]) == "99.62% before: worse"
    assert change(made_up().changes, FIGURES[2]) == ""  # nothing is known of it before
    number = FigureChange(key="n", title="n", before=1.0, now=None, better=None, number=True)
    assert (amount(number, number.before), amount(number, number.now)) == ("1", "no data")
    assert amount(replace(number, number=False), number.before) == "100%"


def test_what_is_not_known_is_no_nothing() -> None:
    some = replace(FIGURES[0], numerator=9, denominator=10, unknown=0)
    assert told_of(some) == "9 of 10"
    assert told_of(replace(some, unknown=43)) == "9 of 10; of 43 more it is not known"
    none = replace(some, numerator=0, denominator=0)
    assert told_of(none) == of_how_many(none) == "there was none"
    assert told_of(replace(none, unknown=43)) == "of 43 it is not known"
    assert of_how_many(replace(none, unknown=43)) == "none is known"


# -- the answer ------------------------------------------------------------------------------------


def test_the_answer_says_what_went_wrong_first() -> None:
    assert answer(made_up()) == [
        (
            "Of 58,217 deliveries to domains that demand protection, 13 went out without it;"
            " of 31 more it is not known."
        ),
        (
            "Of the outgoing mail of which it is known, 99.57% was encrypted;"
            " 412 deliveries could be read on the way."
        ),
        "The logs have 2 gaps; of 2,306 of 251,118 deliveries it cannot be told.",
    ]


def test_without_data_there_is_no_answer() -> None:
    (only,) = answer(empty())
    assert "cannot be told" in only


def test_that_all_is_well_is_said_only_of_what_is_known() -> None:
    whole = tuple(replace(one, numerator=one.denominator) for one in FIGURES)
    first, second, third = answer(made_up(figures=whole))
    assert first.endswith("all had it; of 31 more it is not known.")
    assert second == "Of the outgoing mail of which it is known, 100% was encrypted."
    assert "cannot be told" in third
    known = tuple(replace(one, unknown=0) for one in whole)
    assert answer(made_up(figures=known))[1] == "Of all outgoing mail, 100% was encrypted."


def test_a_host_that_only_receives_has_an_answer() -> None:
    inbound = tuple(one for one in FIGURES if one.key == "inbound-encrypted")
    first, *_ = answer(made_up(figures=inbound))
    assert "incoming mail" in first


# -- what needs doing ------------------------------------------------------------------------------


def test_what_is_urgent_comes_first_and_says_who() -> None:
    found = needs(made_up())
    assert [need.urgency for need in found] == sorted(need.urgency for need in found)
    whats = {need.what: need.who for need in found}
    assert whats["Find out how mail to clinic.example went out unverified"] == (
        "our mail administrator"
    )
    assert whats["Have mail to partner-bank.example move again"] == (
        "the mail administrator of partner-bank.example; ours tells them"
    )
    assert whats["See to it that mail to museum.example is not held again"] == (
        "our mail administrator"  # the look-up that failed is ours
    )
    assert whats["Add to the evidence for ISM-1589"] == "whoever keeps the evidence"


def test_nothing_needs_doing_where_all_is_well() -> None:
    well = made_up(
        unverified=(),
        failures=(),
        downgrades=(),
        controls=(),
        gaps=(),
        inputs=made_up().inputs[:2],
        tls_reports=None,
        unencrypted=(),
    )
    assert needs(well) == []


def test_what_another_host_took_at_once_needs_nothing() -> None:
    passed = replace(made_up().failures[0], messages=0, waiting=0)
    assert not [need for need in needs(made_up(failures=(passed,))) if "bank" in need.what]


def test_several_of_a_kind_are_one_and_say_how_many() -> None:
    rows = tuple(
        replace(made_up().failures[0], domain=f"partner{number}.example") for number in range(40)
    )
    short = in_short(needs(made_up(failures=rows)))
    (held,) = [need for need in short if "move again" in need.what]
    assert held.what == (
        "Have mail to partner0.example, partner1.example, partner2.example and 37 more move again"
    )
    assert held.who == "the mail administrator of each; ours tells them"
    assert held.urgency is HowSoon.NOW


def test_who_has_a_name_of_braces_changes_no_other_words() -> None:
    row = replace(made_up().downgrades[0], about="{about}{0}{x")
    assert any("{about}{0}{x" in need.what for need in needs(made_up(downgrades=(row,))))


def test_logs_without_tls_lines_are_asked_for() -> None:
    outbound = made_up().outbound
    doubts = (replace(outbound.doubts[0], name="no-tls-logged", count=outbound.deliveries),)
    found = needs(made_up(outbound=replace(outbound, doubts=doubts)))
    assert "Set smtp_tls_loglevel = 1 in Postfix's main.cf" in {need.what for need in found}
