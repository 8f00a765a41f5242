"""Bounded memory of what is known of each domain."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

from mtasts_resolver.reply import TimedReply

# An entry that was used since it was last looked at gets a second chance, but one eviction looks at
# no more than this many: else the first eviction from a full, busy cache would hold the event loop.
MAX_SECOND_CHANCES = 64


@dataclass(slots=True, eq=False, kw_only=True)
class CacheEntry:
    """What the cache must know of an entry, and what was made of it.

    Times are monotonic seconds.
    """

    until: float
    """What is known may be answered before this time."""
    asked: float
    """The last look-up."""
    referenced: bool = False
    """A look-up has used the entry since the last eviction that passed it."""
    replies: tuple[TimedReply, ...] = ()
    """The replies that were made of it, and still hold: one for each kind of map."""

    @property
    def precious(self) -> bool:
        """Tell whether it is worth more than an absence."""
        return False

    def keep(self, reply: TimedReply, now: float) -> None:
        """Remember `reply`, so that it is recalled together with the entry."""
        self.replies = (*(other for other in self.replies if now < other.until), reply)

    def recall(self) -> None:
        """Have the replies made anew."""
        for reply in self.replies:
            reply.recall()
        self.replies = ()


E = TypeVar("E", bound=CacheEntry)


class Cache(Generic[E]):
    """Domains and their entries, at most `limit`; the least valuable are evicted first.

    Absences go before precious entries, unused entries before used ones, old before new. With an
    entry that is replaced, removed or evicted go the replies that were made of it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._precious: OrderedDict[str, E] = OrderedDict()
        self._absences: OrderedDict[str, E] = OrderedDict()

    def __len__(self) -> int:
        return len(self._precious) + len(self._absences)

    @property
    def full(self) -> bool:
        return len(self) >= self._limit

    @property
    def precious(self) -> int:
        """Return how many of the entries are precious."""
        return len(self._precious)

    def get(self, domain: str) -> E | None:
        return self._precious.get(domain) or self._absences.get(domain)

    def use(self, domain: str, now: float) -> E | None:
        """Return the entry of `domain` for a look-up, if there is one that holds `now`."""
        entry = self.get(domain)
        if entry is None or now >= entry.until:
            return None
        entry.asked = now
        entry.referenced = True
        return entry

    def put(self, domain: str, entry: E) -> None:
        self.remove(domain)
        while self and self.full:
            self._evict()
        (self._precious if entry.precious else self._absences)[domain] = entry

    def remove(self, domain: str) -> None:
        entry = self._precious.pop(domain, None) or self._absences.pop(domain, None)
        if entry is not None:
            entry.recall()

    def resize(self, limit: int) -> None:
        self._limit = limit
        while len(self) > limit:
            self._evict()

    def precious_entries(self) -> Iterator[E]:
        return iter(self._precious.values())

    def recall_all(self) -> None:
        """Have every reply made anew."""
        for entry in chain(self._precious.values(), self._absences.values()):
            entry.recall()

    def _evict(self) -> None:
        entries = self._absences or self._precious
        for _ in range(MAX_SECOND_CHANCES):
            domain, entry = entries.popitem(last=False)
            if not entry.referenced:
                break
            entry.referenced = False
            entries[domain] = entry
        else:
            _, entry = entries.popitem(last=False)
        entry.recall()
