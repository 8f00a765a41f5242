"""Findings on the MX records, and on the policy's mx patterns beside them (RFC 8461 §4.1)."""

from collections.abc import Iterator

from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.policy import Mode, Policy, matches
from mtasts_resolver.published.judge.meant import DOMAIN_UNKNOWN, MX_NULL, Meant
from mtasts_resolver.published.judge.words import listed
from mtasts_resolver.published.observed import Observed

LOOKUP_FAILED = FindingKind(
    code="mx-lookup-failed",
    severity=Severity.ERROR,
    title="the MX records cannot be looked up",
    matters="Senders hold the mail until they can.",
    action="Look whether the domain's name servers answer, and whether its DNSSEC signatures are "
    "valid; where other domains fail too, look at your own resolver.",
)
UNKNOWN = FindingKind(
    code="domain-unknown",
    severity=Severity.ERROR,
    title="the domain does not exist",
    matters="Mail to it comes back to its senders.",
    action="See whether the name is written right, and whether its registration has lapsed.",
)
TAKES_NO_MAIL = FindingKind(
    code="domain-takes-no-mail",
    severity=Severity.NOTE,
    title="the domain takes no mail",
    matters="Its MX record is null (RFC 7505): there is nothing to protect.",
)
NO_MX_RECORDS = FindingKind(
    code="mx-records-missing",
    severity=Severity.NOTE,
    title="the domain has no MX record",
    matters="It is then its own MX host (RFC 5321 §5.1), which not every sender knows.",
    action="Publish an MX record; one for `.` where the domain takes no mail.",
)
HOST_OUTSIDE_POLICY = FindingKind(
    code="mx-host-outside-policy",
    severity=Severity.ERROR,
    title="the policy does not name an MX host",
    matters="Senders that enforce the policy do not deliver to it: where no other host takes the "
    "mail, it is held, and comes back after days.",
    action="Add an `mx` for it to the policy, and change the id; or remove the MX record.",
)
PATTERNS_UNUSED = FindingKind(
    code="mx-pattern-without-host",
    severity=Severity.NOTE,
    title="an `mx` of the policy fits no MX host",
    matters="Whoever can forge MX records may name hosts that fit it. That is right for hosts that "
    "are to come, or that stand by.",
    action="Remove it if there will be no such host, and change the id.",
)

KINDS = (
    LOOKUP_FAILED,
    UNKNOWN,
    TAKES_NO_MAIL,
    NO_MX_RECORDS,
    HOST_OUTSIDE_POLICY,
    PATTERNS_UNUSED,
)


def judge_mx_records(observed: Observed, meant: Meant) -> Iterator[Finding]:
    """Yield what is to be said of the MX records, and of them and the policy together."""
    failure = observed.mx_failure
    if failure is not None:
        kinds = {MX_NULL: TAKES_NO_MAIL, DOMAIN_UNKNOWN: UNKNOWN}
        yield kinds.get(failure.code, LOOKUP_FAILED).found(observed.domain, failure.reason)
        return
    hosts = [host.name for host in observed.mx_hosts]
    if len(observed.mx_hosts) == 1 and observed.mx_hosts[0].preference is None:
        yield NO_MX_RECORDS.found(observed.domain, "no MX record")
    policy = meant.policy
    if policy is None or policy.mode is Mode.NONE:
        return
    for host in hosts:
        if not _fits(host, policy):
            named = f"the policy names {listed(policy.mx)}"
            yield meant.at_mx_host(HOST_OUTSIDE_POLICY.found(host, named))
    # Where not every host is known, neither is what fits none.
    unused = [mx for mx in policy.mx if not any(matches(host, mx) for host in hosts)]
    if unused and hosts and not observed.more_mx_hosts:
        yield PATTERNS_UNUSED.found(f"policy of {observed.domain}", listed(unused))


def _fits(host: str, policy: Policy) -> bool:
    return any(matches(host, pattern) for pattern in policy.mx)
