"""The picture: well-formed, to scale, and everything is in it."""

import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.hot import WAYS, Hot, Row
from benchmarks.plot import LEFT, RIGHT, WIDTH, Scale, bars, hot_plot

SVG = "{http://www.w3.org/2000/svg}"


def widths(svg: str) -> list[float]:
    """Return the widths of the bars: the rectangles that begin where bars begin."""
    rectangles = ET.fromstring(svg).iter(f"{SVG}rect")  # noqa: S314  it is our own
    return [float(r.attrib["width"]) for r in rectangles if r.attrib["x"] == str(LEFT)]


def words(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314


def test_bars_are_to_a_logarithmic_scale() -> None:
    first, second, third = widths(bars("t", ["a", "b", "c"], [("one", [1.0, 10.0, 100.0])]))
    assert first == 0
    assert second == pytest.approx(third / 2, abs=0.1)


def test_names_titles_and_figures_are_shown_and_escaped() -> None:
    shown = words(bars("less < more", ["a & b"], [("<server>", [3.14159])]))
    assert {"less < more", "a & b", "<server>", "3.14"} <= set(shown)


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=8))
def test_whatever_was_measured_fits(values: list[float]) -> None:
    svg = bars("t", ["a"], [(str(place), [value]) for place, value in enumerate(values)])
    drawn = widths(svg)
    assert len(drawn) == len(values)
    assert all(0 <= width <= WIDTH - LEFT - RIGHT + 0.1 for width in drawn)
    in_order = sorted(zip(values, drawn, strict=True))
    assert [width for _, width in in_order] == sorted(drawn)


def test_ticks_are_powers_of_ten_around_the_values() -> None:
    ticks = Scale(0.3, 200.0).ticks()
    assert ticks == [0.1, 1.0, 10.0, 100.0, 1000.0]
    assert all(math.log10(tick).is_integer() for tick in ticks)


def test_values_that_are_all_the_same() -> None:
    assert Scale(1.0, 1.0).ticks() == [1.0, 10.0]


def test_the_hot_look_ups() -> None:
    cpu = dict.fromkeys(WAYS, 5.0)
    row = Row("a server", cpu, cpu, p99=1.0, p99_ratio=1.0, lookups_per_second=1.0)
    svg = hot_plot(Hot(rounds=1, seconds=1.0, rows=[row, row]))
    assert len(widths(svg)) == 2 * len(WAYS)
    assert set(WAYS) <= set(words(svg))
