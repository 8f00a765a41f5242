"""What is known of one domain or next hop, and until when. All times are monotonic seconds."""

from typing import Any, NamedTuple

from msgspec import Struct

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.footprint import footprint
from mtasts_resolver.policy import Dane, DaneFinding, Policy, StsFinding, parse_text
from mtasts_resolver.postfix.reply import TimedReply
from mtasts_resolver.store import StoredPolicy

# The usual finding, of which there may be hundreds of thousands.
ABSENT = StsFinding(None, "the domain publishes no policy record", "no-record")


class Entry(Struct, eq=False, kw_only=True, gc=False):
    """What memory knows of a key, and what was made of it.

    Entries are in no cycles, and the garbage collector does not look at them: with hundreds of
    thousands it would hold the event loop for as many microseconds.
    """

    finding: Any
    until: float
    """What is known may be answered before this time."""
    stale_at: float
    """From this time on a look-up has it looked at again, and waits for nothing."""
    asked: float
    """The last look-up."""
    referenced: bool = False
    """A look-up has used the entry since the last eviction that passed it."""
    replies: tuple[TimedReply, ...] = ()
    """The replies that were made of it: one for each map and next hop."""
    size: int = 0
    """Bytes that the cache counts for it; 0 while it is in none."""

    @property
    def precious(self) -> bool:
        """Tell whether it is worth more than an absence."""
        return False

    @property
    def kind(self) -> str:
        """Return as what it is counted, which stays so for its life."""
        return ""

    @property
    def renewed(self) -> bool:
        """Tell whether a schedule knows it, too."""
        return False

    @property
    def shared(self) -> tuple[object, ...]:
        """Return those of its parts that other entries hold, too."""
        return ()

    def footprint(self) -> int:
        """Return about how many bytes it takes, without replies and what it shares."""
        return footprint(self, {id(self.replies), *map(id, self.shared)})

    def take_use(self) -> bool:
        """Tell whether it, or a reply made of it, was used since this was asked last."""
        used = self.referenced
        self.referenced = False
        for reply in self.replies:
            used |= reply.used
            reply.used = False
        return used

    def recall(self) -> None:
        """Have the replies made anew: what they were made of is gone, or wrong."""
        for reply in self.replies:
            reply.recall()
        self.replies = ()


# -- DANE ------------------------------------------------------------------------------------------


class DaneEntry(Entry, eq=False, kw_only=True, gc=False):
    """What is known of one next hop."""

    finding: DaneFinding

    @property
    def precious(self) -> bool:
        return self.finding.status is not Dane.NONE

    @property
    def kind(self) -> str:
        return self.finding.status.value

    @property
    def renewed(self) -> bool:
        return True

    @property
    def shared(self) -> tuple[object, ...]:
        return () if self.finding.status is Dane.UNKNOWN else (self.finding,)


# -- MTA-STS ---------------------------------------------------------------------------------------


class FetchFailure(NamedTuple):
    """The last fetch of a policy failed (RFC 8461 §3.3)."""

    policy_id: str
    """The id for which it failed; another id may be fetched at once."""
    failures: int
    """How many in a row for this id."""
    retry_at: float
    """No fetch for this id before."""
    code: str
    reason: str


class StsEntry(Entry, eq=False, kw_only=True, gc=False):
    """What is known of one policy domain."""

    finding: StsFinding
    stored: StoredPolicy | None = None
    """The policy as it is stored; None where there is no policy."""
    failure: FetchFailure | None = None
    reported: tuple[str, int] | None = None
    """The kind and the urgency of the failed refresh that was told last."""
    record_lost: bool = False
    """There is a policy, and no usable policy record any more."""

    @property
    def precious(self) -> bool:
        return self.stored is not None

    @property
    def kind(self) -> str:
        policy = self.finding.policy
        return "absent" if policy is None else policy.mode.value

    @property
    def renewed(self) -> bool:
        return self.precious

    @property
    def shared(self) -> tuple[object, ...]:
        return (ABSENT,)

    @property
    def policy_id(self) -> str | None:
        return None if self.stored is None else self.stored.policy_id


def entry_of(stored: StoredPolicy, clock: Clock) -> StsEntry | None:
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
    return StsEntry(
        finding=StsFinding(policy), until=now + remaining, stale_at=now, asked=asked, stored=stored
    )


def expired_for(stored: StoredPolicy, clock: Clock) -> float:
    """Return for how long a policy is over, as the wall clock has it now; below 0 if it is not.

    Raise DocumentError.
    """
    return _expired_for(stored, parse_text(stored.document), clock)


def _expired_for(stored: StoredPolicy, policy: Policy, clock: Clock) -> float:
    return max(0.0, clock.wall() - stored.fetched_at) - policy.max_age
