"""What is measured: every metric in one table, from which the page docs/metrics.md is checked.

Labels are few words each: never a domain, an address or a text.
"""

from collections.abc import Callable, Iterable, Iterator
from platform import python_version
from typing import Any, Literal, NamedTuple

from mtasts_resolver import __version__
from mtasts_resolver.base.counters import Histogram
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.views.failing import earliest_expiry
from mtasts_resolver.control.views.readiness import PARTS
from mtasts_resolver.knowledge.inflight import Discoveries
from mtasts_resolver.policy import Dane, Mode, Weakening

Labels = tuple[str, ...]
Sample = tuple[Labels, float | Histogram]


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


# -- reading ---------------------------------------------------------------------------------------


def _one(value: float | None) -> list[Sample]:
    """Return a sample without labels; none where there is no value."""
    return [] if value is None else [((), float(value))]


def _lookups(seen: Seen) -> Iterable[Sample]:
    counts: dict[Labels, float] = {}
    for tally in seen.sources.service.tallies:
        labels = (tally.map_name, tally.answer)
        counts[labels] = counts.get(labels, 0) + tally.count
    return counts.items()


def _observed(seen: Seen) -> Iterable[Sample]:
    return [
        ((tally.map_name, tally.would_be), tally.count)
        for tally in seen.sources.service.tallies
        if tally.would_be
    ]


def _hits(seen: Seen) -> Iterator[Sample]:
    """Tell those apart that the server asked for, for they had no reply that stood ready."""
    sources = seen.sources
    tallies = sources.service.tallies
    asked = sources.server.counters.requests
    yield ("ready",), max(0, tallies.total() - asked)
    yield ("memory",), max(0, asked - sources.counters.waited)


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


def _ready(seen: Seen) -> Iterator[Sample]:
    for part, trouble in PARTS.items():
        yield (part,), trouble(seen.sources) is None


# -- the table -------------------------------------------------------------------------------------

_Number = Callable[[Sources], float | None]


def _counter(name: str, text: str, number: _Number) -> Metric:
    return Metric(f"mtasts_resolver_{name}_total", "counter", text, (), _number(number))


def _gauge(name: str, text: str, number: _Number) -> Metric:
    return Metric(f"mtasts_resolver_{name}", "gauge", text, (), _number(number))


def _number(number: _Number) -> Callable[[Seen], Iterable[Sample]]:
    return lambda seen: _one(number(seen.sources))


LOOKUPS = (
    Metric(
        "mtasts_resolver_lookups_total",
        "counter",
        "Look-ups that were answered, by the first word that Postfix got.",
        ("map", "answer"),
        _lookups,
    ),
    Metric(
        "mtasts_resolver_lookups_observed_total",
        "counter",
        "Look-ups in maps that only observe, by the answer that they would have got.",
        ("map", "would_be"),
        _observed,
    ),
    Metric(
        "mtasts_resolver_lookup_hits_total",
        "counter",
        "Look-ups that waited for nothing: a reply stood ready, or memory knew the domain.",
        ("place",),
        _hits,
    ),
    _counter(
        "lookup_waits",
        "Look-ups that waited for a discovery.",
        lambda sources: sources.counters.waited,
    ),
    _counter(
        "lookup_timeouts",
        "Look-ups that were answered before their discovery had ended.",
        lambda sources: sources.counters.lookup_timeouts,
    ),
    _counter(
        "lookups_overloaded",
        "Look-ups that were deferred, because nothing could be found out or too much had to be.",
        lambda sources: sources.counters.overloaded,
    ),
    _counter(
        "lookups_failed",
        "Look-ups that were deferred because of a bug.",
        lambda sources: sources.server.counters.failed,
    ),
    _counter(
        "bad_requests",
        "What was no look-up, and was refused.",
        lambda sources: sources.server.counters.bad_requests,
    ),
    _gauge(
        "connections",
        "Connections of those who look up that are open.",
        lambda sources: sources.server.counters.connections_open,
    ),
    _counter(
        "connections_accepted",
        "Connections that were accepted.",
        lambda sources: sources.server.counters.connections_accepted,
    ),
    _counter(
        "connections_rejected",
        "Connections that were closed at once, as too many were open.",
        lambda sources: sources.server.counters.connections_rejected,
    ),
)

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
    _counter(
        "policy_fetches",
        "Fetches of a policy over HTTPS.",
        lambda sources: sources.counters.fetches,
    ),
    _counter(
        "policy_fetch_failures",
        "Fetches of a policy that failed.",
        lambda sources: sources.counters.fetch_failures,
    ),
    _counter(
        "dns_failures",
        "Discoveries of a policy for which the name servers gave no answer.",
        lambda sources: sources.counters.dns_failures,
    ),
    _counter(
        "discoverer_restarts",
        "How often the process that discovers has ended and was started again.",
        lambda sources: sources.counters.discoverer_ends,
    ),
)

KNOWLEDGE = (
    Metric(
        "mtasts_resolver_policies",
        "gauge",
        "Policies in memory, by mode.",
        ("mode",),
        _policies,
    ),
    _gauge(
        "absences",
        "Domains in memory that are known to have no policy.",
        lambda sources: sources.sts.cache.counts["absent"],
    ),
    _gauge(
        "policies_failing",
        "Policies that could not be fetched again, those of mode none not counted.",
        lambda sources: sources.sts.failing_refresh,
    ),
    Metric(
        "mtasts_resolver_policies_failing_earliest_expiry_timestamp_seconds",
        "gauge",
        "When the first of the failing policies expires; absent where none fails.",
        (),
        lambda seen: _one(seen.earliest_expiry),
    ),
    Metric(
        "mtasts_resolver_protection_weakened_total",
        "counter",
        "Changes that left mail to a domain less protected, by what has changed.",
        ("weakening",),
        _weakened,
    ),
    _gauge(
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
    _gauge(
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

DAEMON = (
    Metric(
        "mtasts_resolver_build_info",
        "gauge",
        "The version that runs; always 1.",
        ("version", "python"),
        lambda _: [((__version__, python_version()), 1.0)],
    ),
    Metric(
        "mtasts_resolver_ready",
        "gauge",
        "Whether a part is well, as /readyz has it.",
        ("part",),
        _ready,
    ),
    _gauge(
        "store_pending_changes",
        "Changes that wait to be written to the store.",
        lambda sources: sources.store.pending,
    ),
    _gauge(
        "history_pending_changes",
        "Changes that wait to be written to the history.",
        lambda sources: sources.history.pending,
    ),
    _gauge(
        "answer_log_waiting",
        "Look-ups that wait to be written to the log, where log.answers is `all`.",
        lambda sources: sources.answer_log.waiting,
    ),
    _counter(
        "answer_log_left_out",
        "Look-ups that came faster than they could be logged, and have no line.",
        lambda sources: sources.answer_log.lost,
    ),
    _gauge(
        "config_faulty",
        "Whether the configuration file is faulty, and an older one in force.",
        lambda sources: sources.in_force.faulty,
    ),
    _gauge(
        "config_loaded_timestamp_seconds",
        "When the configuration came into force.",
        lambda sources: sources.in_force.loaded_at,
    ),
    _gauge(
        "start_timestamp_seconds",
        "When the daemon was started.",
        lambda sources: sources.started_at,
    ),
)

METRICS: tuple[Metric, ...] = (*LOOKUPS, *DISCOVERIES, *KNOWLEDGE, *DAEMON)
