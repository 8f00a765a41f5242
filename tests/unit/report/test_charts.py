"""The charts: small, the same each time, and with nothing in them that a page must not have."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest

from mtasts_resolver.evidence.report import DayCounts
from mtasts_resolver.report.html.charts import chart_of_days, chart_of_held
from tests.unit.report.madeup import OUTBOUND

MARKUP = "</title><script>&"


def days(count: int, step: int = 1) -> list[DayCounts]:
    first = date(2026, 1, 1)
    return [
        DayCounts((first + timedelta(days=n * step)).isoformat(), 100, 3, 2, 60, 1)
        for n in range(count)
    ]


def bars(chart: str, name: str) -> int:
    """Return how many bars there are of a series, which the legend shows once more."""
    outlines = re.findall(rf'<path d="([^"]*)"[^>]*fill="var\(--{name}\)"', chart)
    return sum(str(outline).count("M") for outline in outlines) - 1


def test_a_chart_is_the_same_each_time_and_small() -> None:
    one, two = (chart_of_days("out", "Outgoing", OUTBOUND.by_day, outbound=True) for _ in range(2))
    assert one == two
    assert len(one) < 40_000


def test_a_chart_has_a_title_a_description_and_no_style_of_its_own() -> None:
    chart = chart_of_days("out", MARKUP, OUTBOUND.by_day, outbound=True)
    root = ET.fromstring(chart)  # noqa: S314  of this package
    title, description = root[0], root[1]
    assert (title.tag, title.text, title.get("id")) == ("title", MARKUP, "out-title")
    assert root.get("aria-labelledby") == "out-title out-description"
    assert description.text
    assert f"verified: {sum(row.verified for row in OUTBOUND.by_day):,}" in description.text
    assert not [element for element in root.iter() if element.tag in {"style", "script", "a"}]
    assert not [element for element in root.iter() if "style" in element.attrib]
    assert "http" not in chart
    assert not re.search(r"#0[0-9]0[0-9]0[0-9]", chart)  # each colour is one of the page's


@pytest.mark.parametrize(
    ("shown", "expected"), [(days(31), 31), (days(62), 62), (days(90), 14), (days(900), 30)]
)
def test_many_days_become_weeks_and_months(shown: list[DayCounts], expected: int) -> None:
    chart = chart_of_days("out", "Outgoing", shown, outbound=True)
    assert bars(chart, "verified") == expected
    assert ("Jan 2026" in chart) is (expected == 30)


def test_a_day_of_which_nothing_is_known_has_its_place() -> None:
    chart = chart_of_held("held", "Held", days(4, step=10))
    assert "From 2026-01-01 to 2026-01-31" in chart
    assert re.findall(r">(\d+) Jan<", chart) == [str(day) for day in range(1, 32, 4)]


def test_without_days_there_is_a_chart_of_nothing() -> None:
    assert "Nothing was counted." in chart_of_days("out", "Outgoing", [], outbound=True)
