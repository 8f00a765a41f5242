"""The metrics as Prometheus reads them, in its text format, at /metrics."""

from collections.abc import Iterator, Mapping, Sequence
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
from mtasts_resolver.control.views.metrics import METRICS, Metric, Sample, Seen, look

_FAMILIES: Mapping[str, Any] = MappingProxyType(
    {
        "counter": CounterMetricFamily,
        "gauge": GaugeMetricFamily,
        "histogram": HistogramMetricFamily,
    }
)
# The format that every version of Prometheus reads.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


# Samples of one metric that are rendered in a row: a tenth of a millisecond, as for a histogram.
SAMPLES_IN_A_ROW = 16
HEAD_LINES = 2  # `# HELP` and `# TYPE`, which stand before the samples once


class SomeSamples(Collector):
    """Collects some of the samples of one metric."""

    def __init__(self, metric: Metric, samples: Sequence[Sample]) -> None:
        self._metric = metric
        self._samples = samples

    def collect(self) -> Iterator[Family]:
        metric = self._metric
        family = _FAMILIES[metric.kind](metric.name, metric.help, labels=metric.labels)
        for labels, sample in self._samples:
            if isinstance(sample, Histogram):
                family.add_metric(labels, _buckets(sample), sample.seconds)
            else:
                family.add_metric(labels, sample)
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
    """Return all metrics, which are rendered in bites, for look-ups come first."""
    seen = await look(sources)
    return b"".join([piece async for piece in bites(_pieces(seen))])


def _pieces(seen: Seen) -> Iterator[bytes]:
    for metric in METRICS:
        samples = list(metric.read(seen))  # others have their turn between the pieces
        size = 1 if metric.kind == "histogram" else SAMPLES_IN_A_ROW
        yield _rendered(SomeSamples(metric, samples[:size]))
        for begin in range(size, len(samples), size):
            piece = _rendered(SomeSamples(metric, samples[begin : begin + size]))
            yield piece.split(b"\n", HEAD_LINES)[HEAD_LINES]
    yield _rendered(OwnProcess())


def _rendered(collector: Collector) -> bytes:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)


async def metrics(request: Request) -> Response:
    """Answer a scrape."""
    return Response(await exposition(request.app.state.sources), media_type=CONTENT_TYPE)
