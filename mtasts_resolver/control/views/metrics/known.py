"""What is known of domains and next hops."""

from collections.abc import Iterator

from mtasts_resolver.control.views.metrics.kinds import Metric, Sample, Seen, gauge, one
from mtasts_resolver.policy import Dane, Mode, Weakening


def _policies(seen: Seen) -> Iterator[Sample]:
    counts = seen.sources.sts.cache.counts
    for mode in Mode:
        yield (mode.value,), counts[mode.value]


def _next_hops(seen: Seen) -> Iterator[Sample]:
    counts = seen.sources.dane.cache.counts
    for status in (Dane.REQUIRED, Dane.PARTIAL, Dane.UNKNOWN, Dane.NONE):
        yield (status.value,), counts[status.value]


def _weakened(seen: Seen) -> Iterator[Sample]:
    for weakening in Weakening:
        yield (weakening.value,), seen.sources.weakened.since_start[weakening]


def _memory(seen: Seen) -> Iterator[Sample]:
    yield ("policy",), seen.sources.sts.cache.bytes
    yield ("dane",), seen.sources.dane.cache.bytes


def _scheduled(seen: Seen) -> Iterator[Sample]:
    yield ("policy",), len(seen.sources.sts)
    yield ("dane",), len(seen.sources.dane)


KNOWN = (
    Metric(
        "mtasts_resolver_policies",
        "gauge",
        "Policies in memory, by mode.",
        ("mode",),
        _policies,
    ),
    gauge(
        "absences",
        "Domains in memory that are known to have no policy.",
        lambda sources: sources.sts.cache.counts["absent"],
    ),
    gauge(
        "policies_failing",
        "Policies that could not be fetched again, those of mode none not counted.",
        lambda sources: sources.sts.failing_refresh,
    ),
    Metric(
        "mtasts_resolver_policies_failing_earliest_expiry_timestamp_seconds",
        "gauge",
        "When the first of the failing policies expires; absent where none fails.",
        (),
        lambda seen: one(seen.earliest_expiry),
    ),
    Metric(
        "mtasts_resolver_protection_weakened_total",
        "counter",
        "Changes that left mail to a domain less protected, by what has changed.",
        ("weakening",),
        _weakened,
    ),
    gauge(
        "weakened_domains",
        "Domains to which mail is less protected than it was in the last 30 days.",
        lambda sources: len(sources.weakened),
    ),
    Metric(
        "mtasts_resolver_dane_next_hops",
        "gauge",
        "Next hops in memory, by what DANE demands there.",
        ("status",),
        _next_hops,
    ),
    gauge(
        "dnssec_validated",
        "Whether a trusted name server validates, so that DANE takes part; absent where unknown.",
        lambda sources: sources.dnssec.validates,
    ),
    Metric(
        "mtasts_resolver_memory_bytes",
        "gauge",
        "About how much memory what is known takes.",
        ("what",),
        _memory,
    ),
    Metric(
        "mtasts_resolver_scheduled_refreshes",
        "gauge",
        "What is kept current by a schedule.",
        ("what",),
        _scheduled,
    ),
)
