"""Findings that need to know what was published before."""

from collections.abc import Iterator
from datetime import timedelta

from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.policy import DocumentError, Mode, Policy, matches, parse_text
from mtasts_resolver.published.judge.before import SeenBefore
from mtasts_resolver.published.judge.meant import Meant
from mtasts_resolver.published.judge.words import at_most, listed
from mtasts_resolver.published.observed import Observed

# Reports come daily. Google has two weeks for testing; twice that is no test any more.
TESTING_LONG = timedelta(days=30)

ID_UNCHANGED = FindingKind(
    code="policy-id-unchanged",
    severity=Severity.ERROR,
    title="the policy has changed, and its id has not",
    matters="Senders that have the policy from before look for another when the id changes: till "
    "then they go on by the old one, and hold mail for hosts that it does not name.",
    action="Publish the policy record with another id.",
)
TESTING_FOR_LONG = FindingKind(
    code="policy-testing-for-long",
    severity=Severity.WARNING,
    title="the policy has been in mode testing for more than a month",
    matters="Nothing is enforced: whoever is on the way can read the mail, as without MTA-STS.",
    action="Read the reports, correct what they show, and change the mode to enforce, and the id.",
)

KINDS = (ID_UNCHANGED, TESTING_FOR_LONG)


def judge_changes(observed: Observed, meant: Meant, before: SeenBefore) -> Iterator[Finding]:
    """Yield what is to be said of what is published now beside what was before."""
    policy = meant.policy
    if policy is None or meant.record is None:
        return
    about = f"policy of {observed.domain}"
    if before.document and before.id == meant.record.id:
        old = _policy(before.document)
        if old is not None and _meaning(old) != _meaning(policy):
            yield _unchanged(about, meant.record.id, old, observed)
    if policy.mode is Mode.TESTING and before.mode == Mode.TESTING.value and before.since:
        age = observed.at - before.since
        if age > TESTING_LONG:
            yield TESTING_FOR_LONG.found(
                about, f"mode testing for {age.days} days, since {before.since:%Y-%m-%d} or earlier"
            )


def _unchanged(about: str, policy_id: str, old: Policy, observed: Observed) -> Finding:
    """Return that the id has not changed: worse where the old policy holds mail."""
    hosts = [host.name for host in observed.mx_hosts]
    held = [host for host in hosts if not any(matches(host, pattern) for pattern in old.mx)]
    found = f"the id is {policy_id}, as it was with another policy"
    if old.mode is Mode.ENFORCE and held:
        return ID_UNCHANGED.found(about, f"{found}, which does not name {listed(held)}")
    return at_most(ID_UNCHANGED.found(about, found), Severity.WARNING)


def _policy(document: str) -> Policy | None:
    try:
        return parse_text(document)
    except DocumentError:
        return None


def _meaning(policy: Policy) -> tuple[Mode, int, frozenset[str]]:
    return policy.mode, policy.max_age, frozenset(policy.mx)
