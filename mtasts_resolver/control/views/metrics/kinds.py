"""What a metric is, and what it is read from."""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from mtasts_resolver.base.counters import Histogram
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.views.failing import earliest_expiry

Labels = tuple[str, ...]
Sample = tuple[Labels, float | Histogram]
_Number = Callable[[Sources], float | None]


class Seen(NamedTuple):
    """What metrics are read from."""

    sources: Sources
    earliest_expiry: float | None
    """Of the policies whose refresh fails, by the wall clock; None where there is none."""


class Metric(NamedTuple):
    """One metric, and how it is read."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: Labels
    read: Callable[[Seen], Iterable[Sample]]


async def look(sources: Sources) -> Seen:
    """Return what metrics are read from; where many refreshes fail, after a number of turns."""
    return Seen(sources, await earliest_expiry(sources))


def one(value: float | None) -> list[Sample]:
    """Return a sample without labels; none where there is no value."""
    return [] if value is None else [((), float(value))]


def counter(name: str, text: str, number: _Number) -> Metric:
    """Return a counter without labels."""
    read = _number(number)
    return Metric(f"mtasts_resolver_{name}_total", "counter", text, (), read)


def gauge(name: str, text: str, number: _Number) -> Metric:
    """Return a gauge without labels."""
    return Metric(f"mtasts_resolver_{name}", "gauge", text, (), _number(number))


def _number(number: _Number) -> Callable[[Seen], Iterable[Sample]]:
    return lambda seen: one(number(seen.sources))
