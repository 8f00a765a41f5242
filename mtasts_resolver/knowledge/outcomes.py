"""What a discovery came to, in the few words that the metrics have for it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from mtasts_resolver.discovery.errors import DiscoveryError, NoRecordError
from mtasts_resolver.discovery.findings import FoundRecord
from mtasts_resolver.knowledge.entry import ABSENT, StsEntry
from mtasts_resolver.policy import Dane

EndedAs = Literal["found", "unchanged", "absent", "failed"]
"""`unchanged`: the record names the policy that is known, and there was no need to fetch it."""

DANE_OUTCOMES: Mapping[Dane, EndedAs] = MappingProxyType(
    {
        Dane.REQUIRED: "found",
        Dane.PARTIAL: "found",
        Dane.UNKNOWN: "failed",
        Dane.NONE: "absent",
        Dane.OFF: "absent",
    }
)


def sts_outcome(
    record: FoundRecord | DiscoveryError, entry: StsEntry, *, fetched: bool
) -> tuple[EndedAs, str]:
    """Return what the discovery of a policy came to, and the kind of a failure.

    `fetched` tells whether a fetch has made the entry, or has failed since it was made.
    """
    if entry.stored is None:
        absent = entry.finding is ABSENT
        return ("absent", "") if absent else ("failed", entry.finding.code)
    if isinstance(record, NoRecordError) and record.absent:
        return "absent", ""
    if isinstance(record, DiscoveryError):
        return "failed", record.code
    if not fetched:
        return "unchanged", ""
    return ("found", "") if entry.failure is None else ("failed", entry.failure.code)
