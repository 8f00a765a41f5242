"""The charts of the last day, as SVG that is drawn here: geometry without colours.

Each outcome has a chart of its own, on a scale of its own: of 100,000 look-ups the ten that were
answered `temp` are what matters, and in one common chart they would be lost. All share one axis of
time. No attribute is a style, which the page's Content-Security-Policy would not allow.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from mtasts_resolver.control.daylong import INTERVAL, INTERVALS

HEIGHT = 100  # units from the base to the peak of a chart
LEAST = 6  # units: what happened once is to be seen beside what happened a thousand times
DAY_AND_NIGHT = INTERVALS * INTERVAL
CLOCK_HOUR = 3_600.0
MARK_EVERY = 6 * CLOCK_HOUR  # between two times on the axis: four fit on the smallest screen

Counts = Sequence[Counter[str] | None]
"""Of each interval of a day; None where there was no daemon."""


class Chart(NamedTuple):
    """What one outcome came to in the last day."""

    name: str
    total: int
    peak: int
    peak_at: str
    """The hour and minute, in UTC, at which the interval of the peak began."""
    bars: str
    """The path of its bars, INTERVALS wide and HEIGHT high."""
    base: str
    """The path below the bars, where there was a daemon."""


class AxisMark(NamedTuple):
    """A time on the axis."""

    place: str
    """From the left, as a percentage."""
    label: str


class CountedHour(NamedTuple):
    """A row of the table that says what the charts show."""

    label: str
    counts: tuple[int, ...] | None
    """In the order of the charts; None where there was no daemon."""


def draw_chart(name: str, intervals: Counts, began: float) -> Chart:
    """Return the chart of one outcome; the first interval began at the wall time `began`."""
    values = [None if counts is None else counts.get(name, 0) for counts in intervals]
    peak = max((value or 0 for value in values), default=0)
    at = values.index(peak) if peak else 0
    return Chart(
        name=name,
        total=sum(filter(None, values)),
        peak=peak,
        peak_at=_clock_time(began + at * INTERVAL),
        bars=_bars([_height(value, peak) for value in values]),
        base=_base(values),
    )


def _height(value: int | None, peak: int) -> int:
    return max(LEAST, round(HEIGHT * value / peak)) if value else 0


def _bars(heights: Sequence[int]) -> str:
    """Return the outline of bars that stand side by side, one path for all of them."""
    path, level = [f"M0 {HEIGHT}"], 0
    for place, height in enumerate(heights):
        if height != level:
            path.append(f"H{place}V{HEIGHT - height}")
            level = height
    if len(path) == 1:
        return ""
    path.append(f"H{len(heights)}V{HEIGHT}Z")
    return "".join(path)


def _base(values: Sequence[int | None]) -> str:
    """Return a line below each run of intervals of which something is known."""
    path, known = list[str](), False
    for place, value in enumerate([*values, None]):
        if (value is not None) != known:
            known = not known
            path.append(f"M{place} {HEIGHT}" if known else f"H{place}")
    return "".join(path)


def axis_marks(began: float) -> list[AxisMark]:
    """Return the times to be written below charts that begin at a wall time."""
    first = (began // MARK_EVERY + 1) * MARK_EVERY
    times = [first + number * MARK_EVERY for number in range(round(DAY_AND_NIGHT / MARK_EVERY))]
    return [
        AxisMark(f"{100 * (time - began) / DAY_AND_NIGHT:.2f}%", _clock_time(time))
        for time in times
    ]


def count_hours(names: Sequence[str], intervals: Counts, began: float) -> list[CountedHour]:
    """Return the counts of each hour of the clock, the latest first."""
    sums: dict[float, dict[str, int] | None] = {}
    for place, counts in enumerate(intervals):
        hour = (began + place * INTERVAL) // CLOCK_HOUR * CLOCK_HOUR
        summed = sums.setdefault(hour, None)
        if counts is not None:
            summed = sums[hour] = summed or dict.fromkeys(names, 0)
            for name, count in counts.items():
                summed[name] = summed.get(name, 0) + count
    return [
        CountedHour(
            _clock_time(hour), None if summed is None else tuple(summed[name] for name in names)
        )
        for hour, summed in reversed(sums.items())
    ]


def _clock_time(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).strftime("%H:%M")
