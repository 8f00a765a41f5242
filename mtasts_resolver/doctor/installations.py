"""Whether there is one installation of the program, so that all who run it run the same."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from mtasts_resolver.findings import Finding, FindingKind, Severity

PROGRAM = "mtasts-resolver"
# Where a shell of root's looks, in this order; another PATH is somebody's own.
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")

TWICE = FindingKind(
    code="program-installed-twice",
    severity=Severity.WARNING,
    title="the program is installed more than once",
    matters="What is typed may be of another version than the daemon, and only one of them is"
    " upgraded.",
    action="Keep one: docs/install.md says how each is taken away.",
)

KINDS = (TWICE,)


class SeenProgram(Struct, frozen=True):
    """A file that a shell may find by the program's name."""

    path: str
    is_link: bool


def look_for_programs(directories: tuple[str, ...] = _PATH) -> tuple[SeenProgram, ...]:
    """Return the programs of our name, the one that is typed first; of links to one only one."""
    found: dict[str, SeenProgram] = {}
    for directory in directories:
        path = f"{directory}/{PROGRAM}"
        if os.access(path, os.X_OK):
            seen = SeenProgram(path, Path(path).is_symlink())
            found.setdefault(os.path.realpath(path), seen)
    return tuple(found.values())


def judge_programs(programs: tuple[SeenProgram, ...]) -> Iterator[Finding]:
    """Yield that there is more than one."""
    for hiding in programs[:-1]:
        others = ", ".join(one.path for one in programs if one is not hiding)
        # What hides the last is a link where it was made as the guide says; what it leads to stays.
        commands = (shlex.join(["rm", hiding.path]),) if hiding.is_link else ()
        yield TWICE.found(hiding.path, f"it is found before {others}", commands=commands)
