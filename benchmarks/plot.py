"""The picture of the hot look-ups: bars on a logarithmic scale, as SVG.

It is written here, since all it takes is a few rectangles, and a library for plots brings more
bytes than the daemon with everything it needs.
"""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from .hot import WAYS, Hot

WIDTH = 860
LEFT, RIGHT = 250, 70
"""Room for the names on the left, and for the figures on the right."""
BAR, GAP, TOP = 13, 22, 62
COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#cc79a7")
"""Of Okabe and Ito: told apart by colour-blind readers too, on white and on black."""
FONT = 'font-family="sans-serif" font-size="12"'
GREY = "#808080"


def hot_plot(hot: Hot) -> str:
    """Return an SVG: for each server a group of bars, CPU-seconds per million look-ups."""
    groups = [(row.server, [row.cpu[way] for way in WAYS]) for row in hot.rows]
    title = "CPU-seconds per million hot look-ups (logarithmic; less is better)"
    return bars(title, list(WAYS), groups)


def bars(title: str, series: Sequence[str], groups: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Return an SVG of grouped horizontal bars; every value must be positive."""
    values = [value for _, group in groups for value in group]
    scale = Scale(min(values), max(values))
    step = BAR * len(series) + GAP
    height = TOP + step * len(groups) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT}>',
        f"<title>{escape(title)}</title>",
        text(10, 20, title),
        *(part for index, name in enumerate(series) for part in legend(index, name)),
        *(part for tick in scale.ticks() for part in grid(tick, scale, height)),
    ]
    for place, (name, group) in enumerate(groups):
        top = TOP + place * step
        parts.append(text(LEFT - 8, top + BAR * len(series) / 2 + 4, name, "end"))
        for index, value in enumerate(group):
            y = top + index * BAR
            width = scale.x(value) - LEFT
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}"'
                f' fill="{COLOURS[index]}"/>'
            )
            parts.append(text(LEFT + width + 4, y + BAR - 3, f"{value:.3g}"))
    return "\n".join([*parts, "</svg>", ""])


class Scale:
    """Values to places, logarithmically, over whole powers of ten."""

    def __init__(self, least: float, most: float) -> None:
        self._low = math.floor(math.log10(least))
        self._high = max(math.ceil(math.log10(most)), self._low + 1)

    def x(self, value: float) -> float:
        part = (math.log10(value) - self._low) / (self._high - self._low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]


def text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{GREY}">{escape(words)}</text>'
    )


def legend(index: int, name: str) -> tuple[str, str]:
    x = 10 + index * 165
    return (
        f'<rect x="{x}" y="32" width="12" height="12" fill="{COLOURS[index]}"/>',
        text(x + 17, 42, name),
    )


def grid(tick: float, scale: Scale, height: int) -> tuple[str, str]:
    x = scale.x(tick)
    place = f'x1="{x:.1f}" y1="{TOP - 4}" x2="{x:.1f}" y2="{height - 10}"'
    line = f'<line {place} stroke="{GREY}" stroke-opacity="0.4"/>'
    return line, text(x, TOP - 6, f"{tick:g}", "middle")
