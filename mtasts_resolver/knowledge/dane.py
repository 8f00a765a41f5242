"""What is known of DANE at each next hop: from memory, or by one discovery for each.

It is kept apart from MTA-STS policies: these belong to a domain (RFC 8461 §3.4), TLSA records to a
host and port. It lives by the TTLs of DNS and not by max_age, and in memory only: after a restart
it must be asked for again (RFC 7672 §2.1.1). A next hop stands here as text, `str(NextHop)`.
"""

from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.config import Config
from mtasts_resolver.discovery.findings import FoundDane
from mtasts_resolver.knowledge.cache import Cache
from mtasts_resolver.knowledge.dnssec import PROBE_INTERVAL, DnssecProbe
from mtasts_resolver.knowledge.entry import DaneEntry
from mtasts_resolver.knowledge.events import DaneFound, Discovered
from mtasts_resolver.knowledge.learning import Knowledge, Means
from mtasts_resolver.knowledge.lifetimes import RETRY_SOON
from mtasts_resolver.knowledge.outcomes import DANE_OUTCOMES
from mtasts_resolver.policy import Dane, DaneFinding
from mtasts_resolver.worker.discoverer import Discoverer

# A next hop that was asked for within this time is in use: what is known of it is kept current, so
# that its next message waits for nothing.
IN_USE = 3_600.0
# A finding is renewed in the last part of its life, at a random time, so that renewals spread.
RENEW_FROM, RENEW_TO = 0.7, 0.9

# Of most next hops the same few things are known: one object stands for all of them.
MAX_SHARED = 1_000

NOT_YET = "no name server has answered yet"
OFF = DaneFinding(Dane.OFF, "no name server that validates DNSSEC and is trusted can be asked")


class DaneKnowledge(Knowledge[DaneEntry, DaneFinding]):
    """Knows, or finds out, what DANE demands at each next hop; keeps it current while in use."""

    def __init__(self, discoverer: Discoverer, dnssec: DnssecProbe, means: Means) -> None:
        limits = means.config.cache
        cache: Cache[DaneEntry] = Cache(
            limits.memory_entries, limits.dane_bytes, counts_replies=False
        )
        super().__init__("DANE discovery", cache, means)
        self._discoverer = discoverer
        self._dnssec = dnssec
        self._shared: dict[DaneFinding, DaneFinding] = {}

    def reconfigure(self, config: Config) -> None:
        self._config = config
        self.cache.resize(config.cache.memory_entries, config.cache.dane_bytes)

    def lookup(self, hop: str) -> DaneEntry | None:
        """Return what memory knows of `hop`, at once; None where it must be found out."""
        if self._dnssec.validates:
            return super().lookup(hop)
        return None if self._dnssec.validates is None else self._off()

    def _off(self) -> DaneEntry:
        """Return that DANE is off, which the next probe may end."""
        now = self._clock.monotonic()
        until = now + PROBE_INTERVAL
        return DaneEntry(finding=OFF, until=until, stale_at=until, asked=now)

    async def hosts(self, hop: str) -> DaneFinding:
        """Ask afresh what can be found of each host, which is not kept. Raise OverloadedError."""
        if not self._dnssec.validates:
            return self._off().finding if self._dnssec.validates is False else _unknown(NOT_YET)
        return (await self._discoverer.hosts(hop)).finding

    def known(self, hop: str) -> DaneEntry | None:
        """Return what memory knows of `hop`, without its counting as a look-up."""
        if not self._dnssec.validates:
            return self._off() if self._dnssec.validates is False else None
        entry = self.cache.get(hop)
        return None if entry is None or self._clock.monotonic() >= entry.until else entry

    def due(self, entry: DaneEntry) -> float:
        return entry.stale_at

    # -- the ways to a discovery ---------------------------------------------------------------

    async def _find(self, hop: str) -> DaneFinding:
        validates = await self._dnssec.first_probe()
        if validates:
            return (await self._learnt(hop)).finding
        return OFF if validates is False else _unknown(NOT_YET)

    async def _learn(self, hop: str) -> DaneEntry:
        return await self._look_again(hop)

    async def _find_anew(self, hop: str) -> DaneEntry | None:
        """Look `hop` up again if it is in use; else let it expire."""
        entry = self.cache.get(hop)
        if entry is None or self._clock.monotonic() - entry.asked > IN_USE:
            return None
        return await self._look(hop, refresh=True) if self._dnssec.validates else None

    async def _refetch(self, hop: str) -> DaneEntry:
        return await self._look_again(hop)

    def _drop(self, hop: str) -> None:
        self.cache.remove(hop)

    def _too_late(self, _hop: str, timeout: float) -> DaneFinding:
        return _unknown(f"the look-up took more than {timeout:g} s; try again")

    async def _look_again(self, hop: str) -> DaneEntry:
        return await self._look(hop, refresh=False)

    async def _look(self, hop: str, *, refresh: bool) -> DaneEntry:
        async with self._discoveries.slot(hop):
            self._counters.dane_discoveries += 1
            begun = self._clock.monotonic()
            try:
                found = await self._discoverer.dane(hop)
            except OverloadedError:
                if (held := self._held(hop)) is None:
                    raise
                return held
        seconds = self._clock.monotonic() - begun
        status, code = found.finding.status, found.finding.code
        self._events.publish(Discovered("dane", refresh, DANE_OUTCOMES[status], code, seconds))
        if status is Dane.UNKNOWN and (held := self._held(hop)) is not None:
            return held
        return self._found(hop, found, refresh=refresh)

    # -- what was found ------------------------------------------------------------------------

    def _found(self, hop: str, found: FoundDane, *, refresh: bool) -> DaneEntry:
        now = self._clock.monotonic()
        known = self.cache.get(hop)
        part = self._rng.uniform(RENEW_FROM, RENEW_TO)
        entry = DaneEntry(
            finding=self._share(found.finding),
            until=now + found.lifetime,
            stale_at=now + found.lifetime * part,
            # Where it has expired somebody asked for it just now, unless the schedule comes late.
            asked=known.asked if known is not None and (refresh or now < known.until) else now,
        )
        self.cache.put(hop, entry)
        # The schedule may name next hops that were evicted, but not without end: what is not in it
        # is renewed behind an answer.
        if hop in self or len(self) < self._config.cache.memory_entries:
            self.schedule(hop, entry)
        before = None if known is None else known.finding
        self._events.publish(DaneFound(hop, found.finding, before))
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
        known = self.cache.get(hop)
        if known is None or now >= known.until:
            return None
        known.stale_at = now + RETRY_SOON
        return known


def _unknown(reason: str) -> DaneFinding:
    return DaneFinding(Dane.UNKNOWN, reason)
