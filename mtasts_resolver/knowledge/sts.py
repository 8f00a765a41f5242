"""What is known of the MTA-STS policy of each domain (RFC 8461 §3.3, §5.1).

A discovery looks at the policy record, and fetches the policy where the record names another one
than is known, or where the policy is due to be fetched again.
"""

import asyncio

from mtasts_resolver.base.overload import TOO_BUSY, OverloadedError
from mtasts_resolver.config import Config
from mtasts_resolver.discovery.errors import DiscoveryError, DnsError, FetchError, NoRecordError
from mtasts_resolver.discovery.findings import FoundRecord
from mtasts_resolver.knowledge.entry import ABSENT, FetchFailure, StsEntry
from mtasts_resolver.knowledge.events import (
    Discovered,
    DnsFailed,
    PoliciesLoaded,
    PolicyChanged,
    PolicyForgotten,
    PolicyFound,
    PolicyUnavailable,
    RecordInvalid,
    RecordLost,
    RecordReturned,
    RefreshRecovered,
)
from mtasts_resolver.knowledge.failing import FailingRefreshes
from mtasts_resolver.knowledge.learning import Knowledge, Means
from mtasts_resolver.knowledge.lifetimes import (
    MIN_RETRY,
    RETRY_SOON,
    absence_lifetime,
    absence_recheck,
    id_check_delay,
    next_refresh,
    policy_lifetime,
    retry_delay,
)
from mtasts_resolver.knowledge.loader import Loader
from mtasts_resolver.knowledge.nameservers import NameServerHealth
from mtasts_resolver.knowledge.outcomes import sts_outcome
from mtasts_resolver.knowledge.policies import Policies
from mtasts_resolver.policy import Policy, StsFinding
from mtasts_resolver.store import Store, StoredPolicy
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.worker.discoverer import Discoverer

Recorded = FoundRecord | DiscoveryError
# None: it was not asked for. DnsError: of a refresh, for which the name servers failed.
Fetched = Policy | FetchError | DnsError | None


class StsKnowledge(Knowledge[StsEntry, StsFinding]):
    """Knows, or finds out, the policy of each domain; fetches each about daily."""

    def __init__(self, discoverer: Discoverer, store: Store, means: Means) -> None:
        clock, events = means.clock, means.events
        self.policies = Policies(store, clock=clock, config=means.config, events=events)
        super().__init__("discovery", self.policies.cache, means)
        self._discoverer = discoverer
        self._loader = Loader(self.policies, store, self, clock=clock, events=events)
        self._name_servers = NameServerHealth(clock, events)
        self.failing = FailingRefreshes(events)
        self._preload = frozenset(means.config.preload)
        events.listen(PoliciesLoaded, lambda _: self._schedule_preload())

    @property
    def failing_refresh(self) -> int:
        """Return how many cached policies failed to be refreshed, mode none not counted."""
        return len(self.failing)

    @property
    def name_servers_fail(self) -> bool:
        """Tell whether our own name servers fail, and not those of some domains."""
        return self._name_servers.outage

    def reconfigure(self, config: Config) -> None:
        """Take new settings; a new interval holds from each domain's next refresh on."""
        self._config = config
        self.policies.reconfigure(config)
        self._preload = frozenset(config.preload)
        if self.policies.is_loaded:
            self._schedule_preload()
        self.wake()

    async def run(self) -> None:
        """Rebuild the schedule from the store, and work for ever; ends by cancellation."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loader.run(), name="policy loader")
            group.create_task(super().run(), name="policy schedule")

    def due(self, entry: StsEntry) -> float:
        now, interval = self._clock.monotonic(), self._config.refresh.interval
        retry_at = None if entry.failure is None else entry.failure.retry_at
        policy, stored = entry.finding.policy, entry.stored
        if policy is None or stored is None:  # of `preload`: others are not scheduled
            known = entry.finding.known
            return absence_recheck(now, retry_at, interval, known=known, rng=self._rng)
        due = next_refresh(
            now,
            until=entry.until,
            max_age=policy.max_age,
            retry_at=retry_at,
            interval=interval,
            rng=self._rng,
        )
        # One that lives for a minute is not let go of when it is over, but fetched again.
        return max(due, now + MIN_RETRY) if stored.domain in self._preload else due

    def _schedule_preload(self) -> None:
        """Have those of `preload` looked at that are not kept current yet."""
        now = self._clock.monotonic()
        for domain in self._preload:
            if domain not in self:
                self._schedule_at(domain, now)

    # -- the ways to a discovery ---------------------------------------------------------------

    async def _find(self, domain: str) -> StsFinding:
        entry = await self._learnt(domain)
        # A policy that came from the store may be due for a check of its id.
        return (self.lookup(domain) or entry).finding

    async def _learn(self, domain: str) -> StsEntry | None:
        known = self.policies.get(domain)
        now = self._clock.monotonic()
        if known is not None and known.stored is not None:
            if now >= known.until:
                self.policies.hold_longer(known, known.stored)
                if now < known.until:
                    return known
        elif self.policies.may_be_stored:
            entry = await self.policies.recall(domain)
            if entry is not None:
                return entry
        return await self._look_again(domain)

    async def _look_again(self, domain: str) -> StsEntry:
        async with self._discoveries.slot(domain):
            try:
                return await self._discover(domain)
            except OverloadedError:
                now = self._clock.monotonic()
                entry = self.policies.live(domain, now)
                if entry is None:
                    raise
                entry.stale_at = now + RETRY_SOON
                return entry

    async def _find_anew(self, domain: str) -> StsEntry | None:
        """Fetch the policy again, whether or not its id changed (RFC 8461 §3.3).

        None where none is left: it has expired, or the domain was not asked for in `forget_after`.
        Of a domain in `preload` neither is an end.
        """
        entry = await self.kept(domain)
        now, preloaded = self._clock.monotonic(), domain in self._preload
        if entry is not None and now >= entry.until:
            self.policies.expire(domain, entry)
            entry = None
        if entry is None:
            return await self._look_again(domain) if preloaded else None
        if not preloaded and now - entry.asked >= self._config.refresh.forget_after:
            forgotten = PolicyForgotten(domain, entry.finding.policy, entry.policy_id)
            self._events.publish(forgotten)
            self.policies.forget(domain)
            return None
        return await self._fetch_anew(domain, entry)

    async def kept(self, domain: str) -> StsEntry | None:
        """Return the policy that memory holds, or else the store. Raise OverloadedError."""
        try:
            return await self.policies.kept(domain)
        except UnavailableError as error:  # to be tried again later
            raise OverloadedError(str(error)) from None

    async def _fetch_anew(self, domain: str, entry: StsEntry) -> StsEntry:
        if self.policies.get(domain) is None:
            self.cache.offer(domain, entry)
        async with self._discoveries.slot(domain):
            return await self._discover(domain, due=entry)

    # -- what an administrator asks for --------------------------------------------------------

    async def _refetch(self, domain: str) -> StsEntry:
        """Fetch the policy, even though one that failed is to wait: RFC 8461 §3.3 is of retries."""
        kept, now = await self.kept(domain), self._clock.monotonic()
        for entry in (kept, self.policies.get(domain)):
            if entry is not None and entry.failure is not None:
                entry.failure = entry.failure._replace(retry_at=now)
        if kept is not None and now < kept.until:
            found = await self._fetch_anew(domain, kept)
        else:
            found = await self._look_again(domain)
        if found.renewed or domain in self._preload:
            self.schedule(domain, found)
        return found

    def _drop(self, domain: str) -> None:
        self.policies.forget(domain)
        if domain in self._preload:
            self._schedule_at(domain, self._clock.monotonic())

    def _too_late(self, domain: str, timeout: float) -> StsFinding:
        # What the domain can do to be slow ends sooner: this was us, and it must not pass for a
        # failure of the domain's, which may mean delivery without protection.
        if timeout > self._config.dns.timeout + self._config.https.timeout:
            raise OverloadedError(TOO_BUSY)
        reason = f"the policy of {domain} was not known within {timeout:g} s; try again"
        return StsFinding(None, reason, "lookup-timeout", known=False)

    # -- one discovery -------------------------------------------------------------------------

    async def _discover(self, domain: str, due: StsEntry | None = None) -> StsEntry:
        """Look at the policy record, and fetch the policy where that is called for.

        `due` is the entry of a policy that is to be fetched again; memory may have no room for it.
        """
        self._counters.discoveries += 1
        begun = self._clock.monotonic()
        known = due or self.policies.get(domain)
        failure = None if known is None else known.failure
        record, fetched = await self._ask(domain, self._not_wanted(known, due=due is not None))
        entry = await self._take(domain, record, fetched, due)
        fetched_now = entry is not known or entry.failure is not failure
        outcome = sts_outcome(record, entry, fetched=fetched_now)
        seconds = self._clock.monotonic() - begun
        self._events.publish(Discovered("policy", due is not None, *outcome, seconds))
        return entry

    async def _take(
        self, domain: str, record: Recorded, fetched: Fetched, due: StsEntry | None
    ) -> StsEntry:
        """Return what follows from a record, and fetch the policy where it names another."""
        now = self._clock.monotonic()
        entry = self.policies.live(domain, now) or due
        if isinstance(record, FoundRecord):
            policy_id, ttl = record
            self._note_record(domain, entry, None)
        elif entry is None or entry.stored is None:
            return self._without_record(domain, record, now)
        else:
            # RFC 8461 §3.1, §5.1: no usable record does not remove a cached policy.
            policy_id = entry.stored.policy_id
            ttl = RETRY_SOON
            if isinstance(record, NoRecordError):
                ttl = record.ttl
                self._note_record(domain, entry, record)
        if entry is None or due is not None or policy_id != entry.policy_id:
            found = await self._fetch(domain, policy_id, entry, fetched)
            if found is not entry:
                return found
        # An unchanged id does not extend the policy (RFC 8461 §5.1): only a fetch does.
        entry.stale_at = now + id_check_delay(ttl)
        return entry

    def _not_wanted(self, known: StsEntry | None, *, due: bool) -> list[str]:
        """Return the ids for which the policy is not to be fetched together with the record."""
        ids: list[str] = []
        if known is None:
            return ids
        now = self._clock.monotonic()
        if known.stored is not None and now < known.until and not due:
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
        self._events.publish(DnsFailed(error.code, str(error)))
        self._name_servers.failed(error)

    def _note_record(self, domain: str, entry: StsEntry | None, lack: NoRecordError | None) -> None:
        """Tell where the record of a cached policy is gone, or back."""
        if entry is None or entry.stored is None or entry.record_lost is (lack is not None):
            return
        entry.record_lost = lack is not None
        if lack is None:
            self._events.publish(RecordReturned(domain))
        else:
            lost = RecordLost(domain, entry.finding.policy, lack.code, str(lack))
            self._events.publish(lost)

    async def _fetch(
        self, domain: str, policy_id: str, entry: StsEntry | None, fetched: Fetched
    ) -> StsEntry:
        """Take the policy that was fetched together with the record, or fetch it now."""
        known = entry or self.policies.get(domain)
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
        return self._fetched(domain, policy_id, fetched, known)

    # -- what was found ------------------------------------------------------------------------

    def _fetched(
        self, domain: str, policy_id: str, policy: Policy, known: StsEntry | None
    ) -> StsEntry:
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
        entry = StsEntry(
            finding=StsFinding(policy),
            until=now + policy_lifetime(policy.max_age),
            stale_at=now + id_check_delay(0),
            asked=asked,
            stored=stored,
            record_lost=known is not None and known.record_lost,
        )
        # Where it had no room and its refresh is no look-up, it makes none.
        asked_for = known is None or known.stored is None
        self.policies.put(stored, entry, asked_for=asked_for)
        self.schedule(domain, entry)
        self._tell_fetched(domain, policy, policy_id, known)
        return entry

    def _tell_fetched(
        self, domain: str, policy: Policy, policy_id: str, known: StsEntry | None
    ) -> None:
        """Tell what has changed, now that it is what is known."""
        before = None if known is None else known.finding.policy
        if known is None or before is None:
            self._events.publish(PolicyFound(domain, policy, policy_id))
        elif policy != before or policy_id != known.policy_id:
            changed = PolicyChanged(domain, policy, policy_id, before, known.policy_id)
            self._events.publish(changed)
        if self.failing.end(domain):
            self._events.publish(RefreshRecovered(domain))

    def _fetch_failed(
        self,
        domain: str,
        policy_id: str,
        error: FetchError | DnsError,
        previous: FetchFailure | None,
        entry: StsEntry | None,
    ) -> StsEntry:
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
        self.failing.note(domain, entry, failure, now)
        entry.failure = failure
        self.cache.weigh(domain, entry)
        self.policies.note_asked(entry, now)
        return entry

    def _without_policy(self, domain: str, failure: FetchFailure, now: float) -> StsEntry:
        """Remember that there is a record, but no policy (RFC 8461 §3.3): deliver as without."""
        entry = StsEntry(
            finding=StsFinding(None, failure.reason, failure.code),
            until=failure.retry_at,
            stale_at=now + id_check_delay(0),
            asked=now,
            failure=failure,
        )
        if self.policies.put_absence(domain, entry):
            self._events.publish(PolicyUnavailable(domain, failure.code, failure.reason))
        return entry

    def _without_record(self, domain: str, error: DiscoveryError, now: float) -> StsEntry:
        known = self.policies.get(domain)
        if isinstance(error, NoRecordError):
            finding = ABSENT if error.absent else StsFinding(None, str(error), error.code)
            until = now + absence_lifetime(error.ttl)
        elif known is not None and now < known.until:
            known.stale_at = now + RETRY_SOON  # a look behind an answer that still holds
            return known
        else:
            finding = StsFinding(None, str(error), error.code, known=False)
            until = now + RETRY_SOON
        entry = StsEntry(
            finding=finding,
            until=until,
            stale_at=until,
            asked=now,
            failure=known.failure if known is not None else None,
        )
        changed = self.policies.put_absence(domain, entry)
        if changed and isinstance(error, NoRecordError) and not error.absent:
            self._events.publish(RecordInvalid(domain, error.code, str(error)))
        return entry
