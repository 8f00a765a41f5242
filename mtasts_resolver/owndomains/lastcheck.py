"""The last check of a domain, and what of it has been told."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
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


class HostCertificate(Struct, frozen=True):
    """A certificate, and the host that showed it."""

    host: str
    certificate: SeenCertificate


class LastCheck(Struct, frozen=True, kw_only=True):
    """The last check of a domain that could be made, as it outlives the process."""

    domain: str
    checked: datetime
    seen: msgspec.Raw
    """An Observed, as JSON: of objects the garbage collector would have a hundred thousand more."""
    certificates: tuple[HostCertificate, ...] = ()
    """Of each host the one that expires first; the policy host comes first."""
    findings: tuple[Finding, ...]
    """The worst first."""
    counts: dict[str, int]
    """How many `errors`, `warnings` and `notes` they are."""
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

    def observed(self) -> Observed:
        """Return what was seen. Raise one of UNDECODABLE where another version kept it."""
        return msgspec.json.decode(self.seen, type=Observed)

    @property
    def worst(self) -> Finding | None:
        """Return the worst that is wrong, or could be better."""
        first = self.findings[0] if self.findings else None
        return None if first is None or first.severity is Severity.OK else first

    @property
    def unsettled(self) -> bool:
        """Tell whether another check is to confirm what this one has found."""
        return self.marks() != self.told


def certificates_of(observed: Observed) -> tuple[HostCertificate, ...]:
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
    return tuple(found)


def count_by_severity(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings there are of each severity but OK."""
    counts = {"errors": 0, "warnings": 0, "notes": 0}
    for finding in findings:
        name = f"{finding.severity.value}s"
        if name in counts:
            counts[name] += 1
    return counts
