"""Discoveries: those of policies, and those of DANE."""

from collections.abc import Iterator
from typing import Any

from mtasts_resolver.control.views.metrics.kinds import Metric, Sample, Seen, counter
from mtasts_resolver.knowledge.inflight import Discoveries


def _failures(seen: Seen) -> Iterator[Sample]:
    for (what, refresh, code), count in seen.sources.discoveries.failures.items():
        yield (what, _cause(refresh), code), count


def _durations(seen: Seen) -> Iterator[Sample]:
    for kind, histogram in seen.sources.discoveries.durations.items():
        yield (kind.what, _cause(kind.refresh), kind.outcome), histogram


def _cause(refresh: bool) -> str:
    return "refresh" if refresh else "lookup"


def _under_way(seen: Seen) -> Iterator[Sample]:
    for what, discoveries in _discoveries(seen):
        yield (what,), len(discoveries) - discoveries.waiting


def _waiting(seen: Seen) -> Iterator[Sample]:
    for what, discoveries in _discoveries(seen):
        yield (what,), discoveries.waiting


def _discoveries(seen: Seen) -> tuple[tuple[str, Discoveries[Any]], ...]:
    return ("policy", seen.sources.sts.under_way), ("dane", seen.sources.dane.under_way)


DISCOVERIES = (
    Metric(
        "mtasts_resolver_discovery_duration_seconds",
        "histogram",
        "How long discoveries took, by what was to be found out, why, and how it ended.",
        ("what", "cause", "outcome"),
        _durations,
    ),
    Metric(
        "mtasts_resolver_discovery_failures_total",
        "counter",
        "Discoveries that failed, by the kind of failure.",
        ("what", "cause", "code"),
        _failures,
    ),
    Metric(
        "mtasts_resolver_discoveries_running",
        "gauge",
        "Discoveries that are under way.",
        ("what",),
        _under_way,
    ),
    Metric(
        "mtasts_resolver_discoveries_waiting",
        "gauge",
        "Discoveries that wait for their turn.",
        ("what",),
        _waiting,
    ),
    counter(
        "policy_fetches",
        "Fetches of a policy over HTTPS.",
        lambda sources: sources.counters.fetches,
    ),
    counter(
        "policy_fetch_failures",
        "Fetches of a policy that failed.",
        lambda sources: sources.counters.fetch_failures,
    ),
    counter(
        "dns_failures",
        "Discoveries of a policy for which the name servers gave no answer.",
        lambda sources: sources.counters.dns_failures,
    ),
    counter(
        "discoverer_restarts",
        "How often the process that discovers has ended and was started again.",
        lambda sources: sources.counters.discoverer_ends,
    ),
)
