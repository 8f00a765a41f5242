"""A finding, and the kind of which it is one: what docs/findings.md has a row for."""

from collections.abc import Iterable

from msgspec import Struct

from mtasts_resolver.findings.severity import Severity


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was found, in words for an administrator."""

    code: str
    """Of its kind; stable, for programs."""
    severity: Severity
    about: str
    """What it is about: a host, an address, a file, a parameter of Postfix."""
    found: str
    """What was found there."""
    matters: str = ""
    """Why that matters, and what happens to mail."""
    action: str = ""
    """What to do."""
    commands: tuple[str, ...] = ()
    """Lines for a shell that do it, such as `postconf -e 'name = value'`."""


class FindingKind(Struct, frozen=True, kw_only=True):
    """What findings of one kind have in common. Each stands in the table of docs/findings.md."""

    code: str
    severity: Severity
    title: str
    """What is wrong, in a few words."""
    matters: str = ""
    action: str = ""

    def found(
        self, about: str, found: str, *, action: str = "", commands: tuple[str, ...] = ()
    ) -> Finding:
        """Return such a finding; `action` is one that fits it better than the kind's."""
        return Finding(
            code=self.code,
            severity=self.severity,
            about=about,
            found=found,
            matters=self.matters,
            action=action or self.action,
            commands=commands,
        )


def by_urgency(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, the worst first, and else in their order."""
    return sorted(findings, key=lambda finding: -finding.severity.rank)


def worst(findings: Iterable[Finding]) -> Severity:
    """Return the severity of the worst; OK where there is none."""
    severities = (finding.severity for finding in findings)
    return max(severities, key=lambda severity: severity.rank, default=Severity.OK)
