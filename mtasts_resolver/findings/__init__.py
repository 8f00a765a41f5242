"""What is found when a set-up is looked over, and how bad it is: values alone."""

from mtasts_resolver.findings.finding import Finding, FindingKind, by_urgency, worst
from mtasts_resolver.findings.severity import Severity

__all__ = ["Finding", "FindingKind", "Severity", "by_urgency", "worst"]
