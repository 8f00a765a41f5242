"""From when to when mail to which domains was less protected, made of changes."""

from collections.abc import Mapping
from types import MappingProxyType

from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.evidence.weakenings import PastWeakening

# Weakenings that are handed on: more than a report shows.
MAX_WEAKENINGS = 10_000
# Domains of which it is remembered when they were protected again; of others it is not told.
MAX_RESTORED = 200_000

# What is so where protection is whole again: a policy that is enforced, a record that is back (of
# which nothing is said to be the matter), DANE that is required.
_RESTORED: Mapping[str, str | None] = MappingProxyType(
    {"policy": "enforce", "record": None, "dane": "required"}
)


class WeakeningsThen:
    """Takes all changes, the latest first, and keeps what weakened protection in a time."""

    def __init__(self, since: float, until: float) -> None:
        self._since = since
        self._until = until
        self._restored: dict[tuple[str, str], float] = {}
        self._found: list[PastWeakening] = []
        self.left_out = 0
        """So many more there were, the oldest."""

    def add(self, change: BriefChange) -> None:
        """Take the next older change."""
        place = (change.domain, change.subject)
        if change.weakened:
            if self._since <= change.time < self._until:
                self._keep(change, self._restored.get(place))
        elif _RESTORED.get(change.subject, "") == change.now and (
            place in self._restored or len(self._restored) < MAX_RESTORED
        ):
            self._restored[place] = change.time

    def result(self) -> tuple[PastWeakening, ...]:
        """Return what was kept, the first one first."""
        return tuple(self._found[::-1])

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
