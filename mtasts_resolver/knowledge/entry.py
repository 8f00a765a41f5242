"""What is known of one domain's MTA-STS policy, and until when."""

from typing import NamedTuple

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.knowledge.cache import CacheEntry
from mtasts_resolver.policy import Policy, StsFinding, parse_text
from mtasts_resolver.store import StoredPolicy

# The usual finding, of which there may be hundreds of thousands.
ABSENT = StsFinding(None, "the domain publishes no policy record", "no-record")


class FetchFailure(NamedTuple):
    """The last fetch of a policy failed (RFC 8461 §3.3)."""

    policy_id: str
    """The id for which it failed; another id may be fetched at once."""
    failures: int
    """How many in a row for this id."""
    retry_at: float
    """Monotonic seconds: no fetch for this id before."""
    code: str
    reason: str


class Entry(CacheEntry, eq=False, kw_only=True, gc=False):
    """What is known of one domain. All times are monotonic seconds."""

    finding: StsFinding
    check_at: float
    """From this time on a look-up starts a check of the policy record, and waits for nothing."""
    stored: StoredPolicy | None = None
    """The policy as it is stored; None where there is no policy."""
    failure: FetchFailure | None = None
    reported: tuple[str, int] | None = None
    """The kind and the urgency of the failed refresh that was logged last."""

    @property
    def precious(self) -> bool:
        return self.stored is not None

    @property
    def renewed(self) -> bool:
        return self.precious

    @property
    def shared(self) -> tuple[object, ...]:
        return (ABSENT,)

    @property
    def policy_id(self) -> str | None:
        return None if self.stored is None else self.stored.policy_id


def entry_of(stored: StoredPolicy, clock: Clock) -> Entry | None:
    """Return the entry of a stored policy, or None where it has expired. Raise DocumentError.

    A time of fetch that lies in the future, since the clock was set back, counts as now. The policy
    record is due to be looked at: nobody knows for how long the daemon was down.
    """
    policy = parse_text(stored.document)
    now, remaining = clock.monotonic(), -_expired_for(stored, policy, clock)
    if remaining <= 0:
        return None
    # As it was when the policy was fetched: while the daemon was down nobody could ask, and a clock
    # that is wrong at the start must not make it seem long ago.
    asked = now - max(0.0, stored.fetched_at - stored.asked_at)
    return Entry(
        finding=StsFinding(policy), until=now + remaining, check_at=now, asked=asked, stored=stored
    )


def expired_for(stored: StoredPolicy, clock: Clock) -> float:
    """Return for how long a policy is over, as the wall clock has it now; below 0 if it is not.

    Raise DocumentError.
    """
    return _expired_for(stored, parse_text(stored.document), clock)


def _expired_for(stored: StoredPolicy, policy: Policy, clock: Clock) -> float:
    return max(0.0, clock.wall() - stored.fetched_at) - policy.max_age
