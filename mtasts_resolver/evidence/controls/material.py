"""What controls are judged by: the report's figures, this host's settings, what is published."""

from msgspec import Struct

from mtasts_resolver.evidence.report import (
    ControlEvidence,
    EvidenceReport,
    Figure,
)
from mtasts_resolver.findings import Finding

FOR, AGAINST, GAP, NOTE = "for", "against", "gap", "note"
"""What a piece of evidence does to a verdict: a gap leaves it open, a note changes nothing."""


class HostSetting(Struct, frozen=True):
    """A parameter of Postfix, as it counts for an instance, or for a service of its master.cf."""

    instance: str
    """Empty where the host has one alone."""
    service: str
    """Empty for main.cf."""
    name: str
    value: str

    @property
    def owner(self) -> str:
        """Say whose it is."""
        parts = (self.instance, self.service and f"service {self.service}")
        return ", ".join(filter(None, parts)) or "Postfix"


class HostEvidence(Struct, frozen=True, kw_only=True):
    """What `doctor` found on this host."""

    settings: tuple[HostSetting, ...]
    sending: tuple[Finding, ...]
    """Of the daemon, of Postfix as a whole, and of its side that sends."""
    receiving: tuple[Finding, ...]
    surroundings: tuple[Finding, ...]
    """Of the host: clock, resolver, files."""
    names: tuple[str, ...] = ()
    """What its instances of Postfix are called: their logs may have that for the host's name."""


class PublishedEvidence(Struct, frozen=True, kw_only=True):
    """What `check` found of one domain of the organisation's own."""

    domain: str
    mode: str
    """Of its policy; empty where it has none that can be had."""
    findings: tuple[Finding, ...]


class Material(Struct, frozen=True, kw_only=True):
    """All of it, or why some of it is not there."""

    report: EvidenceReport
    """Its controls are not judged yet."""
    host: HostEvidence | None
    host_problem: str = ""
    published: tuple[PublishedEvidence, ...] = ()
    published_problem: str = ""

    def figure(self, key: str) -> Figure | None:
        """Return a figure of the report."""
        return next((figure for figure in self.report.figures if figure.key == key), None)

    @property
    def seconds(self) -> float:
        """Return how long the period is."""
        return self.report.period.seconds


def speaks(how: str, text: str, source: str) -> ControlEvidence:
    """Return a piece of evidence."""
    return ControlEvidence(how, text, source)
