"""What an administrator has decided for some destinations."""

from collections import Counter
from collections.abc import Iterator
from typing import get_args

from mtasts_resolver.answers.overrides import OverrideState
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.views.metrics.kinds import Metric, Sample, Seen, gauge
from mtasts_resolver.postfix.override import ACTIONS


def _overrides(seen: Seen) -> Iterator[Sample]:
    overrides = seen.sources.overrides
    counts: Counter[tuple[str, str]] = Counter(
        (override.action, overrides.state(override)) for override in overrides
    )
    for action in (*ACTIONS, "policy"):
        for state in get_args(OverrideState):
            yield (action, state), counts[action, state]


def _earliest_end(sources: Sources) -> float | None:
    overrides = sources.overrides
    ends = [
        override.until
        for override in overrides
        if override.until is not None and overrides.state(override) in {"in-force", "ends-soon"}
    ]
    return min(ends, default=None)


OVERRIDDEN = (
    Metric(
        "mtasts_resolver_overrides",
        "gauge",
        "Overrides, by what they answer and how they stand.",
        ("action", "state"),
        _overrides,
    ),
    gauge(
        "overrides_earliest_end_timestamp_seconds",
        "When the first override that is in force ends; absent where none has an end.",
        _earliest_end,
    ),
    gauge(
        "override_file_faulty",
        "Whether the file of the overrides that were added by command is faulty.",
        lambda sources: bool(sources.overrides.faults),
    ),
)
