"""From policy domain to finding: memory first, then the store, then one discovery per domain.

Memory answers without waiting. What memory does not hold is learnt by a task, one per domain
however many ask; the task goes on when the look-ups that wait for it have given up, so that
Postfix's next try finds its result.
"""

import asyncio
import random
from collections.abc import Callable, Iterator

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.overload import TOO_BUSY, TOO_MANY, OverloadedError
from mtasts_resolver.base.ratelimit import DomainLog
from mtasts_resolver.config import Config
from mtasts_resolver.discovery.errors import DiscoveryError, DnsError, FetchError, NoRecordError
from mtasts_resolver.discovery.findings import FetchedPolicy, FoundRecord
from mtasts_resolver.knowledge.cache import Cache
from mtasts_resolver.knowledge.entry import ABSENT, Entry, FetchFailure, entry_of, expired_for
from mtasts_resolver.knowledge.inflight import Discoveries
from mtasts_resolver.knowledge.lifetimes import (
    EXPIRED_GRACE,
    Urgency,
    absence_lifetime,
    id_check_delay,
    policy_lifetime,
    refresh_urgency,
    retry_delay,
)
from mtasts_resolver.knowledge.outage import NameServerHealth
from mtasts_resolver.policy import DocumentError, Mode, Policy, StsFinding
from mtasts_resolver.store import Store, StoredPolicy
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.worker.discoverer import Discoverer

log = logs.get(__name__)

Recorded = FoundRecord | DiscoveryError
# None: it was not asked for. DnsError: of a refresh, for which the name servers failed.
Fetched = FetchedPolicy | FetchError | DnsError | None

# RFC 2308 §7 allows five minutes for remembering a failure of the servers. A minute lets mail that
# was deferred by an outage go out soon after it, without asking dead servers for each message.
DNS_RETRY_DELAY = 60.0
# `asked_at` need be right to about a day only: it is compared with `forget_after`.
ASKED_AT_PRECISION = 86_400.0
# Absences that are looked at in one turn of the event loop when the store can be read again.
DOUBTED_PER_TURN = 256


class Resolver:
    """Knows, or finds out, the MTA-STS policy of each domain."""

    def __init__(  # the parts it works with; the daemon and the tests choose them
        self,
        *,
        discoverer: Discoverer,
        store: Store,
        clock: Clock,
        rng: random.Random,
        config: Config,
        counters: Counters,
    ) -> None:
        self._discoverer = discoverer
        self._store = store
        self._clock = clock
        self._rng = rng
        self._config = config
        self._counters = counters
        self.log = DomainLog(log, clock.monotonic)
        self._cache: Cache[Entry] = Cache(config.cache.memory_entries, config.cache.policy_bytes)
        self._discoveries: Discoveries[Entry | None] = Discoveries("discovery")
        self._name_servers = NameServerHealth(clock)
        self._failing: set[str] = set()
        self._preloaded = False
        self._unread: set[str] = set()
        """Domains of which something was learnt while the store could not be read."""
        self.on_policy: Callable[[str, Entry], None] = lambda _domain, _entry: None
        """Called when a policy was fetched, so that its refresh can be scheduled."""
        self.on_preloaded: Callable[[], None] = lambda: None
        """Called when what the store holds is in memory, as far as there is room."""

    @property
    def cache(self) -> Cache[Entry]:
        return self._cache

    def stored_policies(self) -> Iterator[StoredPolicy]:
        """Yield every policy in memory, as it is stored when its turn comes."""
        return (entry.stored for entry in self._cache.precious_entries() if entry.stored)

    @property
    def failing_refresh(self) -> int:
        """Return how many cached policies failed to be refreshed, mode none not counted."""
        return len(self._failing)

    def reconfigure(self, config: Config) -> None:
        self._config = config
        self._cache.resize(config.cache.memory_entries, config.cache.policy_bytes)

    # -- look-ups ----------------------------------------------------------------------------

    def lookup(self, domain: str) -> Entry | None:
        """Return what memory knows of `domain`, at once; None where it must be learnt.

        Where the policy record is due to be looked at again, that begins behind the answer
        (RFC 8461 §5.1: an old policy must not make mail fail for good).
        """
        now = self._clock.monotonic()
        entry = self._cache.use(domain, now)
        if entry is not None and now >= entry.check_at:
            self._check_behind(domain, entry, now)
        return entry

    async def resolve(self, domain: str) -> StsFinding:
        """Learn what is known of `domain`, within `lookup_timeout`. Raise OverloadedError."""
        timeout = self._config.lookup_timeout
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while True:
            task = self._discoveries.get(domain) or self._discoveries.start(
                domain, self._learn(domain)
            )
            done, _ = await asyncio.wait({task}, timeout=max(0.0, end - loop.time()))
            if not done:
                self._counters.lookup_timeouts += 1
                if self._discoveries.waits(domain):
                    raise OverloadedError(TOO_MANY)
                # What the domain can do to be slow ends sooner: this was us, and it must not pass
                # for a failure of the domain's, which may mean delivery without protection.
                if timeout > self._config.dns.timeout + self._config.https.timeout:
                    raise OverloadedError(TOO_BUSY)
                reason = f"the policy of {domain} was not known within {timeout:g} s; try again"
                return StsFinding(None, reason, "lookup-timeout", known=False)
            entry = task.result()
            if entry is not None:  # None: it was a refresh, and the policy is forgotten now
                # A policy that came from the store may be due for a check of its id.
                return (self.lookup(domain) or entry).finding

    async def refresh(self, domain: str) -> Entry | None:
        """Fetch the policy of `domain` again, whether or not its id changed (RFC 8461 §3.3).

        Return the policy's entry, or None where none is left: it has expired, or the domain was
        not asked for in `forget_after`. Raise OverloadedError.
        """
        await self._discoveries.idle(domain)
        task = self._discoveries.start(domain, self._refresh(domain))
        await asyncio.wait({task})
        return task.result()

    def preload(self, stored: StoredPolicy) -> Entry | None:
        """Take a policy from the store into memory where there is room; None where it is over.

        Then it stays in the store all the same: it may be the clock that is wrong.
        """
        held = self._cache.get(stored.domain)
        if held is not None and held.stored is not None:
            self._hold_longer(held, held.stored)
            return held  # it may have been fetched since the store was read
        entry = self._entry_of(stored)
        if entry is None:
            return None
        if held is not None:  # an absence, which must not hide it
            self._cache.put(stored.domain, entry)
        else:
            self._cache.offer(stored.domain, entry)
        return entry

    def preloaded(self) -> None:
        """Take note that `preload` was called for all that the store holds."""
        self._preloaded = True
        self.on_preloaded()

    def drop_expired(self, stored: StoredPolicy) -> None:
        """Drop a policy from the store that has been over for EXPIRED_GRACE."""
        held = self._cache.get(stored.domain)
        if held is not None and held.stored is not None:
            return
        try:
            if expired_for(stored, self._clock) < EXPIRED_GRACE:
                return
        except DocumentError:
            return  # reported, and dropped, when it is read for a look-up
        self._store.delete(stored.domain)

    def store_returned(self) -> None:
        """Doubt the absences that were learnt while the store could not be read.

        A policy that is stored MUST be applied (RFC 8461 §3.3), and it may hold one.
        """
        now = self._clock.monotonic()
        for _ in range(min(len(self._unread), DOUBTED_PER_TURN)):
            self._doubt(self._unread.pop(), now)
        if self._unread:
            asyncio.get_running_loop().call_soon(self.store_returned)

    async def close(self) -> None:
        """End every discovery."""
        await self._discoveries.close()
        self.log.flush(at_once=True)

    # -- tasks -------------------------------------------------------------------------------

    def _check_behind(self, domain: str, entry: Entry, now: float) -> None:
        if domain in self._discoveries:
            return
        try:
            self._discoveries.start(domain, self._check(domain))
        except OverloadedError:
            entry.check_at = now + DNS_RETRY_DELAY

    @property
    def _store_may_hold_more(self) -> bool:
        """Tell whether the store may hold a policy that memory does not.

        To ask it in vain would be a sixth of a cold look-up's cost.
        """
        return not self._preloaded or self._cache.precious_missing

    async def _learn(self, domain: str) -> Entry | None:
        known = self._cache.get(domain)
        now = self._clock.monotonic()
        if known is not None and known.stored is not None:
            if now >= known.until:
                self._hold_longer(known, known.stored)
                if now < known.until:
                    return known
        elif self._store_may_hold_more:
            stored = await self._stored(domain)
            entry = self._entry_of(stored) if stored is not None else None
            if entry is not None:
                entry.asked = self._clock.monotonic()
                self._cache.put(domain, entry)
                return entry
        return await self._check(domain)

    async def _check(self, domain: str) -> Entry:
        async with self._discoveries.slot(domain):
            try:
                return await self._discover(domain, refresh=False)
            except OverloadedError:
                now = self._clock.monotonic()
                entry = self._live(domain, now)
                if entry is None:
                    raise
                entry.check_at = now + DNS_RETRY_DELAY
                return entry

    async def _refresh(self, domain: str) -> Entry | None:
        entry = self._cache.get(domain)
        if entry is None or entry.stored is None:
            try:
                stored = await self._store.get(domain)
            except UnavailableError as error:  # reported; to be tried again later
                raise OverloadedError(str(error)) from None
            entry = self._entry_of(stored) if stored is not None else None
            if entry is None:
                return None
        now = self._clock.monotonic()
        if now >= entry.until and entry.stored is not None:
            self._hold_longer(entry, entry.stored)
        if now >= entry.until:
            self._expire(domain, entry)
            return None
        if now - entry.asked >= self._config.refresh.forget_after:
            self.log.info("policy-forgotten", domain=domain, reason="not asked for in forget_after")
            self._forget(domain)
            return None
        if self._cache.get(domain) is None:
            self._cache.offer(domain, entry)
        async with self._discoveries.slot(domain):
            return await self._discover(domain, refresh=True, held=entry)

    # -- one discovery -----------------------------------------------------------------------

    async def _discover(self, domain: str, *, refresh: bool, held: Entry | None = None) -> Entry:
        """Look at the policy record, and fetch the policy where that is called for.

        `held` is the policy's entry where memory may have no room for it.
        """
        self._counters.discoveries += 1
        known = held or self._cache.get(domain)
        record, fetched = await self._ask(domain, self._not_wanted(known, refresh=refresh))
        now = self._clock.monotonic()
        entry = self._live(domain, now) or held
        if isinstance(record, DiscoveryError):
            if entry is None:
                return self._without_record(domain, record, now)
            # RFC 8461 §3.1, §5.1: no usable record does not remove a cached policy.
            ttl = record.ttl if isinstance(record, NoRecordError) else DNS_RETRY_DELAY
            entry.check_at = now + id_check_delay(ttl)
            if not refresh or entry.stored is None:
                return entry
            policy_id = entry.stored.policy_id
        else:
            policy_id = record.record.id
            if entry is not None and entry.stored is not None:
                # An unchanged id does not extend the policy (RFC 8461 §5.1): only a fetch does.
                entry.check_at = now + id_check_delay(record.ttl)
                if policy_id == entry.stored.policy_id and not refresh:
                    return entry
        return await self._fetch(domain, policy_id, entry, fetched)

    def _not_wanted(self, known: Entry | None, *, refresh: bool) -> list[str]:
        """Return the ids for which the policy is not to be fetched together with the record."""
        ids: list[str] = []
        if known is None:
            return ids
        now = self._clock.monotonic()
        if known.stored is not None and now < known.until and not refresh:
            ids.append(known.stored.policy_id)
        if known.failure is not None and now < known.failure.retry_at:
            ids.append(known.failure.policy_id)
        return ids

    async def _ask(self, domain: str, not_wanted: list[str]) -> tuple[Recorded, Fetched]:
        """Look up the record and, unless its id is one of `not_wanted`, fetch the policy."""
        recorded: Recorded
        fetched: Fetched = None
        try:
            recorded, fetched = await self._discoverer.sts(domain, not_wanted)
        except DnsError as error:
            self._note_dns_failure(error)
            return error, None
        except NoRecordError as error:
            recorded = error
        except FetchError as error:
            recorded, fetched = error.record or error, error
        self._name_servers.answered()
        return recorded, fetched

    def _note_dns_failure(self, error: DnsError) -> None:
        self._counters.dns_failures += 1
        self._name_servers.failed(error)

    async def _fetch(
        self, domain: str, policy_id: str, entry: Entry | None, fetched: Fetched
    ) -> Entry:
        """Take the policy that was fetched together with the record, or fetch it now."""
        known = entry or self._cache.get(domain)
        failure = known.failure if known is not None else None
        if failure is not None and failure.policy_id != policy_id:
            failure = None
        now = self._clock.monotonic()
        if fetched is None:
            if failure is not None and now < failure.retry_at:  # RFC 8461 §3.3: not so soon again
                return entry or self._without_policy(domain, failure, now)
            try:
                fetched = await self._discoverer.policy(domain)
            except DnsError as error:
                self._note_dns_failure(error)
                if entry is None:  # RFC 8461 §3.3 counts the failures of the domain's host alone
                    return self._without_record(domain, error, self._clock.monotonic())
                fetched = error
            except FetchError as error:
                fetched = error
        self._counters.fetches += 1
        if isinstance(fetched, DiscoveryError):
            self._counters.fetch_failures += 1
            return self._fetch_failed(domain, policy_id, fetched, failure, entry)
        return self._fetched(domain, policy_id, fetched.policy, known)

    # -- what was found ----------------------------------------------------------------------

    def _fetched(self, domain: str, policy_id: str, policy: Policy, known: Entry | None) -> Entry:
        now, wall = self._clock.monotonic(), self._clock.wall()
        # What is no live policy was asked for just now; a live one is fetched behind its answers.
        asked = known.asked if known and known.stored and now < known.until else now
        stored = StoredPolicy(
            domain=domain,
            policy_id=policy_id,
            document=policy.document,
            fetched_at=wall,
            asked_at=wall - (now - asked),
        )
        entry = Entry(
            finding=StsFinding(policy),
            until=now + policy_lifetime(policy.max_age),
            check_at=now + id_check_delay(0),
            asked=asked,
            stored=stored,
        )
        self._log_change(domain, known, entry)
        if domain in self._failing:
            self._failing.discard(domain)
            self.log.info("policy-refresh-recovered", domain=domain)
        self._store.put(stored)
        if known is not None and known.stored and self._cache.get(domain) is None:
            self._cache.offer(domain, entry)  # it had no room, and its refresh is no look-up
        else:
            self._cache.put(domain, entry)
        self.on_policy(domain, entry)
        return entry

    def _log_change(self, domain: str, known: Entry | None, entry: Entry) -> None:
        policy = entry.finding.policy
        before = known.finding.policy if known is not None else None
        if policy is None or (policy == before and known and known.policy_id == entry.policy_id):
            return
        fields = {
            "mode": policy.mode,
            "mx": " ".join(policy.mx),
            "max_age": policy.max_age,
            "id": entry.policy_id,
        }
        if before is None:
            self.log.info("policy-found", domain=domain, **fields)
        else:
            self.log.info("policy-changed", domain=domain, **fields)

    def _fetch_failed(
        self,
        domain: str,
        policy_id: str,
        error: FetchError | DnsError,
        previous: FetchFailure | None,
        entry: Entry | None,
    ) -> Entry:
        now = self._clock.monotonic()
        failures = 1 if previous is None else previous.failures + 1
        remaining = None if entry is None else entry.until - now
        failure = FetchFailure(
            policy_id=policy_id,
            failures=failures,
            retry_at=now + retry_delay(failures, remaining, self._rng),
            code=error.code,
            reason=str(error),
        )
        if entry is None:
            return self._without_policy(domain, failure, now)
        self._report_failed_refresh(domain, entry, failure, now)
        entry.failure = failure
        self._cache.weigh(domain, entry)
        self._note_asked(entry, now)
        return entry

    def _report_failed_refresh(
        self, domain: str, entry: Entry, failure: FetchFailure, now: float
    ) -> None:
        """Log the failure where it is new or has become more urgent (RFC 8461 §3.3)."""
        policy = entry.finding.policy
        if policy is None or policy.mode is Mode.NONE:
            return
        self._failing.add(domain)
        remaining = entry.until - now
        urgency = refresh_urgency(remaining, policy.max_age)
        if entry.reported == (failure.code, urgency):
            return
        entry.reported = (failure.code, urgency)
        report = self.log.warning if urgency is Urgency.EARLY else self.log.error
        report(
            "policy-refresh-failed",
            domain=domain,
            code=failure.code,
            reason=failure.reason,
            days_until_expiry=round(remaining / 86_400, 1),
        )

    def _without_policy(self, domain: str, failure: FetchFailure, now: float) -> Entry:
        """Remember that there is a record, but no policy (RFC 8461 §3.3): deliver as without."""
        finding = StsFinding(None, failure.reason, failure.code)
        entry = Entry(
            finding=finding,
            until=failure.retry_at,
            check_at=now + id_check_delay(0),
            asked=now,
            failure=failure,
        )
        if self._remember_absence(domain, entry):
            self.log.warning(
                "policy-unavailable", domain=domain, code=finding.code, reason=finding.reason
            )
        return entry

    def _without_record(self, domain: str, error: DiscoveryError, now: float) -> Entry:
        known = self._cache.get(domain)
        if isinstance(error, NoRecordError):
            finding = ABSENT if error.absent else StsFinding(None, str(error), error.code)
            until = now + absence_lifetime(error.ttl)
        elif known is not None and now < known.until:
            known.check_at = now + DNS_RETRY_DELAY  # a check behind an answer that still holds
            return known
        else:
            finding = StsFinding(None, str(error), error.code, known=False)
            until = now + DNS_RETRY_DELAY
        entry = Entry(
            finding=finding,
            until=until,
            check_at=until,
            asked=now,
            failure=known.failure if known is not None else None,
        )
        changed = self._remember_absence(domain, entry)
        if changed and isinstance(error, NoRecordError) and not error.absent:
            self.log.warning(
                "policy-record-invalid", domain=domain, code=finding.code, reason=finding.reason
            )
        return entry

    def _remember_absence(self, domain: str, entry: Entry) -> bool:
        """Put `entry`; tell whether the state of the domain has changed with it."""
        known = self._cache.get(domain)
        if known is not None and known.stored is not None:
            self._expire(domain, known)
        self._cache.put(domain, entry)
        return known is None or known.finding.code != entry.finding.code

    # -- policies in memory and in the store ---------------------------------------------------

    def _live(self, domain: str, now: float) -> Entry | None:
        entry = self._cache.get(domain)
        return entry if entry is not None and entry.stored and now < entry.until else None

    def _hold_longer(self, held: Entry, stored: StoredPolicy) -> None:
        """Have a policy in memory hold as long as the stored one does, as the clock is now.

        Its end may be by a clock that was ahead at the start. Never sooner than before: a policy
        that is cached MUST be applied (RFC 8461 §3.3), and it may be now that the clock is wrong.
        Nor by a clock that was set back to before the fetch, for then each call would add to it.
        """
        entry = self._entry_of(stored) if stored.fetched_at <= self._clock.wall() else None
        if entry is not None and entry.until > held.until:
            held.until = entry.until
            held.recall()
            self._cache.weigh(stored.domain, held)

    async def _stored(self, domain: str) -> StoredPolicy | None:
        """Return what the store holds; where it cannot be read, doubt what is learnt instead."""
        try:
            stored = await self._store.get(domain)
        except UnavailableError:  # which the store has reported
            if len(self._unread) >= self._config.cache.memory_entries:
                self._doubt(self._unread.pop(), self._clock.monotonic())
            self._unread.add(domain)
            return None
        if self._unread:
            self.store_returned()
        return stored

    def _doubt(self, domain: str, now: float) -> None:
        """Have `domain` learnt anew where it has no policy."""
        entry = self._cache.get(domain)
        if entry is not None and entry.stored is None:
            entry.until = min(entry.until, now)
            entry.recall()
            self._cache.weigh(domain, entry)

    def _entry_of(self, stored: StoredPolicy) -> Entry | None:
        """Return the entry of a stored policy; None where it has expired or is damaged."""
        try:
            return entry_of(stored, self._clock)
        except DocumentError as error:
            self.log.error("stored-policy-invalid", domain=stored.domain, reason=str(error))
            self._forget(stored.domain)
            return None

    def _note_asked(self, entry: Entry, now: float) -> None:
        """Store when the domain was last asked for, where no fetch has done so for long."""
        asked_at = self._clock.wall() - (now - entry.asked)
        if entry.stored and asked_at - entry.stored.asked_at > ASKED_AT_PRECISION:
            stored = entry.stored
            entry.stored = StoredPolicy(
                stored.domain, stored.policy_id, stored.document, stored.fetched_at, asked_at
            )
            self._store.put(entry.stored)

    def _expire(self, domain: str, entry: Entry) -> None:
        policy = entry.finding.policy
        if policy is not None and policy.mode is not Mode.NONE:
            self.log.warning("policy-expired", domain=domain, mode=policy.mode)
        if entry.stored is not None and expired_for(entry.stored, self._clock) < 0:
            # The clock was ahead at the start, and is right now: `preload` will take it again.
            self._drop(domain)
            self._cache.precious_missing = True
        else:
            self._forget(domain)

    def _forget(self, domain: str) -> None:
        self._drop(domain)
        self._store.delete(domain)

    def _drop(self, domain: str) -> None:
        self._cache.remove(domain)
        self._failing.discard(domain)
