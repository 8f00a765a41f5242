"""Whether a change leaves mail to a domain less protected than before, and by what."""

from enum import StrEnum

from mtasts_resolver.policy.dane import Dane
from mtasts_resolver.policy.document import Mode, Policy
from mtasts_resolver.policy.hostname import matches
from mtasts_resolver.policy.verdict import is_enforced


class Weakening(StrEnum):
    """What makes a change one that weakens protection."""

    MODE = "mode"
    """The policy is not enforced any more, as its owner says."""
    MX = "mx"
    """Hosts are verified by it that were not before."""
    RECORD_GONE = "record-gone"
    """There is no usable policy record, and an enforced policy is cached: it ends with its max_age
    if nothing comes back. Who leaves MTA-STS publishes mode none first (RFC 8461 §8.3)."""
    EXPIRED = "expired"
    """An enforced policy's max_age is over, and no new one could be had."""
    DANE_LOST = "dane-lost"
    """DANE was required, and is not any more."""


def weakened_by_change(old: Policy, new: Policy, *, enforce_testing: bool) -> list[Weakening]:
    """Return how `new`, in the place of `old`, weakens protection.

    With `enforce_testing` a policy in mode testing protects, too, for the administrator wants it
    to. That its owner goes back from enforce to testing counts all the same.
    """
    if not is_enforced(old, enforce_testing=enforce_testing):
        return []
    protects = is_enforced(new, enforce_testing=enforce_testing)
    found = []
    if not protects or (old.mode is Mode.ENFORCE and new.mode is not Mode.ENFORCE):
        found.append(Weakening.MODE)
    if protects and outside(new.mx, old.mx):
        found.append(Weakening.MX)
    return found


def weakened_by_loss(old: Policy, loss: Weakening, *, enforce_testing: bool) -> list[Weakening]:
    """Return how it weakens protection that `old` is over, or that its record is gone."""
    return [loss] if is_enforced(old, enforce_testing=enforce_testing) else []


def weakened_by_dane(old: Dane, new: Dane) -> list[Weakening]:
    """Return how it weakens protection that DANE is `new`, and was `old` when last that was known.

    A look-up that failed is not absence (RFC 7672 §2.1), nor is one that was not made.
    """
    lost = old is Dane.REQUIRED and new in (Dane.PARTIAL, Dane.NONE)
    return [Weakening.DANE_LOST] if lost else []


def outside(new: tuple[str, ...], old: tuple[str, ...]) -> list[str]:
    """Return the mx patterns of `new` by which some host is verified that `old` leaves out.

    A wildcard stands for any label, so only itself covers it: no number of names does.
    """
    return [mx for mx in new if mx not in old and not any(_covers(other, mx) for other in old)]


def _covers(pattern: str, mx: str) -> bool:
    return not mx.startswith("*.") and matches(mx, pattern)
