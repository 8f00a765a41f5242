"""The last check of a domain, and what of it has been told."""

from datetime import datetime

from msgspec import Struct

from mtasts_resolver.findings import Finding, Severity
from mtasts_resolver.owndomains.facts import Facts
from mtasts_resolver.published.judge import SeenBefore
from mtasts_resolver.published.observed import Observed, SeenCertificate


class Mark(Struct, frozen=True, order=True):
    """What a finding is known by from one check to the next: its words may count days."""

    severity: str
    code: str
    about: str

    @classmethod
    def of(cls, finding: Finding) -> "Mark":
        return cls(finding.severity.value, finding.code, finding.about)

    def __str__(self) -> str:
        return f"{self.severity} {self.code} {self.about}"


class LastCheck(Struct, frozen=True, kw_only=True):
    """The last check of a domain that could be made, as it outlives the process."""

    domain: str
    checked: datetime
    observed: Observed
    findings: tuple[Finding, ...]
    """The worst first."""
    facts: Facts
    before: SeenBefore
    """The policy when its id, and its mode, became what they are."""
    told: frozenset[Mark] = frozenset()
    """What is wrong with it, as far as that has been told."""

    def marks(self) -> frozenset[Mark]:
        """Return what is wrong, or could be better."""
        return frozenset(
            Mark.of(finding) for finding in self.findings if finding.severity is not Severity.OK
        )

    @property
    def unsettled(self) -> bool:
        """Tell whether another check is to confirm what this one has found."""
        return self.marks() != self.told


class HostCertificate(Struct, frozen=True):
    """A certificate, and the host that showed it."""

    host: str
    certificate: SeenCertificate


def certificates_of(observed: Observed) -> list[HostCertificate]:
    """Return of each host the certificate that expires first."""
    found = []
    for host in (observed.policy_host, *observed.mx_hosts):
        shown = [
            address.tls.certificate
            for address in host.addresses
            if address.tls is not None and address.tls.certificate is not None
        ]
        if shown:
            soonest = min(shown, key=lambda certificate: certificate.not_after)
            found.append(HostCertificate(host.name, soonest))
    return found
