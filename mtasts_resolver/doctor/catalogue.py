"""Every kind of thing that `doctor` finds: docs/findings.md is made of it."""

from mtasts_resolver.doctor import configuration
from mtasts_resolver.findings import FindingKind

CATALOGUE: tuple[FindingKind, ...] = (*configuration.KINDS,)
