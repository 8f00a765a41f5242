"""Words that findings of every subject share."""

from collections.abc import Sequence

from msgspec.structs import replace

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.published.observed import SeenAddress, SeenHost

NAMED = 5  # of many things; a person reads no more in a sentence

NOT_VISITED = ("no-route", "observation-timeout")
"""The codes of what is no failure of a host: this one lacks a way to it, or had no time left."""


def listed(items: Sequence[str]) -> str:
    """Return the first of `items`, and how many more there are."""
    more = len(items) - NAMED
    shown = ", ".join(items[:NAMED])
    return f"{shown} and {more} more" if more > 0 else shown


def quoted(text: bytes) -> str:
    """Return the text of a record as an error quotes it."""
    return quote(text.decode())


def at_most(finding: Finding, most: Severity) -> Finding:
    """Return the finding as one that is no worse than `most`."""
    return finding if finding.severity.rank <= most.rank else replace(finding, severity=most)


class AddressFindings:
    """Findings about a host: what is the same at several of its addresses is said once."""

    def __init__(self, host: SeenHost) -> None:
        self._host = host
        self._found: dict[tuple[FindingKind, str], list[str]] = {}

    def add(self, kind: FindingKind, found: str, seen: SeenAddress) -> None:
        """Note that `found` is so at an address."""
        self._found.setdefault((kind, found), []).append(seen.address)

    def findings(self) -> list[Finding]:
        """Return them, each with the addresses where that is not every one of the host."""
        return [
            kind.found(self._host.name, found + self._at(addresses))
            for (kind, found), addresses in self._found.items()
        ]

    def _at(self, addresses: list[str]) -> str:
        told = [address for address in addresses if address]  # none through a proxy
        everywhere = len(addresses) == len(self._host.addresses)
        return f", at {listed(told)}" if told and not everywhere else ""
