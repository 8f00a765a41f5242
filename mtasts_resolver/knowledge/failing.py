"""The policies that could not be fetched again: since when, and why."""

from collections.abc import Iterator
from typing import NamedTuple

from mtasts_resolver.base.events import Events
from mtasts_resolver.knowledge.cache import ManyDicts
from mtasts_resolver.knowledge.entry import FetchFailure, StsEntry
from mtasts_resolver.knowledge.events import (
    PolicyExpired,
    PolicyForgotten,
    PolicyPurged,
    RefreshFailed,
    StoredPolicyInvalid,
)
from mtasts_resolver.knowledge.lifetimes import refresh_urgency
from mtasts_resolver.policy import Mode

# All that memory holds by default, in an outage of our own; with more, dicts grow larger.
USUAL_AT_WORST = 200_000


class FailingRefresh(NamedTuple):
    """The last refresh of a policy has failed."""

    since: float
    """Monotonic seconds: the first failure in a row."""
    last: FetchFailure


class FailingRefreshes:
    """The policies that were not fetched again when they should have been, mode none left out."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._failing: ManyDicts[FailingRefresh] = ManyDicts(USUAL_AT_WORST)
        events.listen(PolicyExpired, lambda told: self.end(told.domain))
        events.listen(PolicyForgotten, lambda told: self.end(told.domain))
        events.listen(PolicyPurged, lambda told: self.end(told.domain))
        events.listen(StoredPolicyInvalid, lambda told: self.end(told.domain))

    def __len__(self) -> int:
        return len(self._failing)

    def get(self, domain: str) -> FailingRefresh | None:
        return self._failing.get(domain)

    def domains(self) -> Iterator[str]:
        """Yield each that still fails when its turn comes."""
        return (domain for domain, _ in self._failing.steadily())

    def note(self, domain: str, entry: StsEntry, failure: FetchFailure, now: float) -> None:
        """Take note that a policy could not be fetched again.

        It is told where the failure is new, or has become more urgent (RFC 8461 §3.3).
        """
        policy = entry.finding.policy
        if policy is None or policy.mode is Mode.NONE:
            return
        known = self._failing.get(domain)
        self._failing.put(domain, FailingRefresh(known.since if known else now, failure))
        remaining = entry.until - now
        urgency = refresh_urgency(remaining, policy.max_age)
        if entry.reported != (failure.code, urgency):
            entry.reported = (failure.code, urgency)
            told = RefreshFailed(domain, failure.code, failure.reason, remaining, urgency)
            self._events.publish(told)

    def end(self, domain: str) -> bool:
        """Take note that it was fetched, or is gone; tell whether its refresh had failed."""
        return self._failing.pop(domain) is not None
