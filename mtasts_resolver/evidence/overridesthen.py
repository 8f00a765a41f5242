"""Which override was in force for a next hop at a time."""

from bisect import bisect_right
from typing import NamedTuple

from mtasts_resolver.base.timestamps import parse_timestamp
from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.evidence.told import Told
from mtasts_resolver.policy import parse_next_hop
from mtasts_resolver.postfix.override import patterns_for

# Changes of overrides that are kept; an administrator has dozens of overrides.
MAX_CHANGES = 20_000
# Next hops of which it is remembered which patterns fit them.
MAX_FITTED = 100_000

_NEVER = float("inf")


class _Decided(NamedTuple):
    """What was decided by an override from a time on."""

    time: float
    action: str
    """Its first word; empty where it was removed."""
    until: float


class OverridesThen:
    """Takes changes of overrides, the latest first, and tells."""

    def __init__(self) -> None:
        self._by_pattern: dict[str, list[_Decided]] = {}
        self._fitting: dict[str, tuple[list[_Decided], ...]] = {}
        self._changes = 0

    def __bool__(self) -> bool:
        return bool(self._by_pattern)

    def add(self, change: BriefChange) -> None:
        """Take the next older change."""
        if self._changes >= MAX_CHANGES:
            return
        self._changes += 1
        text, _, end = (change.now or "").partition("\nuntil ")
        decided = _Decided(change.time, text.partition(" ")[0], _moment(end))
        self._by_pattern.setdefault(change.hop, []).append(decided)

    def finish(self) -> None:
        """Make what was added ready to be asked."""
        for decisions in self._by_pattern.values():
            decisions.reverse()
            decisions.sort(key=lambda decided: decided.time)

    def decided(self, told: Told, hop: str, time: float) -> Told:
        """Return what was told, with the override for its reason if there was one."""
        for decisions in self._fitting_to(hop):
            row = bisect_right(decisions, (time, "\U0010ffff")) - 1
            if row >= 0 and decisions[row].action and time < decisions[row].until:
                if decisions[row].action == "live":
                    break
                return Told(told.action, "override")
        return told

    def _fitting_to(self, hop: str) -> tuple[list[_Decided], ...]:
        found = self._fitting.get(hop)
        if found is None:
            parsed = parse_next_hop(hop)
            patterns = () if parsed is None else patterns_for(parsed)
            found = tuple(self._by_pattern[one] for one in patterns if one in self._by_pattern)
            if len(self._fitting) >= MAX_FITTED:
                self._fitting.clear()
            self._fitting[hop] = found
        return found


def _moment(text: str) -> float:
    if not text:
        return _NEVER
    try:
        return parse_timestamp(text)
    except ValueError:  # it was cut, or is none of this version's
        return _NEVER
