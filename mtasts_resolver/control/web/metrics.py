"""The metrics as Prometheus reads them, in its text format, at /metrics."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from mtasts_resolver.base.counters import BOUNDS, Histogram
from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.views.metrics import METRICS, Metric, Seen, look

_FAMILIES: Mapping[str, Any] = MappingProxyType(
    {
        "counter": CounterMetricFamily,
        "gauge": GaugeMetricFamily,
        "histogram": HistogramMetricFamily,
    }
)
# The format that every version of Prometheus reads.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class SourcesCollector(Collector):
    """Collects one metric."""

    def __init__(self, metric: Metric, seen: Seen) -> None:
        self._metric = metric
        self._seen = seen

    def collect(self) -> Iterator[Family]:
        _, kind, text, labels, read = self._metric
        family = _FAMILIES[kind](self._metric.name, text, labels=labels)
        for values, sample in read(self._seen):
            if isinstance(sample, Histogram):
                family.add_metric(values, _buckets(sample), sample.seconds)
            else:
                family.add_metric(values, sample)
        yield family


class OwnProcess(ProcessCollector):
    """Collects what this process uses; not since when, which it takes all of /proc to tell."""

    def __init__(self) -> None:
        super().__init__(registry=None)

    def collect(self) -> list[Family]:
        return [
            family for family in super().collect() if family.name != "process_start_time_seconds"
        ]


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return how many took no longer than each bound."""
    bounds = [*map(str, BOUNDS), "+Inf"]
    counts = histogram.counts
    return [(bound, sum(counts[: index + 1])) for index, bound in enumerate(bounds)]


async def exposition(sources: Sources) -> bytes:
    """Return all metrics; each is rendered in a turn of its own, for look-ups come first."""
    seen = await look(sources)
    collectors: list[Collector] = [SourcesCollector(metric, seen) for metric in METRICS]
    collectors.append(OwnProcess())
    rendered = []
    async for collector in bites(collectors):
        registry = CollectorRegistry()
        registry.register(collector)
        rendered.append(generate_latest(registry))
    return b"".join(rendered)


async def metrics(request: Request) -> Response:
    """Answer a scrape."""
    return Response(await exposition(request.app.state.sources), media_type=CONTENT_TYPE)
