"""The JSON schema of `check --json`: `python -m mtasts_resolver.cli.checked.schema`."""

import sys

import msgspec

from mtasts_resolver.cli.checked.results import CheckReport
from mtasts_resolver.control.api.openapi import explained_schemas


def check_schema() -> bytes:
    """Return the schema, as docs/ has it."""
    (whole,), parts = explained_schemas([CheckReport], "#/$defs/{name}")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mtasts-resolver check --json",
        "description": "Fields are added, and none is removed or changes its meaning.",
        **whole,
        "$defs": dict(sorted(parts.items())),
    }
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(check_schema())
