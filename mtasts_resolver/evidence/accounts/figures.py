"""The figures: so many of so many. docs/report.md explains each of them by its key."""

from mtasts_resolver.evidence.accounts.enforcement import EnforcementTally
from mtasts_resolver.evidence.report import DirectionCounts, Figure, PolicyRetrieval


def encrypted_figure(key: str, title: str, counts: DirectionCounts) -> Figure:
    """Return the share of what crossed the network within TLS."""
    return Figure(
        key=key,
        title=title,
        numerator=counts.encrypted,
        denominator=counts.encrypted + counts.plain,
        unknown=counts.unknown,
        how="Deliveries over a TLS session, of those where the log shows whether there was one."
        " Local traffic and submissions are left out.",
    )


def enforced_verified(tally: EnforcementTally) -> Figure:
    """Return the share of what went to enforcing domains over verified sessions."""
    return Figure(
        key="enforced-verified",
        title="Sent verified to domains where TLS is enforced",
        numerator=tally.verified,
        denominator=tally.verified + tally.unverified,
        unknown=tally.undecided + tally.unknown,
        how="Deliveries over a session that Postfix calls Verified, of those to domains of which it"
        " was told then to send to nobody unverified, by the daemon's history or tls= in the log."
        f" Verified without either being known: {tally.seen_verified:,}, not counted here.",
        aim=1.0,
    )


def enforcement_success(tally: EnforcementTally) -> Figure:
    """Return the TLS enforcement success rate."""
    verified = tally.verified + tally.seen_verified
    return Figure(
        key="enforcement-success",
        title="TLS enforcement success rate",
        numerator=verified,
        denominator=verified + tally.unverified + tally.held,
        unknown=tally.undecided + tally.unknown + tally.held_unknown,
        how="Attempts that were sent over a verified session, of these, those that were sent"
        " unverified though TLS was enforced, and those that were held by TLS. What failed for"
        " another reason, or was not tried, is in neither.",
    )


def enforcement_failures(tally: EnforcementTally) -> Figure:
    """Return the share of attempts that TLS enforcement held."""
    sent = tally.verified + tally.seen_verified + tally.unverified
    return Figure(
        key="enforcement-failures",
        title="Attempts that TLS enforcement held",
        numerator=tally.held,
        denominator=sent + tally.held,
        unknown=tally.undecided + tally.unknown + tally.held_unknown,
        how="Attempts that were held by TLS, of these and those that were sent to domains where TLS"
        " was enforced. What failed for another reason, or was not tried, is in neither.",
        aim=0.0,
    )


def messages_held(held: int, delivered: int, sent: int, unfollowed: int) -> Figure:
    """Return the share of what was held, of which so many were `delivered` among what was sent."""
    return Figure(
        key="messages-held",
        title="Messages held by TLS enforcement",
        numerator=held,
        denominator=sent + held - delivered,
        unknown=unfollowed,
        how="Messages, by recipient, that TLS enforcement has held at least once, of these and all"
        " that were sent. Each counts once, however often it was tried. Unknown: attempts that were"
        " held, but whose message could not be followed, as there were too many.",
    )


def policies_retrieved(retrieval: PolicyRetrieval | None) -> Figure:
    """Return the share of policy retrievals that ended with a valid policy."""
    fetched = retrieval.fetched if retrieval else 0
    failed = sum(row.count for row in retrieval.failed) if retrieval else 0
    return Figure(
        key="policies-retrieved",
        title="Policy retrieval and validation success rate",
        numerator=fetched,
        denominator=fetched + failed,
        how="Retrievals that ended with a valid policy, of those of domains that publish a record."
        " Domains without one are in neither."
        if retrieval
        else "The daemon could not be asked.",
    )
