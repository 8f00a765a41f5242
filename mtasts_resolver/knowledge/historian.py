"""What happens to what is known, as the history keeps it; and what of it weakens protection."""

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.config import Config
from mtasts_resolver.knowledge import events
from mtasts_resolver.knowledge.events import ProtectionWeakened
from mtasts_resolver.policy import (
    Dane,
    DaneFinding,
    Policy,
    Weakening,
    parse_next_hop,
    weakened_by_change,
    weakened_by_dane,
    weakened_by_loss,
)
from mtasts_resolver.store.changes import (
    Change,
    ChangesRecorded,
    Subject,
    bounded,
    dane_status,
)
from mtasts_resolver.store.history import History

# Findings that were told to weaken protection before they were written, to be told once.
MAX_TOLD = 1_000


class Historian:
    """Listens, notes changes, and publishes ProtectionWeakened."""

    def __init__(self, published: Events, history: History, clock: Clock, config: Config) -> None:
        self._events = published
        self._history = history
        self._clock = clock
        self._told: set[tuple[str, float]] = set()
        self.reconfigure(config)
        listen = published.listen
        listen(events.PolicyFound, self._policy_found)
        listen(events.PolicyChanged, self._policy_changed)
        listen(events.PolicyExpired, self._policy_expired)
        listen(events.PolicyForgotten, self._policy_forgotten)
        listen(events.PolicyPurged, self._policy_purged)
        listen(events.PolicyImported, self._policy_imported)
        listen(events.StoredPolicyInvalid, self._stored_policy_invalid)
        listen(events.StoredPolicyDropped, self._stored_policy_dropped)
        listen(events.RecordLost, self._record_lost)
        listen(events.RecordReturned, self._record_returned)
        listen(events.RefreshFailed, self._refresh_failed)
        listen(events.RefreshRecovered, self._refresh_recovered)
        listen(events.DaneFound, self._dane_found)
        listen(events.DnssecChanged, self._dnssec_changed)
        listen(events.DaemonChanged, lambda told: self._note_daemon(told.how, told.reason))
        listen(ChangesRecorded, self._recorded)

    def reconfigure(self, config: Config) -> None:
        """Take new settings."""
        maps = config.all_maps().values()
        self._enforce_testing = any(options.testing == "enforce" for options in maps)

    # -- policies ------------------------------------------------------------------------------

    def _policy_found(self, told: events.PolicyFound) -> None:
        text, policy_id = bounded(told.policy.document), told.policy_id
        found = Change(self._time, told.domain, Subject.POLICY, "found", text, now_id=policy_id)
        self._note(found)

    def _policy_changed(self, told: events.PolicyChanged) -> None:
        weakened = weakened_by_change(
            told.previous, told.policy, enforce_testing=self._enforce_testing
        )
        changed = Change(
            self._time,
            told.domain,
            Subject.POLICY,
            "changed",
            now=bounded(told.policy.document),
            was=bounded(told.previous.document),
            now_id=told.policy_id,
            was_id=told.previous_id,
            weakened=tuple(weakened),
        )
        self._note(changed)
        self._warn(told.domain, weakened, told.previous.mode, told.policy.mode)

    def _policy_expired(self, told: events.PolicyExpired) -> None:
        self._policy_ended(told, "expired", self._loss(told.policy, Weakening.EXPIRED))

    def _policy_forgotten(self, told: events.PolicyForgotten) -> None:
        self._policy_ended(told, "forgotten", [])

    def _policy_ended(
        self,
        told: events.PolicyExpired | events.PolicyForgotten | events.PolicyPurged,
        how: str,
        weakened: list[Weakening],
    ) -> None:
        policy = told.policy
        ended = Change(
            self._time,
            told.domain,
            Subject.POLICY,
            how,
            was=None if policy is None else bounded(policy.document),
            was_id=told.policy_id,
            weakened=tuple(weakened),
            by=told.by if isinstance(told, events.PolicyPurged) else "",
        )
        self._note(ended)
        if policy is not None:
            self._warn(told.domain, weakened, policy.mode, how)

    def _policy_purged(self, told: events.PolicyPurged) -> None:
        self._policy_ended(told, "purged", [])

    def _policy_imported(self, told: events.PolicyImported) -> None:
        imported = Change(
            self._time,
            told.domain,
            Subject.POLICY,
            "imported",
            bounded(told.policy.document),
            now_id=told.policy_id,
            by=told.by,
        )
        self._note(imported)

    def _stored_policy_invalid(self, told: events.StoredPolicyInvalid) -> None:
        damaged = Change(self._time, told.domain, Subject.POLICY, "damaged", reason=told.reason)
        self._note(damaged)

    def _stored_policy_dropped(self, told: events.StoredPolicyDropped) -> None:
        """Keep when a policy was over that expired while the daemon was not running.

        It is known for sure only when the clock was right for days.
        """
        stored = told.stored
        ended = Change(
            self._time - told.seconds,
            stored.domain,
            Subject.POLICY,
            "expired",
            was=bounded(stored.document),
            was_id=stored.policy_id,
        )
        self._note(ended)

    def _record_lost(self, told: events.RecordLost) -> None:
        weakened = self._loss(told.policy, Weakening.RECORD_GONE)
        gone = Change(
            self._time,
            told.domain,
            Subject.RECORD,
            "gone",
            now=told.code,
            weakened=tuple(weakened),
            reason=told.reason,
        )
        self._note(gone)
        if told.policy is not None:
            self._warn(told.domain, weakened, told.policy.mode, told.code, told.reason)

    def _record_returned(self, told: events.RecordReturned) -> None:
        self._note(Change(self._time, told.domain, Subject.RECORD, "back"), usual=True)

    def _refresh_failed(self, told: events.RefreshFailed) -> None:
        failed = Change(
            self._time,
            told.domain,
            Subject.REFRESH,
            "failed",
            now=told.code,
            reason=told.reason,
        )
        self._note(failed)

    def _refresh_recovered(self, told: events.RefreshRecovered) -> None:
        self._note(Change(self._time, told.domain, Subject.REFRESH, "recovered"), usual=True)

    def _loss(self, policy: Policy | None, loss: Weakening) -> list[Weakening]:
        if policy is None:
            return []
        return weakened_by_loss(policy, loss, enforce_testing=self._enforce_testing)

    # -- DANE ----------------------------------------------------------------------------------

    def _dane_found(self, told: events.DaneFound) -> None:
        finding, known = told.finding, told.known
        status = finding.status
        if known is not None and known.status is status is Dane.NONE:
            return  # as with most domains
        hop = parse_next_hop(told.hop)
        if hop is None:  # the text of a next hop is always one
            return
        weakened = [] if known is None else weakened_by_dane(known.status, status)
        found = Change(
            self._time,
            hop.domain,
            Subject.DANE,
            status.value,
            now=_described(finding),
            hop=told.hop,
            weakened=tuple(weakened),
            reason=finding.reason,
        )
        self._note(found, usual=status in (Dane.NONE, Dane.UNKNOWN))
        if weakened:
            if len(self._told) >= MAX_TOLD:
                self._told.clear()
            self._told.add((found.hop, found.time))
            self._warn_of_dane(hop.domain, status, finding.reason)

    def _dnssec_changed(self, told: events.DnssecChanged) -> None:
        if told.validates:
            self._note_daemon("dnssec-validated", ", ".join(told.servers))
        else:
            self._note_daemon("dnssec-unavailable", told.reason)

    def _recorded(self, told: ChangesRecorded) -> None:
        """Tell what only the history knew to weaken protection, as after a restart."""
        for _, change, _ in told.changes:
            if change.subject is not Subject.DANE or not change.weakened:
                continue
            if (change.hop, change.time) in self._told:
                self._told.discard((change.hop, change.time))
            else:
                self._warn_of_dane(change.domain, dane_status(change.now), change.reason)

    # ------------------------------------------------------------------------------------------

    @property
    def _time(self) -> float:
        return self._clock.wall()

    def _note_daemon(self, how: str, reason: str) -> None:
        self._note(Change(self._time, "", Subject.DAEMON, how, reason=reason))

    def _note(self, change: Change, *, usual: bool = False) -> None:
        self._history.note(change, usual=usual)

    def _warn_of_dane(self, domain: str, status: Dane, reason: str) -> None:
        self._warn(domain, [Weakening.DANE_LOST], Dane.REQUIRED.value, status.value, reason)

    def _warn(
        self, domain: str, weakened: list[Weakening], was: str, now: str, reason: str = ""
    ) -> None:
        if weakened:
            self._events.publish(ProtectionWeakened(domain, weakened, was, now, reason))


def _described(finding: DaneFinding) -> str:
    """Return a finding in lines: the status, then each host, in whatever order DNS told them."""
    lines = [finding.status.value]
    if finding.status is not Dane.UNKNOWN:
        lines += sorted(f"{host.name}: {host.outcome.value}" for host in finding.hosts)
    return bounded("\n".join(lines))
