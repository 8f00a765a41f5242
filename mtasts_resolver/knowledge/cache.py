"""Bounded memory of what is known of each domain."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, cycle
from typing import Generic, TypeVar

from mtasts_resolver.base.footprint import footprint
from mtasts_resolver.knowledge.entry import Entry
from mtasts_resolver.postfix.reply import TimedReply

# An entry that was used since it was last looked at gets a second chance, but one eviction looks at
# no more than this many: else the first eviction from a full, busy cache would hold the event loop.
MAX_SECOND_CHANCES = 64
# Entries evicted in a row, each after MAX_SECOND_CHANCES at most: half a millisecond. An entry may
# take the room of hundreds, and a new limit may be a tenth of the old; the rest has its own turns.
EVICTED_AT_ONCE = 32
# Bytes that a domain takes besides its name and its entry: its place in a dict here, and if it is
# renewed, those in the schedule.
BYTES_PER_PLACE = 100
BYTES_PER_RENEWAL = 150
# A dict that grows moves all that it holds, and one from whose front much was taken looks through
# the gaps there. With so many entries the one takes a tenth of a millisecond, the other less.
ENTRIES_PER_DICT = 4_096
# Replies made of one entry: one for each map, of which Postfix asks one or two, and each smart host
# of the domain. Whoever needs more asks for ports at random.
MAX_REPLIES = 64


E = TypeVar("E", bound=Entry)
V = TypeVar("V")


class ManyDicts(Generic[V]):
    """Domains and their values in the order in which they were put, roughly if there are many.

    They are dealt out to several dicts, by a hash that nobody outside can predict.
    """

    def __init__(self, capacity: int) -> None:
        """Make enough dicts for `capacity` domains; beyond, they are larger than they should be."""
        self._dicts: list[dict[str, V]] = [{} for _ in range(1 + capacity // ENTRIES_PER_DICT)]
        self._in_turn = cycle(self._dicts)  # as they give their oldest
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
        values = next(filter(None, self._in_turn))
        domain = next(iter(values))
        self._length -= 1
        return domain, values.pop(domain)

    def items(self) -> Iterator[tuple[str, V]]:
        return chain.from_iterable(values.items() for values in self._dicts)

    def steadily(self) -> Iterator[tuple[str, V]]:
        """Yield each that is still there, as it is when its turn comes, whatever changes meanwhile.

        Of those that come meanwhile not all are met.
        """
        for values in self._dicts:
            for domain in tuple(values):
                value = values.get(domain)
                if value is not None:
                    yield domain, value

    def _dict(self, domain: str) -> dict[str, V]:
        return self._dicts[hash(domain) % len(self._dicts)]


def _next_turn(work: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(work)


class Cache(Generic[E]):
    """Domains and their entries, at most `limit`, of at most `max_bytes` together.

    The least valuable are evicted first: absences before precious entries, unused entries before
    used ones, old before new. With an entry that is replaced, removed or evicted go the replies
    that were made of it. No call looks at more than a few thousand entries; what is too much after
    it goes in the following turns of the event loop, for which `later` arranges.

    A reply is made of what several caches hold; one of them `counts_replies`.
    """

    def __init__(
        self,
        limit: int,
        max_bytes: int,
        *,
        counts_replies: bool = True,
        later: Callable[[Callable[[], None]], None] = _next_turn,
    ) -> None:
        self._limit = limit
        self._max_bytes = max_bytes
        self._counts_replies = counts_replies
        self._later = later
        self._precious: ManyDicts[E] = ManyDicts(limit)
        self._absences: ManyDicts[E] = ManyDicts(limit)
        self.counts: Counter[str] = Counter()
        """How many entries there are of each kind."""
        self._bytes = 0
        self._shrinking = False
        self.precious_missing = False
        """A precious entry was evicted, or found no room, or is to be had elsewhere."""

    def __len__(self) -> int:
        return len(self._precious) + len(self._absences)

    @property
    def bytes(self) -> int:
        """Return about how many bytes the entries and the replies made of them take."""
        return self._bytes

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
        size = _size(domain, entry)
        self._shrink(entries=1, size=size)
        self._add(domain, entry, size)

    def offer(self, domain: str, entry: E) -> None:
        """Put `entry` if nothing need be evicted for it."""
        size = _size(domain, entry)
        if self._has_room(entries=1, size=size):
            self.remove(domain)
            self._add(domain, entry, size)
        else:
            self.precious_missing |= entry.precious

    def keep(self, entry: E, reply: TimedReply, holds: Callable[[TimedReply], bool]) -> None:
        """Remember `reply`, so that it is recalled together with `entry`.

        Of the replies that were made of the entry before those stay that still hold.
        """
        held = [other for other in entry.replies if holds(other)][1 - MAX_REPLIES :]
        gone = [other for other in entry.replies if other not in held]
        entry.replies = (*held, reply)
        more = reply.size - sum(other.size for other in gone)
        for other in gone:
            other.recall()
        if self._counts_replies:
            self._count(entry, more)

    def weigh(self, domain: str, entry: E) -> None:
        """Count `entry` anew, in which something was changed."""
        replies = sum(reply.size for reply in entry.replies) if self._counts_replies else 0
        self._count(entry, _size(domain, entry) + replies - entry.size)

    def remove(self, domain: str) -> None:
        entry = self._precious.pop(domain) or self._absences.pop(domain)
        if entry is not None:
            self._gone(entry)

    def resize(self, limit: int, max_bytes: int) -> None:
        self._limit = limit
        self._max_bytes = max_bytes
        self._shrink()

    def precious_entries(self) -> Iterator[E]:
        """Yield each that is still there when its turn comes; of others that come, not all."""
        return (entry for _, entry in self._precious.steadily())

    def entries(self, *, absences: bool = True) -> Iterator[tuple[str, E]]:
        """Yield each with its domain in the same way, those that are precious first."""
        yield from self._precious.steadily()
        if absences:
            yield from self._absences.steadily()

    def _has_room(self, *, entries: int = 0, size: int = 0) -> bool:
        return len(self) + entries <= self._limit and self._bytes + size <= self._max_bytes

    def _shrink(self, *, entries: int = 0, size: int = 0) -> None:
        """Evict until there is room for so much more, or for a while; then go on later."""
        for _ in range(EVICTED_AT_ONCE):
            if not self or self._has_room(entries=entries, size=size):
                return
            self._evict()
        self._shrink_later()

    def _shrink_later(self) -> None:
        if not self._shrinking:
            self._shrinking = True
            self._later(self._go_on_shrinking)

    def _go_on_shrinking(self) -> None:
        self._shrinking = False
        self._shrink()

    def _add(self, domain: str, entry: E, size: int) -> None:
        entry.size = size
        self._bytes += size
        self.counts[entry.kind] += 1
        (self._precious if entry.precious else self._absences).put(domain, entry)

    def _count(self, entry: E, more: int) -> None:
        """Count so many bytes more; whoever works with an entry does not lose it meanwhile."""
        if not entry.size:
            return  # it is in no cache
        entry.size += more
        self._bytes += more
        if not self._has_room():
            self._shrink_later()

    def _gone(self, entry: E) -> None:
        self._bytes -= entry.size
        self.counts[entry.kind] -= 1
        entry.size = 0
        entry.recall()

    def _evict(self) -> None:
        entries = self._absences or self._precious
        for _ in range(MAX_SECOND_CHANCES):
            domain, entry = entries.pop_oldest()
            if not entry.take_use():
                break
            entries.put(domain, entry)
        else:
            _, entry = entries.pop_oldest()
        self.precious_missing |= entry.precious
        self._gone(entry)


def _size(domain: str, entry: Entry) -> int:
    places = BYTES_PER_PLACE + BYTES_PER_RENEWAL * entry.renewed
    return places + footprint(domain) + entry.footprint()
