"""Domains of one's own, as the daemon has checked them."""

from collections.abc import Iterable

from msgspec import Struct

from mtasts_resolver.findings import Finding, Severity
from mtasts_resolver.published.observed import Observed


class OwnDomainSummary(Struct, frozen=True, kw_only=True):
    """How the last check of a domain went."""

    domain: str
    checked: str | None
    """When it was checked last; null where it never was."""
    next: str | None
    """When it is checked again; null while that goes on."""
    severity: Severity | None
    """Of the worst that was found; null where it was never checked."""
    worst: str
    """What that is, in words; empty where nothing is wrong."""
    errors: int
    warnings: int
    notes: int
    certificate_expires: str | None
    """When the first of its certificates expires: of the policy host, or of an MX host."""
    certificate_host: str | None
    """Which host shows that one."""
    trouble: str
    """Why it could not be checked since; empty where it could. What was found before stands."""


class OwnDomainDetails(OwnDomainSummary, frozen=True, kw_only=True):
    """The last check of a domain, whole."""

    observed: Observed | None
    """What was seen; null where it was never checked."""
    findings: tuple[Finding, ...]
    """What was found, the worst first."""


class OwnDomainList(Struct, frozen=True, kw_only=True):
    """The domains of `own_domains`, as they stand there."""

    domains: tuple[OwnDomainSummary, ...]


def by_severity(domains: Iterable[OwnDomainSummary]) -> list[OwnDomainSummary]:
    """Return them, those with which most is wrong first, and else in their order."""
    return sorted(domains, key=lambda own: (-own.errors, -own.warnings))
