"""The policies in memory and in the store, and the absences in memory alone.

A policy that is cached MUST be applied (RFC 8461 §3.3): what goes out of memory is found in the
store again, what the store cannot tell now is doubted, and what a wrong clock has ended is kept.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from enum import StrEnum

import msgspec

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.config import Config
from mtasts_resolver.knowledge.cache import Cache
from mtasts_resolver.knowledge.entry import StsEntry, entry_of, expired_for
from mtasts_resolver.knowledge.events import (
    PolicyExpired,
    StoredPolicyDropped,
    StoredPolicyInvalid,
)
from mtasts_resolver.knowledge.lifetimes import EXPIRED_GRACE
from mtasts_resolver.policy import DocumentError
from mtasts_resolver.store import Store, StoredPolicy, StoreReturned, WritesLost
from mtasts_resolver.store.errors import UnavailableError

# `asked_at` need be right to about a day only: it is compared with `forget_after`.
ASKED_AT_PRECISION = 86_400.0
# Absences that are looked at in one turn of the event loop when the store can be read again.
DOUBTED_PER_TURN = 256


class Taken(StrEnum):
    """What became of a policy that an administrator has brought."""

    IMPORTED = "imported"
    KNOWN = "known"
    """One that was fetched at the same time or later is held."""
    EXPIRED = "expired"


class Policies:
    """Holds what is known of each policy domain."""

    def __init__(self, store: Store, *, clock: Clock, config: Config, events: Events) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._events = events
        self.cache: Cache[StsEntry] = Cache(config.cache.memory_entries, config.cache.policy_bytes)
        self._loaded = False
        self._unread: set[str] = set()
        """Domains of which something was learnt while the store could not be read."""
        events.listen(StoreReturned, lambda _: self._doubt_unread())
        events.listen(WritesLost, lambda _: store.put_again(self.stored()))

    def reconfigure(self, config: Config) -> None:
        self._config = config
        self.cache.resize(config.cache.memory_entries, config.cache.policy_bytes)

    def get(self, domain: str) -> StsEntry | None:
        """Return what memory holds, though it may be over."""
        return self.cache.get(domain)

    def live(self, domain: str, now: float) -> StsEntry | None:
        """Return a policy that memory holds and that applies."""
        entry = self.cache.get(domain)
        return entry if entry is not None and entry.stored and now < entry.until else None

    def stored(self) -> Iterator[StoredPolicy]:
        """Yield every policy in memory, as it is stored when its turn comes."""
        return (entry.stored for entry in self.cache.precious_entries() if entry.stored)

    # -- from the store ------------------------------------------------------------------------

    @property
    def is_loaded(self) -> bool:
        """Tell whether all that the store holds was read once."""
        return self._loaded

    @property
    def may_be_stored(self) -> bool:
        """Tell whether the store may hold a policy that memory does not.

        To ask it in vain would be a sixth of a cold look-up's cost.
        """
        return not self._loaded or self.cache.precious_missing

    async def read(self, domain: str) -> StsEntry | None:
        """Return the policy that the store holds; None where it has none that applies.

        Raise UnavailableError, which the store has reported.
        """
        stored = await self._store.get(domain)
        return self._entry_of(stored) if stored is not None else None

    async def kept(self, domain: str) -> StsEntry | None:
        """Return the policy that memory holds, though it may be over, or else the store.

        Raise UnavailableError, which the store has reported.
        """
        entry = self.cache.get(domain)
        if entry is None or entry.stored is None:
            return await self.read(domain) if self.may_be_stored else None
        if self._clock.monotonic() >= entry.until:
            self.hold_longer(entry, entry.stored)
        return entry

    async def stored_in_batches(
        self, *, all_of_it: bool = False
    ) -> AsyncIterator[list[StoredPolicy]]:
        """Yield the policies that the store holds and memory does not, or all that it holds.

        Raise UnavailableError, which the store has reported.
        """
        if all_of_it or self.may_be_stored:
            async for batch in self._store.scan():
                yield [one for one in batch if all_of_it or not self._holds(one.domain)]

    def _holds(self, domain: str) -> bool:
        entry = self.cache.get(domain)
        return entry is not None and entry.stored is not None

    async def recall(self, domain: str) -> StsEntry | None:
        """Take a policy that a look-up is for from the store into memory, if there is one.

        Where the store cannot be read, what is learnt instead will be doubted.
        """
        try:
            entry = await self.read(domain)
        except UnavailableError:
            if len(self._unread) >= self._config.cache.memory_entries:
                self._doubt(self._unread.pop(), self._clock.monotonic())
            self._unread.add(domain)
            return None
        if self._unread:
            self._doubt_unread()
        if entry is not None:
            entry.asked = self._clock.monotonic()
            self.cache.put(domain, entry)
        return entry

    def load(self, stored: StoredPolicy) -> StsEntry | None:
        """Take a policy from the store into memory where there is room; None where it is over.

        Then it stays in the store all the same: it may be the clock that is wrong.
        """
        held = self.cache.get(stored.domain)
        if held is not None and held.stored is not None:
            self.hold_longer(held, held.stored)
            return held  # it may have been fetched since the store was read
        entry = self._entry_of(stored)
        if entry is None:
            return None
        if held is not None:  # an absence, which must not hide it
            self.cache.put(stored.domain, entry)
        else:
            self.cache.offer(stored.domain, entry)
        return entry

    def loaded(self) -> None:
        """Take note that `load` was called for all that the store holds."""
        self._loaded = True

    def drop_expired(self, stored: StoredPolicy) -> None:
        """Drop a policy from the store that has been over for EXPIRED_GRACE."""
        held = self.cache.get(stored.domain)
        if held is not None and held.stored is not None:
            return
        try:
            seconds = expired_for(stored, self._clock)
        except DocumentError:
            return  # told, and dropped, when it is read for a look-up
        if seconds >= EXPIRED_GRACE:
            self._store.delete(stored.domain)
            self._events.publish(StoredPolicyDropped(stored, seconds))

    def hold_longer(self, held: StsEntry, stored: StoredPolicy) -> None:
        """Have a policy in memory hold as long as the stored one does, as the clock is now.

        Its end may be by a clock that was ahead at the start. Never sooner than before, for it may
        be now that the clock is wrong. Nor by a clock that was set back to before the fetch, for
        then each call would add to it.
        """
        entry = self._entry_of(stored) if stored.fetched_at <= self._clock.wall() else None
        if entry is not None:
            held.until = max(held.until, entry.until)

    def _entry_of(self, stored: StoredPolicy) -> StsEntry | None:
        """Return the entry of a stored policy; None where it has expired or is damaged."""
        try:
            return entry_of(stored, self._clock)
        except DocumentError as error:
            self._events.publish(StoredPolicyInvalid(stored.domain, str(error)))
            self.forget(stored.domain)
            return None

    # -- what was learnt -----------------------------------------------------------------------

    def put(self, stored: StoredPolicy, entry: StsEntry, *, asked_for: bool) -> None:
        """Hold a policy that was fetched, in memory and in the store.

        One that no look-up has asked for takes the room of no other.
        """
        self._store.put(stored)
        if asked_for or self.cache.get(stored.domain) is not None:
            self.cache.put(stored.domain, entry)
        else:
            self.cache.offer(stored.domain, entry)

    def take_in(self, stored: StoredPolicy, kept: StsEntry | None) -> tuple[Taken, StsEntry | None]:
        """Hold a policy that this daemon has not fetched; `kept` is the one that is held.

        Raise DocumentError.
        """
        wall = self._clock.wall()
        # A time to come would make it hold for longer than its max_age from now.
        fetched_at = min(stored.fetched_at, wall)
        asked_at = min(stored.asked_at, wall)
        stored = msgspec.structs.replace(stored, fetched_at=fetched_at, asked_at=asked_at)
        entry = entry_of(stored, self._clock)
        if entry is None:
            return Taken.EXPIRED, None
        if kept is not None and kept.stored is not None and kept.stored.fetched_at >= fetched_at:
            return Taken.KNOWN, None
        self.put(stored, entry, asked_for=False)
        return Taken.IMPORTED, entry

    def put_absence(self, domain: str, entry: StsEntry) -> bool:
        """Hold that there is no policy; tell whether the state of the domain has changed."""
        known = self.cache.get(domain)
        if known is not None and known.stored is not None:
            self.expire(domain, known)
        self.cache.put(domain, entry)
        return known is None or known.finding.code != entry.finding.code

    def note_asked(self, entry: StsEntry, now: float) -> None:
        """Store when the domain was last asked for, where no fetch has done so for long."""
        asked_at = self._clock.wall() - (now - entry.asked)
        if entry.stored and asked_at - entry.stored.asked_at > ASKED_AT_PRECISION:
            stored = entry.stored
            entry.stored = StoredPolicy(
                stored.domain, stored.policy_id, stored.document, stored.fetched_at, asked_at
            )
            self._store.put(entry.stored)

    # -- what no longer holds ------------------------------------------------------------------

    def expire(self, domain: str, entry: StsEntry) -> None:
        """Let go of a policy that is over."""
        if entry.finding.policy is not None:
            expired = PolicyExpired(domain, entry.finding.policy, entry.policy_id)
            self._events.publish(expired)
        if entry.stored is not None and expired_for(entry.stored, self._clock) < 0:
            # The clock was ahead at the start, and is right now: `load` will take it again.
            self.cache.remove(domain)
            self.cache.precious_missing = True
        else:
            self.forget(domain)

    def forget(self, domain: str) -> None:
        """Let go of a domain, in the store as well."""
        self.cache.remove(domain)
        self._store.delete(domain)

    def _doubt_unread(self) -> None:
        """Doubt the absences that were learnt while the store could not be read."""
        now = self._clock.monotonic()
        for _ in range(min(len(self._unread), DOUBTED_PER_TURN)):
            self._doubt(self._unread.pop(), now)
        if self._unread:
            asyncio.get_running_loop().call_soon(self._doubt_unread)

    def _doubt(self, domain: str, now: float) -> None:
        """Have `domain` learnt anew where it has no policy: the store may hold one."""
        entry = self.cache.get(domain)
        if entry is not None and entry.stored is None:
            entry.until = min(entry.until, now)
            entry.recall()
            self.cache.weigh(domain, entry)
