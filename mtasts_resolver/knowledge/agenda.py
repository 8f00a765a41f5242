"""Domains in the order in which they are due; no call takes more than a few steps."""

import heapq
import math
from collections.abc import Iterator

from mtasts_resolver.knowledge.cache import ManyDicts

# A heap keeps outdated entries until their time comes; beyond this many per domain it is sifted.
MAX_OUTDATED_PER_DOMAIN = 4
# Entries of the heap being sifted that each domain put meanwhile has looked at: it is done before
# the next one is half as large.
SIFTED_PER_CALL = 4
# Domains beyond which they are held in dicts larger than they should be.
USUAL_DOMAINS = 1_000_000


class Agenda:
    """When each of many domains is due.

    A domain that is put anew leaves an outdated entry behind. When there are too many of these a
    new heap is begun, into which what still holds goes over, a few entries at a time: to build it
    at once would hold the event loop. Until then what is due first is on top of either.
    """

    def __init__(self) -> None:
        self._due: ManyDicts[float] = ManyDicts(USUAL_DOMAINS)
        self._heap: list[tuple[float, str]] = []
        self._sifted: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, domain: str) -> bool:
        return domain in self._due

    @property
    def entries(self) -> int:
        """How many entries the heaps have, outdated ones among them."""
        return len(self._heap) + len(self._sifted)

    def due_at(self, domain: str) -> float | None:
        """Return when `domain` is due; infinity once it was taken, None where it is not here."""
        return self._due.get(domain)

    def domains(self) -> Iterator[str]:
        """Yield each that is still here when its turn comes."""
        return (domain for domain, _ in self._due.steadily())

    def put(self, domain: str, due: float) -> None:
        """Note that `domain` is due then, and no more at another time."""
        if self._due.get(domain) == due:
            return
        self._due.put(domain, due)
        heapq.heappush(self._heap, (due, domain))
        if not self._sifted and len(self._heap) > MAX_OUTDATED_PER_DOMAIN * len(self._due):
            self._heap, self._sifted = [], self._heap
        if self._sifted:
            self._sift()

    def remove(self, domain: str) -> None:
        self._due.pop(domain)

    def earliest(self) -> float:
        """Return the time before which nothing is due; infinity where nothing will be."""
        first = self._first()
        return first[0][0] if first else math.inf

    def take(self, now: float) -> Iterator[str | None]:
        """Yield each domain that is due, and then is not due until it is put anew.

        None for an outdated entry: how many are looked at is up to the caller.
        """
        while self.earliest() <= now:
            due, domain = heapq.heappop(self._first())
            if self._due.get(domain) == due:
                self._due.put(domain, math.inf)
                yield domain
            else:
                yield None

    def _first(self) -> list[tuple[float, str]]:
        """Return the heap whose top is due first; an empty one where nothing is due."""
        if self._sifted and (not self._heap or self._sifted[0] < self._heap[0]):
            return self._sifted
        return self._heap

    def _sift(self) -> None:
        for _ in range(min(SIFTED_PER_CALL, len(self._sifted))):
            due, domain = self._sifted.pop()  # a heap without its last entry is one
            if self._due.get(domain) == due:
                heapq.heappush(self._heap, (due, domain))
