"""Every kind of thing that `doctor` finds: docs/findings.md is made of it."""

from mtasts_resolver.doctor import (
    configuration,
    daemon,
    host,
    inbound,
    installations,
    mailsystem,
    trial,
    units,
    well,
)
from mtasts_resolver.doctor.outbound import (
    authorities,
    evidence,
    levels,
    nexthops,
    policymaps,
    protocols,
    reports,
    versions,
)
from mtasts_resolver.findings import FindingKind

BY_SUBJECT: dict[str, tuple[FindingKind, ...]] = {
    "The daemon": daemon.KINDS + trial.KINDS,
    "The daemon's units, and the program": units.KINDS + installations.KINDS,
    "Postfix's configuration": mailsystem.KINDS + configuration.KINDS,
    "What Postfix asks": policymaps.KINDS + versions.KINDS,
    "The security level, and DANE": levels.KINDS,
    "Certificate authorities": authorities.KINDS,
    "Versions of TLS, and ciphers": protocols.KINDS,
    "TLS reports": reports.KINDS,
    "Smart hosts": nexthops.KINDS,
    "What is logged, and used again": evidence.KINDS,
    "What others send to": inbound.KINDS,
    "The host": host.KINDS + well.KINDS,
}
CATALOGUE: tuple[FindingKind, ...] = tuple(kind for kinds in BY_SUBJECT.values() for kind in kinds)
