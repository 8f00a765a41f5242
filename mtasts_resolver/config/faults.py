"""What is wrong with a configuration, and where: the file, the line, the key."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mtasts_resolver.base.quoting import quote

_CREDENTIALS = re.compile(r"(?<=://).*@", re.DOTALL)


def shown(text: str) -> str:
    """Return `text` as a fault quotes it: a URL, at whatever key it is, without its password."""
    return quote(_CREDENTIALS.sub("***@", text))


class Fault(NamedTuple):
    """One thing that is wrong; `str` is what an administrator reads of it."""

    reason: str
    """What the value is, and what would be valid."""
    key: str = ""
    """The path of the key, such as `$.listen[0].address`; empty where it is about no key."""
    line: int | None = None
    """The line of the file in which the key stands, or the section that lacks it."""
    file: str = ""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (where, self.key, self.reason) if part)


class ConfigError(Exception):
    """The configuration is of no use; `faults` says where and why."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


class Source(NamedTuple):
    """Where a configuration was read, so that what is found out later can be told with its line."""

    file: str
    lines: Mapping[str, int]
    """The line in which the key or the item of each path stands."""

    def fault(self, key: str, reason: str) -> Fault:
        """Return a fault of the key at the path `key`, which need not be in the file."""
        return Fault(reason, key, self._line(key), self.file)

    def locate(self, faults: Iterable[Fault]) -> list[Fault]:
        """Return the faults, those of a key each with its place."""
        return [self.fault(fault.key, fault.reason) if fault.key else fault for fault in faults]

    def _line(self, path: str) -> int | None:
        """Return the line of `path`, or of the nearest section around it that is in the file."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path)
