"""The programs that a host can come from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from mtasts_resolver.migration import stsresolver, tlspol
from mtasts_resolver.migration.gobcache import read_gob_cache
from mtasts_resolver.migration.sqlitecache import read_sqlite_cache
from mtasts_resolver.migration.takeover import CacheKind, KeyRule, Takeover, TheirCache
from mtasts_resolver.migration.theirfile import TheirFile
from mtasts_resolver.migration.theirpolicies import CacheEntry, UnreadableCacheError


class _Read(Protocol):
    def __call__(
        self, data: bytes, file: str, *, keep_address: bool
    ) -> tuple[TheirFile, Takeover]: ...


class TheirProgram(Struct, frozen=True, kw_only=True):
    """Another policy server."""

    name: str
    config: str
    """Where its configuration usually is."""
    cache: CacheKind
    """What its cache is where that is a file."""
    rules: tuple[KeyRule, ...]
    read: _Read
    units: tuple[str, ...]
    """Under which names systemd may know it."""


STS_RESOLVER = TheirProgram(
    name="postfix-mta-sts-resolver",
    config="/etc/mta-sts-daemon.yml",
    cache=CacheKind.SQLITE,
    rules=stsresolver.RULES,
    read=stsresolver.read_sts_resolver,
    # Of Debian's package, and of the manual of the program itself.
    units=("postfix-mta-sts-resolver.service", "mta-sts-daemon.service"),
)

TLSPOL = TheirProgram(
    name="postfix-tlspol",
    config="/etc/postfix-tlspol/config.yaml",
    cache=CacheKind.GOB,
    rules=tlspol.RULES,
    read=tlspol.read_tlspol,
    # The socket first: else it would start the service again.
    units=("postfix-tlspol.socket", "postfix-tlspol.service"),
)

PROGRAMS = {program.name: program for program in (STS_RESOLVER, TLSPOL)}


def read_cache(cache: TheirCache) -> Iterator[CacheEntry]:
    """Yield the entries of a cache. Raise UnreadableCacheError."""
    match cache.kind:
        case CacheKind.SQLITE:
            return read_sqlite_cache(Path(cache.path))
        case CacheKind.GOB:
            return read_gob_cache(Path(cache.path))
        case CacheKind.ELSEWHERE:
            raise UnreadableCacheError(cache.reason)


def rules_table(program: TheirProgram) -> list[str]:
    """Return the table of the manual that says what becomes of each key."""
    lines = ["| theirs | ours |", "|---|---|"]
    for rule in program.rules:
        theirs = ", ".join(f"`{pattern}`" for pattern in rule.theirs)
        lines.append(f"| {theirs} | {rule.ours} |")
    return lines
