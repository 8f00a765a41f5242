"""The JSON schema of `report --json`: `python -m mtasts_resolver.cli.reporting.schema`."""

import sys

import msgspec

from mtasts_resolver.control.api.openapi import explained_schemas
from mtasts_resolver.evidence.report import EvidenceReport


def report_schema() -> bytes:
    """Return the schema, as docs/ has it."""
    (whole,), parts = explained_schemas([EvidenceReport], "#/$defs/{name}")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mtasts-resolver report --json",
        "description": "Fields are added; `format` is counted up when one is removed or changes its"
        " meaning.",
        **whole,
        "$defs": dict(sorted(parts.items())),
    }
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(report_schema())
