"""What happens to what is known, as the log tells it: each event in one line of docs/logs.md."""

from msgspec.structs import asdict

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.ratelimit import DomainLog
from mtasts_resolver.knowledge import events
from mtasts_resolver.knowledge.lifetimes import EXPIRED_GRACE, Urgency
from mtasts_resolver.policy import Mode, Weakening

log = logs.get(__name__)

NAMED = 10  # domains that are named where there are many: enough to look into


class Journal:
    """Listens, and writes. `flush` must be called now and then."""

    def __init__(self, published: Events, clock: Clock) -> None:
        self._domains = DomainLog(log, clock.monotonic)
        listen = published.listen
        listen(events.PolicyFound, self._policy_found)
        listen(events.PolicyChanged, self._policy_changed)
        listen(events.PolicyExpired, self._policy_expired)
        listen(events.PolicyForgotten, self._policy_forgotten)
        listen(events.PolicyPurged, self._policy_purged)
        listen(events.PolicyImported, self._policy_imported)
        listen(events.PolicyUnavailable, self._policy_unavailable)
        listen(events.ProtectionWeakened, self._protection_weakened)
        listen(events.RecordInvalid, self._record_invalid)
        listen(events.StoredPolicyInvalid, self._stored_policy_invalid)
        listen(events.RefreshFailed, self._refresh_failed)
        listen(events.RefreshRecovered, self._refresh_recovered)
        listen(events.PoliciesLoaded, _policies_loaded)
        listen(events.ClockSet, _clock_set)
        listen(events.DnsFailed, _dns_failed)
        listen(events.NameServersFailed, _name_servers_failed)
        listen(events.NameServersRecovered, _name_servers_recovered)
        listen(events.DnssecChanged, _dnssec_changed)
        listen(events.ProbeFailed, _probe_failed)

    def flush(self, *, at_once: bool = False) -> None:
        """Tell what was left out lately, of which there was too much; or all of it `at_once`."""
        self._domains.flush(at_once=at_once)

    def _policy_found(self, event: events.PolicyFound) -> None:
        self._domains.info("policy-found", domain=event.domain, **_described(event))

    def _policy_changed(self, event: events.PolicyChanged) -> None:
        self._domains.info("policy-changed", domain=event.domain, **_described(event))

    def _policy_expired(self, event: events.PolicyExpired) -> None:
        if event.policy.mode is not Mode.NONE:
            mode = event.policy.mode
            self._domains.warning("policy-expired", domain=event.domain, mode=mode)

    def _policy_forgotten(self, event: events.PolicyForgotten) -> None:
        reason = "not asked for in forget_after"
        self._domains.info("policy-forgotten", domain=event.domain, reason=reason)

    def _policy_purged(self, event: events.PolicyPurged) -> None:
        mode = event.policy.mode
        report = self._domains.warning if mode is Mode.ENFORCE else self._domains.info
        report("policy-purged", domain=event.domain, mode=mode, by=event.by)

    def _policy_imported(self, event: events.PolicyImported) -> None:
        described = _described(event)
        self._domains.info("policy-imported", domain=event.domain, **described, by=event.by)

    def _policy_unavailable(self, event: events.PolicyUnavailable) -> None:
        self._domains.warning("policy-unavailable", **asdict(event))

    def _protection_weakened(self, event: events.ProtectionWeakened) -> None:
        if Weakening.EXPIRED not in event.weakened:  # of which `policy-expired` warns
            fields = {name: value for name, value in asdict(event).items() if value}
            self._domains.warning("protection-weakened", **fields)

    def _record_invalid(self, event: events.RecordInvalid) -> None:
        self._domains.warning("policy-record-invalid", **asdict(event))

    def _stored_policy_invalid(self, event: events.StoredPolicyInvalid) -> None:
        self._domains.error("stored-policy-invalid", **asdict(event))

    def _refresh_failed(self, event: events.RefreshFailed) -> None:
        early = event.urgency is Urgency.EARLY
        report = self._domains.warning if early else self._domains.error
        report(
            "policy-refresh-failed",
            domain=event.domain,
            code=event.code,
            reason=event.reason,
            days_until_expiry=round(event.remaining / 86_400, 1),
        )

    def _refresh_recovered(self, event: events.RefreshRecovered) -> None:
        self._domains.info("policy-refresh-recovered", domain=event.domain)


def _described(
    event: events.PolicyFound | events.PolicyChanged | events.PolicyImported,
) -> dict[str, object]:
    policy = event.policy
    return {
        "mode": policy.mode,
        "mx": " ".join(policy.mx),
        "max_age": policy.max_age,
        "id": event.policy_id,
    }


def _policies_loaded(event: events.PoliciesLoaded) -> None:
    log.info("policies-loaded", policies=event.policies)
    if event.expired:
        log.warning(
            "policies-not-loaded",
            policies=len(event.expired),
            domains=event.expired[:NAMED],
            reason="they expired while the daemon was not running, or the clock is wrong",
            action=f"check the clock: they are kept for {EXPIRED_GRACE / 86_400:g} days",
        )


def _clock_set(event: events.ClockSet) -> None:
    log.warning("clock-set", seconds=event.seconds)


def _dns_failed(event: events.DnsFailed) -> None:
    log.debug("dns-failed", **asdict(event))


def _name_servers_failed(event: events.NameServersFailed) -> None:
    action = "check the resolvers in dns.servers or /etc/resolv.conf"
    log.error("name-servers-failing", **asdict(event), action=action)


def _name_servers_recovered(event: events.NameServersRecovered) -> None:
    log.info("name-servers-answer-again", failures=event.failures)


def _dnssec_changed(event: events.DnssecChanged) -> None:
    if event.validates:
        log.info("dnssec-validated", servers=event.servers)
    else:
        log.warning(
            "dnssec-unavailable",
            reason=event.reason,
            effect="DANE is not looked up, and does not take part in answers",
            action="run a validating resolver on this host, or set dns.dnssec: trust or off",
        )


def _probe_failed(event: events.ProbeFailed) -> None:
    log.debug("dnssec-probe-failed", reason=event.reason)
