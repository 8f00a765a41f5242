"""What of this host the steps depend on: its Postfix, and systemd's units."""

import shlex
from pathlib import Path

from msgspec import Struct

from mtasts_resolver.config import DEFAULT_ADDRESS, Config
from mtasts_resolver.doctor.instance import PostfixInstance
from mtasts_resolver.doctor.reading import read_postfix
from mtasts_resolver.migration.maincf import AskedThere, dnssec_lines, find_asked
from mtasts_resolver.migration.takeover import Takeover

# systemd.unit(5): where units of the system are, an administrator's before a package's.
_UNIT_PATHS = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")


class PostfixSide(Struct, frozen=True, kw_only=True):
    """What Postfix is set to, as far as it matters here."""

    asked: tuple[AskedThere, ...] = ()
    dnssec: tuple[str, ...] = ()
    reload: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    """Why there is nothing to be said of it, or not of each instance."""
    found: bool = False
    """Whether any instance could be read."""


def look_at_postfix(directory: Path | None, taken: Takeover, config: Config) -> PostfixSide:
    """Return where this host's Postfix asks theirs, and what is to change."""
    reading = read_postfix(directory)
    ours = taken.address if taken.address_kept else DEFAULT_ADDRESS
    asked: list[AskedThere] = []
    dnssec: list[str] = []
    reload: list[str] = []
    for instance in reading.instances:
        found = [*find_asked(instance, taken.address, ours, config)]
        lines = dnssec_lines(instance) if found else ()
        if lines or any(one.change for one in found):
            reload.append(_reload(instance))
        asked += found
        dnssec += lines
    return PostfixSide(
        asked=tuple(asked),
        dnssec=tuple(dnssec),
        reload=tuple(reload),
        unread=tuple(one.reason for one in reading.unread),
        found=bool(reading.instances),
    )


def _reload(instance: PostfixInstance) -> str:
    if instance.is_default:
        return "postfix reload"
    return shlex.join(["postfix", "-c", instance.config_directory, "reload"])


def units_here(units: tuple[str, ...]) -> tuple[str, ...]:
    """Return those units that systemd knows here; all of them, where it knows none."""
    places = [Path(path, "systemd/system") for path in _UNIT_PATHS]
    known = tuple(unit for unit in units if any((place / unit).exists() for place in places))
    return known or units
