"""What happens to what is known. Domains are A-label names, `reason` is for an administrator."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from mtasts_resolver.knowledge.lifetimes import Urgency
from mtasts_resolver.knowledge.outcomes import EndedAs
from mtasts_resolver.policy import DaneFinding, Policy, Weakening
from mtasts_resolver.store import StoredPolicy

# -- discoveries -----------------------------------------------------------------------------------


class Discovered(Struct, frozen=True):
    """A discovery has ended, however it did: that of a policy, or of DANE at a next hop."""

    what: Literal["policy", "dane"]
    refresh: bool
    """The schedule began it; else it was for a look-up, which need not have waited."""
    outcome: EndedAs
    code: str
    """The kind of failure."""
    seconds: float
    """From when it could begin to its end."""


# -- policies --------------------------------------------------------------------------------------


class PolicyFound(Struct, frozen=True):
    """A domain without a policy in memory or in the store has one."""

    domain: str
    policy: Policy
    policy_id: str


class PolicyChanged(Struct, frozen=True):
    """A fetch brought another policy or another id than the last."""

    domain: str
    policy: Policy
    policy_id: str
    previous: Policy
    previous_id: str | None


class PolicyExpired(Struct, frozen=True):
    """A policy's max_age is over, and nothing has taken its place (RFC 8461 §3.2)."""

    domain: str
    policy: Policy
    policy_id: str | None


class PolicyForgotten(Struct, frozen=True):
    """Nobody asked for the domain in `forget_after`."""

    domain: str
    policy: Policy | None
    policy_id: str | None


class RecordLost(Struct, frozen=True):
    """There is no usable policy record any more, while a policy is cached (RFC 8461 §5.1)."""

    domain: str
    policy: Policy | None
    code: str
    reason: str


class RecordReturned(Struct, frozen=True):
    """There is a usable policy record again after RecordLost."""

    domain: str


class PolicyPurged(Struct, frozen=True):
    """An administrator has had a policy dropped, which may still apply (RFC 8461 §5.1)."""

    domain: str
    policy: Policy
    policy_id: str | None
    by: str
    """The user."""


class PolicyImported(Struct, frozen=True):
    """An administrator has brought a policy that was fetched elsewhere, or earlier."""

    domain: str
    policy: Policy
    policy_id: str
    by: str
    """The user."""


class PolicyUnavailable(Struct, frozen=True):
    """There is a policy record, but no policy, for a new reason (RFC 8461 §3.3)."""

    domain: str
    code: str
    reason: str


class RecordInvalid(Struct, frozen=True):
    """What a domain publishes as its policy record is none, for a new reason (RFC 8461 §3.1)."""

    domain: str
    code: str
    reason: str


class StoredPolicyInvalid(Struct, frozen=True):
    """What the store holds for a domain is no policy."""

    domain: str
    reason: str


class StoredPolicyDropped(Struct, frozen=True):
    """A policy has been over for so long that the store need not keep it: it ended unseen."""

    stored: StoredPolicy
    seconds: float
    """For how long it has been over."""


class RefreshFailed(Struct, frozen=True):
    """A policy could not be fetched again, for a new reason or nearer its end (RFC 8461 §3.3)."""

    domain: str
    code: str
    reason: str
    remaining: float
    """Seconds until it expires."""
    urgency: Urgency


class RefreshRecovered(Struct, frozen=True):
    """A policy was fetched again after RefreshFailed."""

    domain: str


class ProtectionWeakened(Struct, frozen=True):
    """Mail to a domain is less protected than before."""

    domain: str
    weakened: Sequence[Weakening]
    was: str
    """What was: a mode, or a status of DANE."""
    now: str
    reason: str = ""


# -- the store -------------------------------------------------------------------------------------


class PoliciesLoaded(Struct, frozen=True):
    """All that the store holds is in memory, as far as there is room."""

    policies: int
    """Those that are scheduled to be refreshed."""
    expired: Sequence[str]
    """The domains whose policies were over."""


class ClockSet(Struct, frozen=True):
    """The wall clock was set by so many seconds."""

    seconds: float


# -- DNS -------------------------------------------------------------------------------------------


class DnsFailed(Struct, frozen=True):
    """A question of a look-up had no answer."""

    code: str
    reason: str


class NameServersFailed(Struct, frozen=True):
    """Our own name servers fail, and not those of some domains."""

    failures: int
    seconds: float
    code: str
    reason: str


class NameServersRecovered(Struct, frozen=True):
    """They answer again."""

    failures: int


class DaneFound(Struct, frozen=True):
    """DANE was looked up at a next hop, whether or not that brought anything new."""

    hop: str
    finding: DaneFinding
    known: DaneFinding | None
    """What memory knew before; None where that is nothing."""


class DnssecChanged(Struct, frozen=True):
    """There is a validating resolver to be trusted, or no longer."""

    validates: bool
    servers: tuple[str, ...] = ()
    """Those that are trusted, where it validates."""
    reason: str = ""
    """Why not, where it does not."""


class ProbeFailed(Struct, frozen=True):
    """Nothing was learnt about DNSSEC."""

    reason: str


# -- the daemon ------------------------------------------------------------------------------------


class DaemonChanged(Struct, frozen=True):
    """What holds for all domains has changed: that the daemon runs, or its configuration."""

    how: str
    reason: str = ""
