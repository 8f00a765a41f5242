"""The programs that a host can come from."""

from typing import Protocol

from msgspec import Struct

from mtasts_resolver.migration import stsresolver
from mtasts_resolver.migration.takeover import KeyRule, Takeover
from mtasts_resolver.migration.theirfile import TheirFile


class _Read(Protocol):
    def __call__(
        self, data: bytes, file: str, *, keep_address: bool
    ) -> tuple[TheirFile, Takeover]: ...


class TheirProgram(Struct, frozen=True, kw_only=True):
    """Another policy server."""

    name: str
    config: str
    """Where its configuration usually is."""
    rules: tuple[KeyRule, ...]
    read: _Read
    units: tuple[str, ...]
    """Under which names systemd may know it."""


STS_RESOLVER = TheirProgram(
    name="postfix-mta-sts-resolver",
    config="/etc/mta-sts-daemon.yml",
    rules=stsresolver.RULES,
    read=stsresolver.read_sts_resolver,
    # Of Debian's package, and of the manual of the program itself.
    units=("postfix-mta-sts-resolver.service", "mta-sts-daemon.service"),
)

PROGRAMS = {program.name: program for program in (STS_RESOLVER,)}


def rules_table(program: TheirProgram) -> list[str]:
    """Return the table of the manual that says what becomes of each key."""
    lines = ["| theirs | ours |", "|---|---|"]
    for rule in program.rules:
        theirs = ", ".join(f"`{pattern}`" for pattern in rule.theirs)
        lines.append(f"| {theirs} | {rule.ours} |")
    return lines
