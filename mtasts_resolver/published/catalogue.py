"""Every kind of finding on what a domain publishes: what docs/findings.md lists of `check`."""

from mtasts_resolver.findings import FindingKind
from mtasts_resolver.published.judge import (
    changes,
    dane,
    mxhosts,
    mxrecords,
    policydocument,
    policyhost,
    policyrecord,
    reportrecord,
)

BY_SUBJECT: dict[str, tuple[FindingKind, ...]] = {
    "The policy record": policyrecord.KINDS,
    "The policy host": policyhost.KINDS,
    "The policy": (*policydocument.KINDS, *changes.KINDS),
    "The MX records": mxrecords.KINDS,
    "The MX hosts": mxhosts.KINDS,
    "DANE": dane.KINDS,
    "The TLSRPT record": reportrecord.KINDS,
}
CATALOGUE: tuple[FindingKind, ...] = sum(BY_SUBJECT.values(), ())
