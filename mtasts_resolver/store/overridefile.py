"""The overrides that were added by command, in a file of their own beside the store.

It is JSON that a person can read, and mend at night:

    {"overrides": [{"pattern": "partner.example", "action": "skip", "reason": "...",
                    "until": "2026-12-31T23:59:59Z", "user": "root", "added": "..."}]}

The daemon alone writes it, as a whole, and a copy of it. Where the file is damaged, what the copy
holds is used in its place: that a file was damaged must not hold the mail that an override lets
pass. Before it is written again it is set aside.
"""

import os
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from mtasts_resolver.base.ownfiles import UntrustedFileError, read_own, write_own
from mtasts_resolver.base.timestamps import parse_timestamp, timestamp
from mtasts_resolver.base.undecodable import UNDECODABLE
from mtasts_resolver.postfix.override import Override, parse_override
from mtasts_resolver.store.rescue import remove_oldest, set_aside

SUFFIX = ".overrides.json"
COPY = ".last"
MAX_ADDED = 1_000  # as many as the configuration may have; of more nobody knows the reasons
# A thousand of the longest: a pattern of 253 characters, a policy of 2,000, a reason of 200 that
# take four bytes each, and what stands around them.
MAX_OVERRIDES_BYTES = MAX_ADDED * 4_096


class _Line(Struct, omit_defaults=True, kw_only=True):
    """An override as the file has it; what a newer program wrote besides is passed over."""

    pattern: str
    action: str | None = None
    policy: str | None = None
    reason: str
    until: str | None = None
    user: str = ""
    added: str | None = None


class _Content(Struct):
    overrides: list[msgspec.Raw]


class FoundOverrides(NamedTuple):
    """What was read."""

    overrides: tuple[Override, ...]
    faults: tuple[str, ...] = ()
    """What is wrong with the file, if anything is."""


class OverrideFile:
    """The file beside the store at a path. It may not exist. All methods wait for the disk.

    It is read if it is root's, or that of the user `owner`: of the process, unless it is named.
    """

    def __init__(self, store: Path, owner: int | None = None) -> None:
        self.path = store.with_suffix(SUFFIX)
        self._owner = owner
        self._copy = self.path.with_name(self.path.name + COPY)
        self._damaged = False

    def read(self) -> FoundOverrides:
        """Return what the file holds; where it is of no use at all, what its copy holds."""
        # The process may become another user.
        owners = {
            0,
            os.geteuid() if self._owner is None else self._owner,
        }  # root may have mended it
        found = _read(self.path, owners)
        self._damaged = bool(found.faults)
        if found.overrides or not found.faults:
            return found
        return FoundOverrides(_read(self._copy, owners).overrides, found.faults)

    def write(self, overrides: Iterable[Override]) -> None:
        """Put `overrides` in place of what the file holds. Raise OSError."""
        lines = [_line(override) for override in overrides]
        data = msgspec.json.format(msgspec.json.encode({"overrides": lines})) + b"\n"
        if self._damaged:
            set_aside(self.path, time.time())
            remove_oldest(self.path)
            self._damaged = False
        write_own(self._copy, data)
        write_own(self.path, data)


def _read(path: Path, owners: Collection[int]) -> FoundOverrides:
    try:
        data = read_own(path, MAX_OVERRIDES_BYTES, owners)
        if len(data) > MAX_OVERRIDES_BYTES:
            raise ValueError(f"it is longer than {MAX_OVERRIDES_BYTES:,} bytes")
        lines = msgspec.json.decode(data, type=_Content).overrides
    except FileNotFoundError:
        return FoundOverrides(())
    except OSError as error:
        return FoundOverrides((), (f"it cannot be read: {error.strerror or error}",))
    except (UntrustedFileError, *UNDECODABLE) as error:
        return FoundOverrides((), (str(error),))
    overrides: dict[str, Override] = {}
    faults = []
    if len(lines) > MAX_ADDED:
        faults.append(f"it holds more than {MAX_ADDED:,} overrides: those after them are left out")
    for number, line in enumerate(lines[:MAX_ADDED], 1):
        try:
            override = _parse(msgspec.json.decode(line, type=_Line))
        except UNDECODABLE as error:
            faults.append(f"override {number}: {error}")
        else:
            if override.pattern in overrides:
                faults.append(f"override {number}: {override.pattern} stands twice")
            overrides.setdefault(override.pattern, override)
    return FoundOverrides(tuple(overrides.values()), tuple(faults))


def _parse(line: _Line) -> Override:
    return parse_override(
        pattern=line.pattern,
        action=line.action,
        policy=line.policy,
        reason=line.reason,
        until=None if line.until is None else parse_timestamp(line.until, time="23:59:59"),
        user=line.user,
        added=None if line.added is None else parse_timestamp(line.added),
    )


def _line(override: Override) -> _Line:
    text = override.text or None
    return _Line(
        pattern=override.pattern,
        action=None if text else override.action,
        policy=text,
        reason=override.reason,
        until=None if override.until is None else timestamp(override.until),
        user=override.user,
        added=None if override.added is None else timestamp(override.added),
    )
