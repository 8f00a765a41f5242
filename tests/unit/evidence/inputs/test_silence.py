"""Holes in logs, and silences that are none."""

import math
from collections.abc import Iterable
from datetime import UTC
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.evidence.inputs import silence
from mtasts_resolver.evidence.inputs.silence import LogRhythm
from mtasts_resolver.evidence.report import LogGap
from mtasts_resolver.maillog.events import LinesLost, LogLine

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
MONDAY = 1_793_577_600.0  # 2026-11-02 00:00 UTC
CERTAIN = 30.0  # days


def logged(time: float | None, host: str = "mx1") -> LogLine:
    return LogLine(time, host, "postfix", "smtp", 7, "words")


def rhythm(times: Iterable[float], host: str = "mx1", into: LogRhythm | None = None) -> LogRhythm:
    known = into or LogRhythm()
    for time in sorted(times):
        known.note(logged(MONDAY + time, host))
    return known


def holes(known: LogRhythm, days: float = CERTAIN, begin: float = 0) -> list[tuple[str, float]]:
    """Return the hosts and hours of holes within so many days."""
    gaps = known.gaps(MONDAY + begin * DAY, MONDAY + days * DAY, UTC)
    return [(gap.host, round(gap.seconds / HOUR, 1)) for gap in gaps]


def steady(days: float, each: float, begin: float = 0) -> list[float]:
    """Return times that are so many seconds apart."""
    return [begin * DAY + number * each for number in range(int((days - begin) * DAY / each))]


def without(times: list[float], begin: float, end: float) -> list[float]:
    return [time for time in times if not begin <= time < end]


def test_a_log_without_holes() -> None:
    assert holes(rhythm(steady(30, MINUTE))) == []


@pytest.mark.parametrize("days", [1, 2, 5, 30])
@pytest.mark.parametrize("each", [10.0, MINUTE, 3 * MINUTE])
def test_an_hour_that_a_busy_host_says_nothing_is_a_hole(days: int, each: float) -> None:
    times = without(steady(days, each), 12 * HOUR, 13 * HOUR + 5 * MINUTE)
    [(host, hours)] = holes(rhythm(times), days)
    assert host == "mx1"
    assert hours == pytest.approx(1.1, abs=0.1)


def test_what_is_said_of_a_hole() -> None:
    [gap] = rhythm(without(steady(30, MINUTE), 36 * HOUR, 38 * HOUR)).gaps(
        MONDAY, MONDAY + 30 * DAY, UTC
    )
    assert gap == LogGap(
        host="mx1",
        since="2026-11-03T12:00:00+00:00",
        until="2026-11-03T14:00:00+00:00",
        seconds=7_200.0,
        lines=None,
        why="silence",
    )


def test_a_restart_is_no_hole() -> None:
    assert holes(rhythm(without(steady(30, MINUTE), 12 * HOUR, 12.4 * HOUR))) == []


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("days", [7, 30, 90])
def test_a_host_of_ten_mails_a_day_has_no_holes(seed: int, days: int) -> None:
    random = Random(seed)  # noqa: S311
    times = [random.uniform(0, days * DAY) for _ in range(10 * days)]
    assert holes(rhythm(times), days) == []


def test_but_four_days_without_a_mail_are_one() -> None:
    random = Random(1)  # noqa: S311
    times = [random.uniform(0, 60 * DAY) for _ in range(600)]
    found = holes(rhythm(without(times, 20 * DAY, 24 * DAY)), 60)
    assert len(found) == 1
    assert found[0][1] >= 96


def office(days: int) -> list[float]:
    """Return times of a host that has mail from 7 to 18 on workdays alone."""
    return [
        time
        for time in steady(days, 2 * MINUTE)
        if time // DAY % 7 < 5 and 7 <= time % DAY / HOUR < 18
    ]


@pytest.mark.parametrize("days", [12, 19, 61])
def test_nights_and_weekends_are_no_holes(days: int) -> None:
    known = rhythm(office(days))
    assert holes(known, days - 0.3, 0.35) == []


def test_a_week_with_its_weekend_has_none_either() -> None:
    assert holes(rhythm(office(11)), 10.5, 0.35) == []


def test_a_workday_without_mail_is_one() -> None:
    [(_, hours)] = holes(rhythm(without(office(26), 9 * DAY, 10 * DAY)), 25.7, 0.35)
    assert hours == pytest.approx(24 + 13, abs=0.2)


def test_two_holes_do_not_hide_each_other() -> None:
    times = without(steady(10, MINUTE), 2 * DAY, 3 * DAY)
    assert holes(rhythm(without(times, 5 * DAY, 6 * DAY)), 10) == [("mx1", 24.0), ("mx1", 24.0)]


def test_what_is_silent_each_night_is_silent_by_habit() -> None:
    times = [time for time in steady(30, MINUTE) if not 1 <= time % DAY / HOUR < 5]
    assert holes(rhythm(times), 30, 0) == []


@pytest.mark.parametrize("days", [3, 30])
def test_a_log_that_begins_late_or_ends_early_has_holes_at_its_edges(days: int) -> None:
    known = rhythm(steady(days - 1, MINUTE, begin=1))
    assert holes(known, days) == [("mx1", 24.0), ("mx1", 24.0)]
    assert holes(known, days - 1, 1) == []


def test_a_host_whose_logs_are_missing_for_a_while_has_a_hole() -> None:
    known = rhythm(steady(30, MINUTE))
    rhythm(steady(30, MINUTE, begin=15), "mx2", known)
    assert holes(known) == [("mx2", 360.0)]


def test_a_container_that_takes_anothers_place_leaves_no_hole() -> None:
    known = LogRhythm()
    for number in range(30):
        rhythm(steady(number + 1, MINUTE, begin=number), f"{number:012x}", known)
    assert holes(known) == []


def test_nothing_but_what_is_asked_for() -> None:
    known = rhythm(without(steady(30, MINUTE), 2 * DAY, 3 * DAY))
    assert holes(known, 30, 4) == []
    assert known.gaps(-math.inf, MONDAY + 30 * DAY, UTC)


def test_a_host_that_has_two_names_has_one_rhythm() -> None:
    known = rhythm(steady(20, MINUTE))
    rhythm(steady(30, MINUTE, begin=10), "mx1.example", known)
    assert holes(known) == []
    rhythm(steady(30, MINUTE, begin=10), "mx1.other.example", known)
    assert len(holes(known)) == 3  # whose it is cannot be told


def test_a_clock_that_was_wrong_makes_no_hole_of_years() -> None:
    known = rhythm([*steady(30, MINUTE), -MONDAY, 400 * 365 * DAY])
    assert holes(known) == []


def test_lines_without_a_time_tell_nothing() -> None:
    known = LogRhythm()
    known.note(logged(None))
    known.note_loss(logged(None), LinesLost(3))
    assert known.gaps(MONDAY, MONDAY + DAY, UTC) == ()
    assert known.hosts == ("mx1",)


def test_lines_that_the_log_says_were_dropped() -> None:
    known = rhythm(steady(2, MINUTE))
    for hours, count in ((1, 5), (1.5, 7), (10, 3), (10.1, None)):
        known.note_loss(logged(MONDAY + hours * HOUR), LinesLost(count))
    known.note_loss(logged(MONDAY + 100 * DAY), LinesLost(3))
    first, second = known.gaps(MONDAY, MONDAY + 2 * DAY, UTC)
    assert first == LogGap(
        host="mx1",
        since="2026-11-02T01:00:00+00:00",
        until="2026-11-02T01:30:00+00:00",
        seconds=1_800.0,
        lines=12,
        why="dropped",
    )
    assert second.lines is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "MAX_HOSTS", 2)
    monkeypatch.setattr(silence, "MAX_LOSSES", 2)
    known = LogRhythm()
    for number in range(5):
        known.note(logged(MONDAY, f"mx{number}"))
        known.note_loss(logged(MONDAY + number * DAY), LinesLost(1))
    assert known.hosts == ("mx0", "mx1")
    gaps = [gap for gap in known.gaps(MONDAY, MONDAY + DAY * 10, UTC) if gap.why == "dropped"]
    assert [gap.lines for gap in gaps] == [1, 4]


@given(
    st.lists(st.floats(allow_nan=False, min_value=-1e6, max_value=5e9)),
    st.floats(-1e7, 5e9),
    st.floats(-1e7, 5e9),
)
def test_any_times_are_a_rhythm(times: list[float], since: float, until: float) -> None:
    known = LogRhythm()
    for time in times:
        known.note(logged(time))
    for gap in known.gaps(since, until, UTC):
        assert gap.seconds > 0
