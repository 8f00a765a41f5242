"""The daemon itself, and what an administrator has decided."""

from collections.abc import Iterator
from platform import python_version

from mtasts_resolver import __version__
from mtasts_resolver.control.views.metrics.kinds import Metric, Sample, Seen, counter, gauge
from mtasts_resolver.control.views.readiness import PARTS


def _ready(seen: Seen) -> Iterator[Sample]:
    for part, trouble in PARTS.items():
        yield (part,), trouble(seen.sources) is None


def _lines(seen: Seen) -> Iterator[Sample]:
    trouble = seen.sources.trouble
    yield ("warning",), trouble.warnings
    yield ("error",), trouble.errors


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
    gauge(
        "store_pending_changes",
        "Changes that wait to be written to the store.",
        lambda sources: sources.store.pending,
    ),
    gauge(
        "history_pending_changes",
        "Changes that wait to be written to the history.",
        lambda sources: sources.history.pending,
    ),
    gauge(
        "history_trouble",
        "Whether the history cannot be kept at present; answers are right all the same.",
        lambda sources: sources.history.trouble is not None,
    ),
    Metric(
        "mtasts_resolver_log_lines_total",
        "counter",
        "Lines of the log that an administrator should look at.",
        ("level",),
        _lines,
    ),
    gauge(
        "answer_log_waiting",
        "Look-ups that wait to be written to the log, where log.answers is `all`.",
        lambda sources: sources.answer_log.waiting,
    ),
    counter(
        "answer_log_left_out",
        "Look-ups that came faster than they could be logged, and have no line.",
        lambda sources: sources.answer_log.lost,
    ),
    counter(
        "event_loop_late_seconds",
        "By how much the event loop that answers was late, at one look a second.",
        lambda sources: sources.lag.seconds,
    ),
    gauge(
        "config_faulty",
        "Whether the configuration file is faulty, and an older one in force.",
        lambda sources: sources.in_force.faulty,
    ),
    gauge(
        "config_loaded_timestamp_seconds",
        "When the configuration came into force.",
        lambda sources: sources.in_force.loaded_at,
    ),
    gauge(
        "start_timestamp_seconds",
        "When the daemon was started.",
        lambda sources: sources.started_at,
    ),
)
