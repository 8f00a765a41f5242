"""The report for a program: JSON, whose schema is docs/report.schema.json."""

import msgspec

from mtasts_resolver.evidence.report import EvidenceReport


def as_json(report: EvidenceReport) -> bytes:
    """Return the report as one value of JSON, indented for a person who looks into it."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
