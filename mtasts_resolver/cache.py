"""Bounded memory of what is known of each domain."""

from collections.abc import Iterator
from itertools import chain
from typing import Generic, TypeVar

from msgspec import Struct

from mtasts_resolver.reply import TimedReply

# An entry that was used since it was last looked at gets a second chance, but one eviction looks at
# no more than this many: else the first eviction from a full, busy cache would hold the event loop.
MAX_SECOND_CHANCES = 64
# A dict that grows moves all that it holds, and one from whose front much was taken looks through
# the gaps there. With so many entries the one takes a tenth of a millisecond, the other less.
ENTRIES_PER_DICT = 4_096
# Replies made of one entry: one for each kind of map, of which there are 48, and each smart host of
# the domain. Whoever needs more asks for ports at random.
MAX_REPLIES = 64


class CacheEntry(Struct, eq=False, kw_only=True, gc=False):
    """What the cache must know of an entry, and what was made of it.

    Times are monotonic seconds. Entries are in no cycles, and the garbage collector does not look
    at them: with hundreds of thousands it would hold the event loop for as many microseconds.
    """

    until: float
    """What is known may be answered before this time."""
    asked: float
    """The last look-up."""
    referenced: bool = False
    """A look-up has used the entry since the last eviction that passed it."""
    replies: tuple[TimedReply, ...] = ()
    """The replies that were made of it, and still hold: one for each kind of map and next hop."""

    @property
    def precious(self) -> bool:
        """Tell whether it is worth more than an absence."""
        return False

    def keep(self, reply: TimedReply, now: float) -> None:
        """Remember `reply`, so that it is recalled together with the entry."""
        held = [other for other in self.replies if now < other.until]
        for other in held[: 1 - MAX_REPLIES]:
            other.recall()
        self.replies = (*held[1 - MAX_REPLIES :], reply)

    def recall(self) -> None:
        """Have the replies made anew."""
        for reply in self.replies:
            reply.recall()
        self.replies = ()


E = TypeVar("E", bound=CacheEntry)
V = TypeVar("V")


class ManyDicts(Generic[V]):
    """Domains and their values in the order in which they were put, roughly if there are many.

    They are dealt out to several dicts, by a hash that nobody outside can predict.
    """

    def __init__(self, capacity: int) -> None:
        """Make enough dicts for `capacity` domains; beyond, they are larger than they should be."""
        self._dicts: list[dict[str, V]] = [{} for _ in range(1 + capacity // ENTRIES_PER_DICT)]
        self._oldest = 0  # the dict that is next to give its oldest
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __contains__(self, domain: str) -> bool:
        return domain in self._dict(domain)

    def get(self, domain: str) -> V | None:
        return self._dict(domain).get(domain)

    def put(self, domain: str, value: V) -> None:
        """Put `value` at the end, or in the place of the value that `domain` has."""
        values = self._dict(domain)
        self._length += domain not in values
        values[domain] = value

    def pop(self, domain: str) -> V | None:
        value = self._dict(domain).pop(domain, None)
        self._length -= value is not None
        return value

    def pop_oldest(self) -> tuple[str, V]:
        """Take out a domain that is one of the oldest; there must be one."""
        while not (values := self._dicts[self._oldest]):
            self._oldest = (self._oldest + 1) % len(self._dicts)
        self._oldest = (self._oldest + 1) % len(self._dicts)
        domain = next(iter(values))
        self._length -= 1
        return domain, values.pop(domain)

    def items(self) -> Iterator[tuple[str, V]]:
        return chain.from_iterable(values.items() for values in self._dicts)

    def values(self) -> Iterator[V]:
        return chain.from_iterable(values.values() for values in self._dicts)

    def _dict(self, domain: str) -> dict[str, V]:
        return self._dicts[hash(domain) % len(self._dicts)]


class Cache(Generic[E]):
    """Domains and their entries, at most `limit`; the least valuable are evicted first.

    Absences go before precious entries, unused entries before used ones, old before new. With an
    entry that is replaced, removed or evicted go the replies that were made of it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._precious: ManyDicts[E] = ManyDicts(limit)
        self._absences: ManyDicts[E] = ManyDicts(limit)
        self.precious_missing = False
        """A precious entry was evicted, or found no room."""

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
        (self._precious if entry.precious else self._absences).put(domain, entry)

    def offer(self, domain: str, entry: E) -> None:
        """Put `entry` if nothing need be evicted for it."""
        if not self.full:
            self.put(domain, entry)
        elif entry.precious:
            self.precious_missing = True

    def remove(self, domain: str) -> None:
        entry = self._precious.pop(domain) or self._absences.pop(domain)
        if entry is not None:
            entry.recall()

    def resize(self, limit: int) -> None:
        self._limit = limit
        while len(self) > limit:
            self._evict()

    def precious_entries(self) -> Iterator[E]:
        return self._precious.values()

    def recall_all(self) -> None:
        """Have every reply made anew."""
        for entry in chain(self._precious.values(), self._absences.values()):
            entry.recall()

    def _evict(self) -> None:
        entries = self._absences or self._precious
        for _ in range(MAX_SECOND_CHANCES):
            domain, entry = entries.pop_oldest()
            if not entry.referenced:
                break
            entry.referenced = False
            entries.put(domain, entry)
        else:
            _, entry = entries.pop_oldest()
        self.precious_missing |= entry.precious
        entry.recall()
