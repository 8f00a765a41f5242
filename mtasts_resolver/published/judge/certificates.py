"""Findings on a certificate, be it of the policy host or of an MX host."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from mtasts_resolver.base.spans import span
from mtasts_resolver.findings import FindingKind, Severity
from mtasts_resolver.policy import matches
from mtasts_resolver.published.judge.words import listed
from mtasts_resolver.published.observed import SeenCertificate, SeenTls

# Automatic renewal comes when a third of the lifetime is left (30 of 90 days, by ACME clients); one
# by hand a month before the end. What is left below a quarter has been missed. A week before, half
# as much where certificates live for less than 56 days, somebody is to be called.
SOON = timedelta(days=30)
SOON_SHARE = 1 / 4
URGENT = timedelta(days=7)
URGENT_SHARE = 1 / 8

TLS_TOO_OLD = "tls-outdated"
"""The code of a failure that has nothing to do with the certificate."""


class CertificateKinds(NamedTuple):
    """The kinds of findings on the certificates of one kind of host."""

    expired: FindingKind
    not_yet_valid: FindingKind
    names_another: FindingKind
    without_dns_name: FindingKind
    untrusted: FindingKind
    chain_incomplete: FindingKind
    about_to_end: FindingKind
    ends_soon: FindingKind


def certificate_kinds(prefix: str, host: str, matters: str, later: str) -> CertificateKinds:
    """Return the kinds for what is called `host`; codes begin with `prefix`.

    `matters` is what becomes of mail where the certificate is not valid, `later` where it will not.
    """

    def kind(
        code: str,
        title: str,
        action: str,
        matters: str = matters,
        severity: Severity = Severity.ERROR,
    ) -> FindingKind:
        return FindingKind(
            code=f"{prefix}-certificate-{code}",
            severity=severity,
            title=f"the certificate of the {host} {title}",
            matters=matters,
            action=action,
        )

    renew = "See why the renewal failed, renew it, and have the server load the new one."
    return CertificateKinds(
        expired=kind("expired", "has expired", renew),
        not_yet_valid=kind(
            "not-yet-valid", "is not valid yet", "Use one that is; see that the clocks are right."
        ),
        names_another=kind(
            "names-another",
            "is for another name",
            f"Have one issued with the {host}'s name among its DNS names, or have the server show "
            "the right one for that name (SNI).",
        ),
        without_dns_name=kind(
            "without-dns-name",
            "has no DNS name",
            f"The common name does not count. Have one issued with the {host}'s name as a DNS name "
            "(subjectAltName).",
        ),
        untrusted=kind(
            "untrusted",
            "is not trusted",
            "Use one of an authority that mail servers trust, such as those of Mozilla's list.",
        ),
        chain_incomplete=kind(
            "chain-incomplete",
            "comes without those between it and a trusted authority",
            "Have the server send the intermediate certificates, too (`fullchain.pem` of ACME "
            "clients). Browsers fetch what is missing, mail servers do not.",
        ),
        about_to_end=kind("about-to-end", "ends within days", renew, later),
        ends_soon=kind(
            "ends-soon",
            "ends soon, and is not renewed",
            "Renew it, or see whether what renews it still runs.",
            later,
            Severity.WARNING,
        ),
    )


def judge_certificate(
    tls: SeenTls, host: str, now: datetime, kinds: CertificateKinds
) -> Iterator[tuple[FindingKind, str]]:
    """Yield what is wrong with the certificate that `host` showed, and in which words.

    A certificate has been rejected for one reason; what else a reader of it sees is said, too.
    """
    certificate = tls.certificate
    if tls.failure is None:
        if certificate is not None:
            yield from _judge_time_left(certificate, now, kinds)
        return
    found = {_kind_of_failure(tls, tls.failure.code, kinds): tls.failure.reason}
    if certificate is not None:
        for kind, words in _defects(certificate, host, now, kinds):
            found.setdefault(kind, words)
    yield from found.items()


def _kind_of_failure(tls: SeenTls, code: str, kinds: CertificateKinds) -> FindingKind:
    """Return the kind for why the certificate was rejected."""
    match code:
        case "certificate-expired":
            return kinds.expired
        case "certificate-not-yet-valid":
            return kinds.not_yet_valid
        case "certificate-names-another":
            named = tls.certificate is None or tls.certificate.dns_names
            return kinds.names_another if named else kinds.without_dns_name
        case "certificate-issuer-unknown" if tls.certificate and not tls.chain:
            return kinds.chain_incomplete
    return kinds.untrusted


def _defects(
    certificate: SeenCertificate, host: str, now: datetime, kinds: CertificateKinds
) -> Iterator[tuple[FindingKind, str]]:
    """Yield what a certificate says of itself that makes it invalid for `host`."""
    if certificate.not_after < now:
        yield kinds.expired, f"it expired on {certificate.not_after:%Y-%m-%d}"
    if certificate.not_before > now:
        yield kinds.not_yet_valid, f"it will be valid from {certificate.not_before:%Y-%m-%d} on"
    names = certificate.dns_names
    if not names:
        named = f" ({certificate.common_name})" if certificate.common_name else ""
        yield kinds.without_dns_name, f"its common name{named} does not count"
    elif not certificate.more_names and not any(matches(host, name) for name in names):
        yield kinds.names_another, f"it is for {listed(names)}"


def is_overdue(certificate: SeenCertificate, now: datetime) -> bool:
    """Tell whether whoever renews the certificate in time would have done so by now."""
    lifetime = certificate.not_after - certificate.not_before
    return certificate.not_after - now <= min(SOON, lifetime * SOON_SHARE)


def _judge_time_left(
    certificate: SeenCertificate, now: datetime, kinds: CertificateKinds
) -> Iterator[tuple[FindingKind, str]]:
    left = certificate.not_after - now
    lifetime = certificate.not_after - certificate.not_before
    words = f"it ends in {span(left.total_seconds())} ({certificate.not_after:%Y-%m-%d})"
    if left <= min(URGENT, lifetime * URGENT_SHARE):
        yield kinds.about_to_end, words
    elif is_overdue(certificate, now):
        yield kinds.ends_soon, words
