"""Bounded memory of what is known of each domain."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

from mtasts_resolver.reply import TimedReply

# An entry that was used since it was last looked at gets a second chance, but one eviction looks at
# no more than this many: else the first eviction from a full, busy cache would hold the event loop.
MAX_SECOND_CHANCES = 64
# A dict that grows moves all that it holds, and one from whose front much was taken looks through
# the gaps there. With so many entries the one takes a tenth of a millisecond, the other less.
ENTRIES_PER_DICT = 4_096


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


class _Entries(Generic[E]):
    """Domains and their entries in the order in which they were put, roughly if there are many.

    They are dealt out to several dicts, by a hash that nobody outside can predict.
    """

    def __init__(self, dicts: int) -> None:
        self._dicts: list[dict[str, E]] = [{} for _ in range(dicts)]
        self._oldest = 0  # the dict that is next to give its oldest
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[E]:
        return chain.from_iterable(entries.values() for entries in self._dicts)

    def get(self, domain: str) -> E | None:
        return self._dict(domain).get(domain)

    def append(self, domain: str, entry: E) -> None:
        """Put `entry`, where `domain` has none."""
        self._dict(domain)[domain] = entry
        self._length += 1

    def pop(self, domain: str) -> E | None:
        entry = self._dict(domain).pop(domain, None)
        if entry is not None:
            self._length -= 1
        return entry

    def pop_oldest(self) -> tuple[str, E]:
        """Take an entry out that is one of the oldest; there must be one."""
        while not (entries := self._dicts[self._oldest]):
            self._oldest = (self._oldest + 1) % len(self._dicts)
        self._oldest = (self._oldest + 1) % len(self._dicts)
        domain = next(iter(entries))
        self._length -= 1
        return domain, entries.pop(domain)

    def _dict(self, domain: str) -> dict[str, E]:
        return self._dicts[hash(domain) % len(self._dicts)]


class Cache(Generic[E]):
    """Domains and their entries, at most `limit`; the least valuable are evicted first.

    Absences go before precious entries, unused entries before used ones, old before new. With an
    entry that is replaced, removed or evicted go the replies that were made of it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        dicts = 1 + limit // ENTRIES_PER_DICT
        self._precious: _Entries[E] = _Entries(dicts)
        self._absences: _Entries[E] = _Entries(dicts)

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
        (self._precious if entry.precious else self._absences).append(domain, entry)

    def remove(self, domain: str) -> None:
        entry = self._precious.pop(domain) or self._absences.pop(domain)
        if entry is not None:
            entry.recall()

    def resize(self, limit: int) -> None:
        self._limit = limit
        while len(self) > limit:
            self._evict()

    def precious_entries(self) -> Iterator[E]:
        return iter(self._precious)

    def recall_all(self) -> None:
        """Have every reply made anew."""
        for entry in chain(self._precious, self._absences):
            entry.recall()

    def _evict(self) -> None:
        entries = self._absences or self._precious
        for _ in range(MAX_SECOND_CHANCES):
            domain, entry = entries.pop_oldest()
            if not entry.referenced:
                break
            entry.referenced = False
            entries.append(domain, entry)
        else:
            _, entry = entries.pop_oldest()
        entry.recall()
