"""Findings on DANE: whether the TLSA records of the MX hosts let mail through (RFC 7672)."""

from collections.abc import Iterator

from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.policy import Dane, Outcome
from mtasts_resolver.published.judge.mxhosts import MAX_HOSTS
from mtasts_resolver.published.judge.words import listed
from mtasts_resolver.published.observed import Observed, SeenDane

_HELD = (
    "Senders that know DANE do not deliver there, whatever the policy says (RFC 8461 §2): where no "
    "other host takes the mail, it is held."
)

TLSA_MISFIT = FindingKind(
    code="tlsa-misfit",
    severity=Severity.ERROR,
    title="the TLSA records do not fit the certificate of the MX host",
    matters=_HELD,
    action="Publish the TLSA record of the certificate in use, beside the old one; at each renewal "
    "before the new one is used, or with a key that stays.",
)
TLSA_LOOKUP_FAILED = FindingKind(
    code="tlsa-lookup-failed",
    severity=Severity.ERROR,
    title="the TLSA records of an MX host cannot be looked up",
    matters=f"A failed look-up is not absence (RFC 7672 §2.1). {_HELD}",
    action="See that the name servers answer for TLSA, and that the signatures are valid: some "
    "servers fail at types that they do not know.",
)
TLSA_UNUSABLE = FindingKind(
    code="tlsa-unusable",
    severity=Severity.WARNING,
    title="no TLSA record of an MX host can be used",
    matters="Senders that know DANE insist on TLS, and verify nobody (RFC 7672 §2.2): with usages "
    "0 and 1, unknown types, or a digest of the wrong length there is nothing to verify by.",
    action="Publish `3 1 1` and the SHA-256 digest of the public key.",
)
DANE_PARTIAL = FindingKind(
    code="dane-partial",
    severity=Severity.WARNING,
    title="not every MX host has TLSA records",
    matters="Who can keep senders from the hosts that have them has the mail go to the others, "
    "where DANE protects nothing.",
    action="Publish TLSA records for each, in a zone that is signed.",
)
MX_NOT_SIGNED = FindingKind(
    code="mx-records-not-signed",
    severity=Severity.NOTE,
    title="the MX hosts have TLSA records, and DNSSEC does not vouch for the MX records",
    matters="Not every sender looks at TLSA records then (RFC 7672 §2.2.1). And who can forge the "
    "MX records names other hosts: it is MTA-STS alone that keeps mail from them.",
    action="Sign the domain's zone.",
)

KINDS = (TLSA_MISFIT, TLSA_LOOKUP_FAILED, TLSA_UNUSABLE, DANE_PARTIAL, MX_NOT_SIGNED)


def judge_dane(observed: Observed) -> Iterator[Finding]:
    """Yield what is to be said of DANE; nothing where no resolver that validates was asked."""
    if observed.dane == Dane.OFF.value or observed.mx_failure is not None:
        return
    for seen in observed.dane_hosts[:MAX_HOSTS]:
        yield from _judge_host(seen)
    outcomes = {seen.outcome for seen in observed.dane_hosts}
    if observed.dane == Dane.PARTIAL.value and Outcome.ABSENT.value in outcomes:
        yield DANE_PARTIAL.found(observed.domain, observed.dane_reason)
    if not observed.mx_authenticated and Outcome.USABLE.value in outcomes:
        hosts = [seen.host for seen in observed.dane_hosts if seen.outcome == Outcome.USABLE.value]
        yield MX_NOT_SIGNED.found(observed.domain, f"TLSA records of {listed(hosts)}")


def _judge_host(seen: SeenDane) -> Iterator[Finding]:
    if seen.outcome == Outcome.FAILED.value:
        yield TLSA_LOOKUP_FAILED.found(seen.host, seen.detail)
    elif seen.outcome == Outcome.UNUSABLE.value:
        yield TLSA_UNUSABLE.found(seen.host, seen.detail)
    elif seen.fits is False:
        yield TLSA_MISFIT.found(seen.host, seen.misfit or seen.detail)
