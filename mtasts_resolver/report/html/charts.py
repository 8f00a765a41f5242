"""The charts of the page, by matplotlib.

It is chosen since it is kept well, every distribution has it, and it needs no browser and no
network to draw: altair has its SVG from a JavaScript engine of 30 MB, plotly and bokeh from a
browser, pygal brings scripts and its own idea of a page. It is imported with this module, which is
why this module is imported when a page is wanted and not before.

Series are told apart by how dark they are, or by a pattern, not by colour alone; and each chart has
its numbers in a table of the page.
"""

import io
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from mtasts_resolver.base.installation import command_for
from mtasts_resolver.base.logs import hear_errors_only
from mtasts_resolver.evidence.report import DayCounts
from mtasts_resolver.report.html.missing import PlottingMissingError
from mtasts_resolver.report.html.svg import COLOR_OF, part_of_page
from mtasts_resolver.report.words import number

# It complains where it has no directory for what it knows of fonts, and makes do without.
hear_errors_only("matplotlib")
try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing
    from matplotlib.patches import Patch, PathPatch
    from matplotlib.path import Path as Outline
    from matplotlib.ticker import FuncFormatter, MaxNLocator
except ImportError as error:
    raise PlottingMissingError(
        f"the page's charts need matplotlib ({error}): {command_for('matplotlib')}"
    ) from error

MOST_DAYS = 62  # bars that still can be told apart on a page of A4; beyond, a bar is a week
WIDE, HIGH = 7.2, 2.3  # inches: the width of A4 within its margins
BAR = 0.78  # of a day's place: a little ground shows between two days
_STRIPES = 90  # over the width of a chart: close enough to be seen on the narrowest bar
_LABELS = 9  # of days below the bars, at most

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: read aloud, searched, in any font
    "svg.hashsalt": "mtasts-resolver",  # the same names each time
    "font.family": ["DejaVu Sans"],
    "font.size": 8,
    "text.color": COLOR_OF["ink"],
    "axes.edgecolor": COLOR_OF["muted"],
    "axes.labelcolor": COLOR_OF["muted"],
    "xtick.color": COLOR_OF["muted"],
    "ytick.color": COLOR_OF["muted"],
    "grid.color": COLOR_OF["rule"],
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.8,
}


class Series(NamedTuple):
    """What is drawn of each day."""

    name: str
    """A variable of the page's style, which has its colour."""
    label: str
    hatch: str
    """`/`, `x`, or none."""
    values: Sequence[int]


def chart_of_days(name: str, title: str, days: Sequence[DayCounts], *, outbound: bool) -> str:
    """Return the deliveries of each day, one above the other by how they were protected."""
    folded = list(_folded(days))
    series = list(_protection(folded, outbound=outbound))
    return _drawn(name, title, folded, series)


def chart_of_held(name: str, title: str, days: Sequence[DayCounts]) -> str:
    """Return how many attempts TLS held each day."""
    folded = list(_folded(days))
    held = Series("held", "attempts held", "", [row.held for row in folded])
    return _drawn(name, title, folded, [held])


def _protection(days: Sequence[DayCounts], *, outbound: bool) -> Iterator[Series]:
    verified = [row.verified for row in days]
    if outbound:
        yield Series("verified", "encrypted and verified", "", verified)
    rest = [row.encrypted - of_it for row, of_it in zip(days, verified, strict=True)]
    yield Series("encrypted", "encrypted", "", rest)
    yield Series("plain", "plain text", "/", [row.plain for row in days])
    yield Series("unknown", "not known", "x", [row.unknown for row in days])


def _folded(days: Sequence[DayCounts]) -> Iterator[DayCounts]:
    """Yield a row for each day from the first to the last, of which nothing may be known.

    Where they are too many, it is each week, from its Monday on; or each month, from its first.
    """
    if not days:
        return
    counts = {date.fromisoformat(row.day): row for row in days}
    first, last = min(counts), max(counts)
    span = (last - first).days + 1
    begin = _day if span <= MOST_DAYS else _monday if span <= MOST_DAYS * 7 else _first_of_month
    every_day = (first + timedelta(days=number) for number in range(span))
    for beginning, group in groupby(every_day, key=begin):
        of_group = [counts[day] for day in group if day in counts]
        yield DayCounts(
            beginning.isoformat(),
            *(
                sum(getattr(row, name) for row in of_group)
                for name in ("encrypted", "plain", "unknown", "verified", "held")
            ),
        )


def _day(day: date) -> date:
    return day


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _first_of_month(day: date) -> date:
    return day.replace(day=1)


def _drawn(name: str, title: str, days: Sequence[DayCounts], series: Sequence[Series]) -> str:
    with mpl.rc_context(_STYLE):
        drawing = Drawing(figsize=(WIDE, HIGH), layout="constrained")
        axes = drawing.subplots()
        _draw_bars(axes, series)
        _label_days(axes, [row.day for row in days])
        target = io.StringIO()
        drawing.savefig(target, format="svg", transparent=True, metadata={"Date": None})
    return part_of_page(target.getvalue(), name, title, _description(days, series))


def _draw_bars(axes: Axes, series: Sequence[Series]) -> None:
    below = [0] * len(series[0].values)
    sums = [sum(values) for values in zip(*(one.values for one in series), strict=True)]
    width, top = max(len(below), 1), max(max(sums, default=0) * 1.05, 1)
    for one in series:
        if any(one.values):
            bars = PathPatch(_bars(below, one.values), facecolor=COLOR_OF[one.name], linewidth=0)
            axes.add_patch(bars)
            _draw_stripes(axes, bars, one.hatch, width, top)
        below = [least + value for least, value in zip(below, one.values, strict=True)]
    axes.set_xlim(-0.6, width - 0.4)
    axes.set_ylim(0, top)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(int(value))))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.tick_params(bottom=False, left=False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    _draw_legend(axes, [one for one in series if any(one.values)])


def _draw_legend(axes: Axes, series: Sequence[Series]) -> None:
    if series:
        swatches = [
            Patch(
                facecolor=COLOR_OF[one.name],
                edgecolor=COLOR_OF["ground"],
                linewidth=0,
                hatch=one.hatch * 4,
                label=one.label,
            )
            for one in series
        ]
        axes.legend(
            handles=swatches,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=len(series),
            frameon=False,
            handlelength=1.6,
            handleheight=1.2,
        )


def _bars(below: Sequence[int], values: Sequence[int]) -> Outline:
    """Return all bars of a series as one outline."""
    outline = _Lines()
    for place, (least, value) in enumerate(zip(below, values, strict=True)):
        if value:
            left, right, most = place - BAR / 2, place + BAR / 2, least + value
            outline.add((left, least), (left, most), (right, most), (right, least), (left, least))
    return outline.path()


def _draw_stripes(axes: Axes, bars: PathPatch, hatch: str, width: int, top: float) -> None:
    """Draw the pattern of a series over its bars.

    As lines, not as a hatch of matplotlib's: a browser that prints makes a picture of each hatch,
    and of a month's chart a file of megabytes.
    """
    lines = _Lines()
    run = width * HIGH / WIDE  # so that they are about diagonal
    for place in range(_STRIPES):
        left = -1 - run + (width + 2 + run) * place / _STRIPES
        if hatch in {"/", "x"}:
            lines.add((left, 0), (left + run, top))
        if hatch == "x":
            lines.add((left, top), (left + run, 0))
    if lines.points:
        color = COLOR_OF["ground"]
        stripes = PathPatch(lines.path(), fill=False, edgecolor=color, linewidth=0.5)
        axes.add_patch(stripes)
        stripes.set_clip_path(bars)


class _Lines:
    """An outline that is not all of one piece."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []
        self._codes: list[int] = []

    def add(self, *points: tuple[float, float]) -> None:
        self.points += points
        self._codes += [int(Outline.MOVETO), *[int(Outline.LINETO)] * (len(points) - 1)]

    def path(self) -> Outline:
        return Outline(self.points, self._codes)


def _label_days(axes: Axes, days: Sequence[str]) -> None:
    step = -(-len(days) // _LABELS) or 1
    shown = [date.fromisoformat(day) for day in days[::step]]
    months = len(shown) > 1 and all(day.day == 1 for day in shown)
    labels = [f"{day:%b %Y}" if months else f"{day.day} {day:%b}" for day in shown]
    axes.set_xticks(list(range(0, len(days), step)), labels)


def _description(days: Sequence[DayCounts], series: Sequence[Series]) -> str:
    sums = ", ".join(f"{one.label}: {number(sum(one.values))}" for one in series)
    if not days:
        return "Nothing was counted."
    return f"From {days[0].day} to {days[-1].day}, {sums}. A table below has each day."
