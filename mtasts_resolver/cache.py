"""Bounded memory of what is known of each domain."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

# An entry that was used since it was last looked at gets a second chance, but one eviction looks at
# no more than this many: else the first eviction from a full, busy cache would hold the event loop.
MAX_SECOND_CHANCES = 64


class Cacheable(Protocol):
    """What the cache must know of an entry."""

    referenced: bool
    """A look-up has used the entry since the last eviction that passed it."""

    @property
    def precious(self) -> bool:
        """Tell whether it is worth more than an absence."""


E = TypeVar("E", bound=Cacheable)


class Cache(Generic[E]):
    """Domains and their entries, at most `limit`; the least valuable are evicted first.

    Absences go before precious entries, unused entries before used ones, old before new.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._precious: OrderedDict[str, E] = OrderedDict()
        self._absences: OrderedDict[str, E] = OrderedDict()
        self.on_change: Callable[[str], None] = lambda _domain: None
        """Called when the entry of a domain is put or removed; an eviction changes nothing."""

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

    def put(self, domain: str, entry: E) -> None:
        self.remove(domain)
        while self and self.full:
            self._evict()
        (self._precious if entry.precious else self._absences)[domain] = entry

    def remove(self, domain: str) -> None:
        if self._precious.pop(domain, None) is None:
            self._absences.pop(domain, None)
        self.on_change(domain)

    def resize(self, limit: int) -> None:
        self._limit = limit
        while len(self) > limit:
            self._evict()

    def precious_entries(self) -> Iterator[E]:
        return iter(self._precious.values())

    def _evict(self) -> None:
        entries = self._absences or self._precious
        for _ in range(MAX_SECOND_CHANCES):
            domain, entry = entries.popitem(last=False)
            if not entry.referenced:
                return
            entry.referenced = False
            entries[domain] = entry
        entries.popitem(last=False)
