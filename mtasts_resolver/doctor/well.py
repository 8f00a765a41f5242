"""What is as it should be: said too, so that one sees what was looked at."""

from msgspec.structs import replace

from mtasts_resolver.findings import Finding, FindingKind, Severity

WELL = "ok"
"""The code of all that is well. It is no kind of finding, for there is nothing to do."""

NOT_LOOKED_AT = FindingKind(
    code="not-looked-at",
    severity=Severity.NOTE,
    title="something could not be looked at",
    matters="Nothing is known of it, good or bad.",
    action="Run this as root.",
)

KINDS = (NOT_LOOKED_AT,)


def unseen(about: str, why: str) -> Finding:
    """Return the finding that something could not be looked at."""
    return replace(NOT_LOOKED_AT.found(about, f"not looked at: {why}"), matters="", action="")


def well(about: str, found: str) -> Finding:
    """Return the finding that something is as it should be."""
    return Finding(code=WELL, severity=Severity.OK, about=about, found=found)
