"""What is charted of the last day, in what order, and what of it should not be."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from mtasts_resolver.control.daylong import DayLong
from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.web.charts import (
    AxisMark,
    Chart,
    CountedHour,
    axis_marks,
    count_hours,
    draw_chart,
)


class Charted(NamedTuple):
    """A tally, and how it is shown."""

    tally: str
    title: str
    column: str
    names: tuple[str, ...]
    """The outcomes that are shown even where there were none; others come after them."""
    alarming: Mapping[str, str]
    """The outcomes that want attention, and the class of their row."""


CHARTED = (
    Charted(
        "lookups",
        "Look-ups by answer",
        "Answer",
        ("secure", "dane-only", "dane", "notfound", "temp", "perm"),
        MappingProxyType({"temp": "warning", "perm": "critical"}),
    ),
    Charted(
        "discoveries",
        "Discoveries by outcome",
        "Outcome",
        (
            *("policy found", "policy unchanged", "policy absent", "policy failed"),
            *("dane found", "dane absent", "dane failed"),
        ),
        MappingProxyType({}),  # some domain always fails: that is no alarm
    ),
)


class DrawnDay(NamedTuple):
    """The charts of one tally, and what they have in common."""

    tally: str
    title: str
    column: str
    alarming: Mapping[str, str]
    charts: list[Chart]
    marks: list[AxisMark]
    hours: list[CountedHour]


async def draw_days(days: DayLong) -> list[DrawnDay]:
    """Draw what is charted, a bite at a time."""
    return [await _draw(charted, days) async for charted in bites(CHARTED)]


async def _draw(charted: Charted, days: DayLong) -> DrawnDay:
    intervals, began = days.last_day(charted.tally), days.began()
    others = {name for counts in intervals if counts for name in counts}.difference(charted.names)
    names = [*charted.names, *sorted(others)]
    charts = [draw_chart(name, intervals, began) async for name in bites(names)]
    return DrawnDay(
        charted.tally,
        charted.title,
        charted.column,
        charted.alarming,
        charts,
        axis_marks(began),
        count_hours(names, intervals, began),
    )
