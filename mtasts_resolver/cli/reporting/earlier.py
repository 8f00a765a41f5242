"""A report that was made before, read from its JSON."""

from pathlib import Path

import msgspec

from mtasts_resolver.base.undecodable import UNDECODABLE
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.files import opened_file
from mtasts_resolver.evidence.report import FORMAT, EvidenceReport

# Bytes; one of a million domains has some 20 MB, for its tables are bounded.
MAX_REPORT = 256 << 20


def read_report(path: Path) -> EvidenceReport:
    """Return the report in a file, or end with the reason why there is none."""
    with opened_file(path) as file:
        data = file.read(MAX_REPORT + 1)
    if len(data) > MAX_REPORT:
        raise CommandError(f"{path}: it is longer than any report")
    try:
        report = msgspec.json.decode(data, type=EvidenceReport)
    except UNDECODABLE as error:
        raise CommandError(f"{path}: it is no report's JSON (report --json): {error}") from None
    if report.format != FORMAT:
        raise CommandError(
            f"{path}: its format is {report.format}, and this program reads {FORMAT}: make it anew"
        )
    return report
