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
    DnsFailed,
    PolicyChanged,
    PolicyExpired,
    PolicyForgotten,
    PolicyFound,
    PolicyUnavailable,
    RecordInvalid,
    RecordLost,
    RecordReturned,
    RefreshFailed,
    RefreshRecovered,
    StoredPolicyInvalid,
)
from mtasts_resolver.knowledge.learning import Knowledge, Means
from mtasts_resolver.knowledge.lifetimes import (
    RETRY_SOON,
    absence_lifetime,
    id_check_delay,
    next_refresh,
    policy_lifetime,
    refresh_urgency,
    retry_delay,
)
from mtasts_resolver.knowledge.loader import Loader
from mtasts_resolver.knowledge.nameservers import NameServerHealth
from mtasts_resolver.knowledge.policies import Policies
from mtasts_resolver.policy import Mode, Policy, StsFinding
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
        self._failing: set[str] = set()
        events.listen(PolicyExpired, lambda told: self._failing.discard(told.domain))
        events.listen(PolicyForgotten, lambda told: self._failing.discard(told.domain))
        events.listen(StoredPolicyInvalid, lambda told: self._failing.discard(told.domain))

    @property
    def failing_refresh(self) -> int:
        """Return how many cached policies failed to be refreshed, mode none not counted."""
        return len(self._failing)

    def reconfigure(self, config: Config) -> None:
        """Take new settings; a new interval holds from each domain's next refresh on."""
        self._config = config
        self.policies.reconfigure(config)
        self.wake()

    async def run(self) -> None:
        """Rebuild the schedule from the store, and work for ever; ends by cancellation."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loader.run(), name="policy loader")
            group.create_task(super().run(), name="policy schedule")

    def due(self, entry: StsEntry) -> float:
        policy, failure = entry.finding.policy, entry.failure
        return next_refresh(
            self._clock.monotonic(),
            until=entry.until,
            max_age=0 if policy is None else policy.max_age,
            retry_at=None if failure is None else failure.retry_at,
            interval=self._config.refresh.interval,
            rng=self._rng,
        )

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
        """
        entry = self.policies.get(domain)
        if entry is None or entry.stored is None:
            try:
                entry = await self.policies.read(domain)
            except UnavailableError as error:  # to be tried again later
                raise OverloadedError(str(error)) from None
            if entry is None:
                return None
        now = self._clock.monotonic()
        if now >= entry.until and entry.stored is not None:
            self.policies.hold_longer(entry, entry.stored)
        if now >= entry.until:
            self.policies.expire(domain, entry)
            return None
        if now - entry.asked >= self._config.refresh.forget_after:
            forgotten = PolicyForgotten(domain, entry.finding.policy, entry.policy_id)
            self._events.publish(forgotten)
            self.policies.forget(domain)
            return None
        if self.policies.get(domain) is None:
            self.cache.offer(domain, entry)
        async with self._discoveries.slot(domain):
            return await self._discover(domain, due=entry)

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
        known = due or self.policies.get(domain)
        record, fetched = await self._ask(domain, self._not_wanted(known, due=due is not None))
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
        if domain in self._failing:
            self._failing.discard(domain)
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
        self._note_failed_refresh(domain, entry, failure, now)
        entry.failure = failure
        self.cache.weigh(domain, entry)
        self.policies.note_asked(entry, now)
        return entry

    def _note_failed_refresh(
        self, domain: str, entry: StsEntry, failure: FetchFailure, now: float
    ) -> None:
        """Tell of the failure where it is new or has become more urgent (RFC 8461 §3.3)."""
        policy = entry.finding.policy
        if policy is None or policy.mode is Mode.NONE:
            return
        self._failing.add(domain)
        remaining = entry.until - now
        urgency = refresh_urgency(remaining, policy.max_age)
        if entry.reported != (failure.code, urgency):
            entry.reported = (failure.code, urgency)
            told = RefreshFailed(domain, failure.code, failure.reason, remaining, urgency)
            self._events.publish(told)

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
