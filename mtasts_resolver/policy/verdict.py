r"""From what is known of a domain to how Postfix must treat it: the decision table.

    DANE \ MTA-STS  | enforce | anything else | DNS failed, nothing cached
    ----------------+---------+---------------+---------------------------
    required        | DANE_ONLY for all three
    partial         | SECURE  | DANE          | DANE
    unknown         | TEMP    | DANE          | DANE
    none, off       | SECURE  | NOT_FOUND     | NOT_FOUND

For a main.cf that the level DANE would weaken, the administrator can have it left out. NOT_FOUND
takes its place where DANE is partial. Where it is unknown TEMP does: it may be required, and a
look-up that failed is not absence (RFC 7672 §2.1).

`DNS failed` becomes TEMP in its last column where the administrator chose to defer, save where
DANE is required, which is the stronger answer.
"""

from enum import Enum, auto
from typing import NamedTuple

from msgspec import Struct

from mtasts_resolver.policy.dane import Dane, DaneFinding
from mtasts_resolver.policy.document import Mode, Policy


class StsFinding(Struct, frozen=True, gc=False):
    """What is known of a domain's MTA-STS policy."""

    policy: Policy | None
    """The policy that applies, whatever its mode."""
    reason: str = ""
    """Why there is no policy, in words for an administrator."""
    code: str = ""
    """The kind of that reason, for logs and metrics."""
    known: bool = True
    """False: the name servers failed and nothing is cached, so there may be a policy."""


class Level(Enum):
    """How Postfix is told to treat the next hop; the security levels are Postfix's."""

    SECURE = auto()
    DANE_ONLY = auto()
    DANE = auto()
    NOT_FOUND = auto()
    """No advice: main.cf's own level stays in force."""
    TEMP = auto()
    """Defer."""


class Verdict(NamedTuple):
    """The decision for one domain."""

    level: Level
    policy: Policy | None = None
    """The policy to verify by; present where the level is SECURE."""
    reason: str = ""
    """Why mail is deferred; present where the level is TEMP."""


def decide(
    dane: DaneFinding,
    sts: StsFinding,
    *,
    enforce_testing: bool = False,
    defer_on_dns_failure: bool = False,
    opportunistic_dane: bool = True,
) -> Verdict:
    """Return the verdict of the decision table.

    RFC 8461 §2: MTA-STS must not override a failing DANE validation. RFC 8461 §5: a policy in mode
    testing or none is never enforced, unless the administrator asks for it with `enforce_testing`.
    Without `opportunistic_dane` the level DANE is not used.
    """
    enforced = sts.policy is not None and is_enforced(sts.policy, enforce_testing=enforce_testing)
    if dane.status is Dane.REQUIRED:
        return Verdict(Level.DANE_ONLY)
    if dane.status is Dane.UNKNOWN and (enforced or not opportunistic_dane):
        claim = "DANE may apply before MTA-STS" if enforced else "DANE may be required"
        return Verdict(Level.TEMP, reason=f"{claim}, but its look-up failed: {dane.reason}")
    if enforced:
        return Verdict(Level.SECURE, policy=sts.policy)
    if not sts.known and defer_on_dns_failure:
        return Verdict(Level.TEMP, reason=sts.reason)
    if dane.status in (Dane.PARTIAL, Dane.UNKNOWN) and opportunistic_dane:
        return Verdict(Level.DANE)
    return Verdict(Level.NOT_FOUND)


def is_enforced(policy: Policy, *, enforce_testing: bool) -> bool:
    """Tell whether mail must not go out against `policy` (RFC 8461 §5)."""
    return policy.mode is Mode.ENFORCE or (policy.mode is Mode.TESTING and enforce_testing)
