"""What the process knows of each domain, in bounded memory."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from mtasts_resolver.policy import StsFinding
from mtasts_resolver.store import StoredPolicy

# An entry that was used since it was last looked at gets a second chance, but one eviction looks at
# no more than this many: else the first eviction from a full, busy cache would hold the event loop.
MAX_SECOND_CHANCES = 64


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


@dataclass(slots=True, eq=False)
class Entry:
    """What is known of one domain. All times are monotonic seconds."""

    finding: StsFinding
    until: float
    """The finding may be answered before this time."""
    check_at: float
    """From this time on a look-up starts a check of the policy record, and waits for nothing."""
    asked: float
    """The last look-up."""
    stored: StoredPolicy | None = None
    """The policy as it is stored; None where there is no policy."""
    failure: FetchFailure | None = None
    reported: tuple[str, int] | None = None
    """The kind and the urgency of the failed refresh that was logged last."""
    referenced: bool = False
    """A look-up has used the entry since the last eviction that passed it."""


class Cache:
    """Domains and their entries, at most `limit`; the least valuable are evicted first.

    Absences go before policies, unused entries before used ones, old before new.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._policies: OrderedDict[str, Entry] = OrderedDict()
        self._absences: OrderedDict[str, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._policies) + len(self._absences)

    @property
    def full(self) -> bool:
        return len(self) >= self._limit

    @property
    def policies(self) -> int:
        """Return how many of the entries are policies."""
        return len(self._policies)

    def get(self, domain: str) -> Entry | None:
        return self._policies.get(domain) or self._absences.get(domain)

    def put(self, domain: str, entry: Entry) -> None:
        self.remove(domain)
        while self and self.full:
            self._evict()
        (self._absences if entry.stored is None else self._policies)[domain] = entry

    def remove(self, domain: str) -> None:
        if self._policies.pop(domain, None) is None:
            self._absences.pop(domain, None)

    def resize(self, limit: int) -> None:
        self._limit = limit
        while len(self) > limit:
            self._evict()

    def stored_policies(self) -> list[StoredPolicy]:
        """Return every policy in memory, as it is stored."""
        return [entry.stored for entry in self._policies.values() if entry.stored is not None]

    def _evict(self) -> None:
        entries = self._absences or self._policies
        for _ in range(MAX_SECOND_CHANCES):
            domain, entry = entries.popitem(last=False)
            if not entry.referenced:
                return
            entry.referenced = False
            entries[domain] = entry
        entries.popitem(last=False)
