"""Protection that was lost, by the daemon's history, as the accounts of a report take it."""

from msgspec import Struct


class PastWeakening(Struct, frozen=True, kw_only=True):
    """From a time on mail to a domain was less protected: a change of the history."""

    domain: str
    """A-label form."""
    since: float
    until: float | None
    """When it was as it had been before; None: not as far as the history goes."""
    weakened: tuple[str, ...]
    """By what, as the history has it: `mode`, `mx`, `record-gone`, `expired`, `dane-lost`."""
    was: str = ""
    """What was until then, in lines: the policy, or what was found of DANE; empty if not known."""
    now: str = ""
    """What was from then on; empty for nothing."""
    reason: str = ""
    """Why, in the history's words."""
