"""The geometry of the charts."""

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from mtasts_resolver.control.daylong import INTERVALS
from mtasts_resolver.control.web.charts import (
    HEIGHT,
    LEAST,
    axis_marks,
    count_hours,
    draw_chart,
)

MIDNIGHT = 1_800_057_600.0
COUNTED = st.none() | st.dictionaries(
    st.sampled_from(["secure", "dane", "temp"]), st.integers(0, 10**9)
).map(Counter)


def only_last(*counts: Counter[str] | None) -> list[Counter[str] | None]:
    return [None] * (INTERVALS - len(counts)) + [*counts]


def test_a_chart_has_its_own_scale() -> None:
    intervals = only_last(Counter(secure=1_000, temp=2), Counter(secure=500))
    secure = draw_chart("secure", intervals, MIDNIGHT)
    assert secure.bars == f"M0 {HEIGHT}H286V0H287V50H288V{HEIGHT}Z"
    assert (secure.total, secure.peak) == (1_500, 1_000)
    temp = draw_chart("temp", intervals, MIDNIGHT)
    assert temp.bars == f"M0 {HEIGHT}H286V0H287V{HEIGHT}H288V{HEIGHT}Z"


def test_what_happened_once_beside_a_thousand_times_is_to_be_seen() -> None:
    chart = draw_chart("secure", only_last(Counter(secure=100_000), Counter(secure=1)), MIDNIGHT)
    assert f"H287V{HEIGHT - LEAST}" in chart.bars


def test_where_nothing_happened_there_is_no_bar() -> None:
    chart = draw_chart("dane", only_last(Counter(secure=1)), MIDNIGHT)
    assert (chart.bars, chart.total, chart.peak) == ("", 0, 0)


def test_no_base_is_drawn_where_there_was_no_daemon() -> None:
    chart = draw_chart("secure", only_last(Counter(), None, Counter(), Counter()), MIDNIGHT)
    assert chart.base == f"M284 {HEIGHT}H285M286 {HEIGHT}H288"


def test_the_peak_is_told_with_its_time() -> None:
    intervals: list[Counter[str] | None] = [Counter() for _ in range(INTERVALS)]
    intervals[12 * 5 + 3] = Counter(temp=7)
    chart = draw_chart("temp", intervals, MIDNIGHT)
    assert (chart.peak, chart.peak_at) == (7, "05:15")


def test_the_axis_has_the_hours_of_the_clock() -> None:
    marks = axis_marks(MIDNIGHT + 3_600.0)
    assert [mark.label for mark in marks] == ["06:00", "12:00", "18:00", "00:00"]
    assert marks[0].place == "20.83%"


def test_the_table_has_each_hour_the_latest_first() -> None:
    intervals: list[Counter[str] | None] = [Counter(secure=1) for _ in range(INTERVALS)]
    intervals[:12] = [None] * 12
    hours = count_hours(["secure", "dane"], intervals, MIDNIGHT)
    assert (hours[0].label, hours[0].counts) == ("23:00", (12, 0))
    assert (hours[-1].label, hours[-1].counts) == ("00:00", None)
    assert len(hours) == 24


@settings(max_examples=20)  # each is a day of 288 intervals
@given(st.lists(COUNTED, min_size=INTERVALS, max_size=INTERVALS))
def test_charts_and_table_agree_on_whatever_was_counted(
    intervals: list[Counter[str] | None],
) -> None:
    names = ["secure", "dane", "temp"]
    charts = [draw_chart(name, intervals, MIDNIGHT) for name in names]
    hours = count_hours(names, intervals, MIDNIGHT)
    assert [chart.total for chart in charts] == [
        sum(hour.counts[place] for hour in hours if hour.counts) for place in range(3)
    ]
    for chart in charts:
        assert re.fullmatch(r"(M0 100(H\d+V\d+)+Z)?", chart.bars)
        assert all(int(right) <= INTERVALS for right in re.findall(r"H(\d+)", chart.bars))
        assert all(int(top) <= HEIGHT for top in re.findall(r"V(\d+)", chart.bars))
