"""What `check` finds of the organisation's own domains, as evidence."""

from mtasts_resolver.evidence.controls.material import PublishedEvidence
from mtasts_resolver.published.check import DomainCheck
from mtasts_resolver.published.judge.meant import read


def published_evidence(found: DomainCheck) -> PublishedEvidence:
    """Return what speaks of a domain."""
    mode = read(found.observed).mode
    return PublishedEvidence(
        domain=found.observed.domain,
        mode="" if mode is None else mode.value,
        findings=found.findings,
    )
