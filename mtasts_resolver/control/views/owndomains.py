"""Domains of one's own, as they stand."""

from typing import NamedTuple

from msgspec.structs import astuple

from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.owndomains import (
    OwnDomainDetails,
    OwnDomainList,
    OwnDomainSummary,
)
from mtasts_resolver.control.views.times import timestamp, wall_of
from mtasts_resolver.findings import Severity
from mtasts_resolver.owndomains.checking import NotOwnError, OwnChecks, OwnStanding
from mtasts_resolver.owndomains.lastcheck import certificates_of

# Seconds left to a certificate below which the page shows that in colour: what renews certificates
# by itself has done so weeks before.
SOON = 14 * 86_400.0


def own_checks(sources: Sources) -> OwnChecks | None:
    """Return whoever checks own domains; None where there are none, or none yet."""
    work = sources.own_domains.work
    return None if work is None else work.checks


def view_own_domains(sources: Sources) -> OwnDomainList:
    """Return how each own domain stands."""
    checks = own_checks(sources)
    if checks is None:
        return OwnDomainList(domains=())
    return OwnDomainList(domains=tuple(_summary(sources, checks, each) for each in checks))


def view_own_domain(sources: Sources, domain: str) -> OwnDomainDetails:
    """Return the last check of an own domain. Raise NotOwnError."""
    checks = own_checks(sources)
    if checks is None:
        raise NotOwnError(domain)
    standing = checks.of(domain)
    summary = _summary(sources, checks, standing)
    last = standing.last
    shown = {name: getattr(summary, name) for name in summary.__struct_fields__}
    return OwnDomainDetails(
        **shown,
        observed=None if last is None else last.observed(),
        findings=() if last is None else last.findings,
    )


class CertificateRow(NamedTuple):
    """The certificate of one host of an own domain, as the page shows it."""

    host: str
    expires: str
    expired: bool
    soon: bool
    issuer: str
    key: str


def certificate_rows(sources: Sources, found: OwnDomainDetails) -> list[CertificateRow]:
    """Return of each host the certificate that expires first."""
    if found.observed is None:
        return []
    now = sources.clock.wall()
    rows = []
    for host, certificate in map(astuple, certificates_of(found.observed)):
        left = certificate.not_after.timestamp() - now
        rows.append(
            CertificateRow(
                host=host,
                expires=timestamp(certificate.not_after.timestamp()),
                expired=left <= 0,
                soon=left <= SOON,
                issuer=certificate.issuer,
                key=certificate.key,
            )
        )
    return rows


def _summary(sources: Sources, checks: OwnChecks, standing: OwnStanding) -> OwnDomainSummary:
    domain, last = standing.options.domain, standing.last
    counts = {} if last is None else last.counts
    worst = None if last is None else last.worst
    shown = () if last is None else last.certificates
    soonest = min(shown, key=lambda each: each.certificate.not_after, default=None)
    checked = checks.is_checked(domain)
    severity = Severity.OK if worst is None else worst.severity
    return OwnDomainSummary(
        domain=domain,
        checked=None if last is None else timestamp(last.checked.timestamp()),
        next=None if checked else timestamp(wall_of(standing.due, sources.clock)),
        severity=None if last is None else severity,
        worst="" if worst is None else f"{worst.about}: {worst.found}",
        errors=counts.get("errors", 0),
        warnings=counts.get("warnings", 0),
        notes=counts.get("notes", 0),
        certificate_expires=(
            None if soonest is None else timestamp(soonest.certificate.not_after.timestamp())
        ),
        certificate_host=None if soonest is None else soonest.host,
        trouble=standing.trouble,
    )
