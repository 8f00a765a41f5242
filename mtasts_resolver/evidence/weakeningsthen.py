"""From when to when mail to which domains was less protected, made of all changes."""

from collections.abc import Mapping
from types import MappingProxyType

from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.evidence.weakenings import PastWeakening

# Weakenings that are kept, the latest; a domain has 1,000 changes at most. They take 10 MB.
MAX_WEAKENINGS = 10_000
# Domains of which it is remembered when they were protected again; of others it is not told.
MAX_RESTORED = 200_000

# What is so where protection is whole again: a policy that is enforced, a record that is back (of
# which nothing is said to be the matter), DANE that is required.
_RESTORED: Mapping[str, str | None] = MappingProxyType(
    {"policy": "enforce", "record": None, "dane": "required"}
)


class WeakeningsThen:
    """Takes all changes, the latest first, and keeps what weakened protection."""

    def __init__(self) -> None:
        self._restored: dict[tuple[str, str], float] = {}
        self._found: list[PastWeakening] = []
        self.left_out = 0
        """So many more there were, the oldest."""

    def add(self, change: BriefChange) -> None:
        """Take the next older change."""
        place = (change.domain, change.subject)
        if change.weakened:
            self._keep(change, self._restored.get(place))
        elif _RESTORED.get(change.subject, "") == change.now and (
            place in self._restored or len(self._restored) < MAX_RESTORED
        ):
            self._restored[place] = change.time

    def between(self, since: float, until: float) -> tuple[PastWeakening, ...]:
        """Return what began in a time, the first one first."""
        return tuple(one for one in reversed(self._found) if since <= one.since < until)

    def _keep(self, change: BriefChange, until: float | None) -> None:
        if len(self._found) >= MAX_WEAKENINGS:
            self.left_out += 1
            return
        self._found.append(
            PastWeakening(
                domain=change.domain,
                since=change.time,
                until=until,
                weakened=change.weakened,
                was=change.was or "",
                now=change.now or "",
                reason=change.reason,
            )
        )
