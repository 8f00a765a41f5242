"""What is known of DANE at each next hop: from memory, or by one discovery for each.

It is kept apart from MTA-STS policies: these belong to a domain (RFC 8461 §3.4), TLSA records to a
host and port. It lives by the TTLs of DNS and not by max_age, and in memory only: after a restart
it must be asked for again (RFC 7672 §2.1.1). A next hop stands here as text, `str(NextHop)`.
"""

import asyncio
import random

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.overload import TOO_MANY, OverloadedError
from mtasts_resolver.config import Config
from mtasts_resolver.knowledge.cache import Cache, CacheEntry
from mtasts_resolver.knowledge.dnssec import PROBE_INTERVAL, Validation
from mtasts_resolver.knowledge.inflight import Discoveries
from mtasts_resolver.knowledge.schedule import Schedule
from mtasts_resolver.policy import Dane, DaneFinding
from mtasts_resolver.worker.discoverer import Discoverer

# A next hop that was asked for within this time is in use: what is known of it is kept current, so
# that its next message waits for nothing.
IN_USE = 3_600.0
# A finding is renewed in the last part of its life, at a random time, so that renewals spread.
RENEW_FROM, RENEW_TO = 0.7, 0.9

# What could not be found out is asked again soon, behind an answer that still holds.
RETRY_DELAY = 60.0
# Of most next hops the same few things are known: one object stands for all of them.
MAX_SHARED = 1_000

OFF = DaneFinding(Dane.OFF, "no name server that validates DNSSEC and is trusted can be asked")


class DaneEntry(CacheEntry, eq=False, kw_only=True, gc=False):
    """What is known of one next hop. All times are monotonic seconds."""

    finding: DaneFinding
    renew_at: float
    """From this time on it should be looked up again, behind an answer."""

    @property
    def precious(self) -> bool:
        return self.finding.status is not Dane.NONE

    @property
    def renewed(self) -> bool:
        return True

    @property
    def shared(self) -> tuple[object, ...]:
        return () if self.finding.status is Dane.UNKNOWN else (self.finding,)


class DaneKeeper(Schedule[DaneEntry]):
    """Knows, or finds out, what DANE demands at each next hop; keeps it current while in use."""

    def __init__(
        self,
        discoverer: Discoverer,
        validation: Validation,
        *,
        clock: Clock,
        rng: random.Random,
        config: Config,
        counters: Counters,
    ) -> None:
        super().__init__(clock)
        self._discoverer = discoverer
        self.validation = validation
        self._rng = rng
        self._config = config
        self._counters = counters
        self._cache: Cache[DaneEntry] = Cache(
            config.cache.memory_entries, config.cache.dane_bytes, counts_replies=False
        )
        self._shared: dict[DaneFinding, DaneFinding] = {}
        self._discoveries: Discoveries[DaneEntry] = Discoveries("DANE discovery")

    @property
    def cache(self) -> Cache[DaneEntry]:
        return self._cache

    def reconfigure(self, config: Config) -> None:
        self._config = config
        self._cache.resize(config.cache.memory_entries, config.cache.dane_bytes)

    def lookup(self, hop: str) -> DaneEntry | None:
        """Return what memory knows of `hop`, at once; None where it must be found out."""
        if not self.validation.validates:
            return None if self.validation.validates is None else self._off()
        now = self._clock.monotonic()
        entry = self._cache.use(hop, now)
        if entry is not None and now >= entry.renew_at:
            self._renew_behind(hop, entry, now)
        return entry

    def _off(self) -> DaneEntry:
        """Return that DANE is off, which the next probe may end."""
        now = self._clock.monotonic()
        until = now + PROBE_INTERVAL
        return DaneEntry(finding=OFF, until=until, renew_at=until, asked=now)

    async def resolve(self, hop: str) -> DaneFinding:
        """Find out, within `lookup_timeout`. Raise OverloadedError.

        The discovery goes on when the time is over, and its result is there for the next look-up.
        """
        timeout = self._config.lookup_timeout
        try:
            async with asyncio.timeout(timeout):
                validates = await self.validation.first_probe()
                if not validates:
                    return (
                        OFF if validates is False else _unknown("no name server has answered yet")
                    )
                task = self._discoveries.get(hop) or self._discoveries.start(
                    hop, self._discover(hop)
                )
                await asyncio.wait({task})
                return task.result().finding
        except TimeoutError:
            self._counters.lookup_timeouts += 1
            if self._discoveries.waits(hop):
                raise OverloadedError(TOO_MANY) from None
            return _unknown(f"the look-up took more than {timeout:g} s; try again")

    async def close(self) -> None:
        """End every discovery."""
        await self._discoveries.close()

    # -- keeping current -----------------------------------------------------------------------

    @property
    def concurrency(self) -> int:
        return self._config.refresh.concurrency

    def due(self, entry: DaneEntry) -> float:
        return entry.renew_at

    async def renew(self, hop: str) -> DaneEntry | None:
        """Look `hop` up again if it is in use; else let it expire."""
        entry = self._cache.get(hop)
        if entry is None or self._clock.monotonic() - entry.asked > IN_USE:
            return None
        await self._discoveries.idle(hop)
        if not self.validation.validates:
            return None
        task = self._discoveries.start(hop, self._discover(hop))
        await asyncio.wait({task})
        return task.result()

    def _renew_behind(self, hop: str, entry: DaneEntry, now: float) -> None:
        if hop in self._discoveries:
            return
        try:
            self._discoveries.start(hop, self._discover(hop))
        except OverloadedError:
            entry.renew_at = now + RETRY_DELAY

    async def _discover(self, hop: str) -> DaneEntry:
        async with self._discoveries.slot(hop):
            self._counters.dane_discoveries += 1
            try:
                found = await self._discoverer.dane(hop)
            except OverloadedError:
                if (known := self._held(hop)) is None:
                    raise
                return known
        now = self._clock.monotonic()
        known = self._cache.get(hop)
        if found.finding.status is Dane.UNKNOWN and (held := self._held(hop)) is not None:
            return held
        part = self._rng.uniform(RENEW_FROM, RENEW_TO)
        entry = DaneEntry(
            finding=self._share(found.finding),
            until=now + found.lifetime,
            renew_at=now + found.lifetime * part,
            # An expired or missing entry was asked for just now; another is renewed behind.
            asked=now if known is None or now >= known.until else known.asked,
        )
        self._cache.put(hop, entry)
        # The schedule may name next hops that were evicted, but not without end: what is not in it
        # is renewed behind an answer.
        if hop in self or len(self) < self._config.cache.memory_entries:
            self.schedule(hop, entry)
        return entry

    def _share(self, finding: DaneFinding) -> DaneFinding:
        """Return an equal finding that other entries hold, too; the single hosts are not kept."""
        finding = finding._replace(hosts=())
        if finding.status is Dane.UNKNOWN:
            return finding  # it names a host, and so is like no other
        if len(self._shared) >= MAX_SHARED:
            self._shared.clear()
        return self._shared.setdefault(finding, finding)

    def _held(self, hop: str) -> DaneEntry | None:
        """Return what still holds of `hop` though it could not be renewed, which waits."""
        now = self._clock.monotonic()
        known = self._cache.get(hop)
        if known is None or now >= known.until:
            return None
        known.renew_at = now + RETRY_DELAY
        return known


def _unknown(reason: str) -> DaneFinding:
    return DaneFinding(Dane.UNKNOWN, reason)
