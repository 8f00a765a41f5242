"""Look-ups and connections."""

from collections.abc import Iterable, Iterator

from mtasts_resolver.control.views.metrics.kinds import Labels, Metric, Sample, Seen, counter, gauge


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
    counter(
        "lookup_waits",
        "Look-ups that waited for a discovery.",
        lambda sources: sources.counters.waited,
    ),
    counter(
        "lookup_timeouts",
        "Look-ups that were answered before their discovery had ended.",
        lambda sources: sources.counters.lookup_timeouts,
    ),
    counter(
        "lookups_overloaded",
        "Look-ups that were deferred, because nothing could be found out or too much had to be.",
        lambda sources: sources.counters.overloaded,
    ),
    counter(
        "lookups_failed",
        "Look-ups that were deferred because of a bug.",
        lambda sources: sources.server.counters.failed,
    ),
    counter(
        "bad_requests",
        "What was no look-up, and was refused.",
        lambda sources: sources.server.counters.bad_requests,
    ),
    gauge(
        "connections",
        "Connections of those who look up that are open.",
        lambda sources: sources.server.counters.connections_open,
    ),
    counter(
        "connections_accepted",
        "Connections that were accepted.",
        lambda sources: sources.server.counters.connections_accepted,
    ),
    counter(
        "connections_rejected",
        "Connections that were closed at once, as too many were open.",
        lambda sources: sources.server.counters.connections_rejected,
    ),
)
