"""The zone that a log's times are in, where they do not say it themselves."""

import os
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.maillog.walltime import LocalOffset

LOCALTIME = Path("/etc/localtime")
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3]):?(?P<minutes>[0-5][0-9])\Z")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  what a clock on a wall shows has no zone


def zone_called(name: str) -> tzinfo:
    """Return the zone of a name such as `Europe/Berlin`, `UTC` or `+01:00`. Raise InputError."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    if (found := _OFFSET.match(name)) is not None:
        ahead = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
        return timezone(-ahead if found["sign"] == "-" else ahead, name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"no zone is called {quote(name)}: write one such as Europe/Berlin, UTC or +01:00 (the"
            " names are of the system's tzdata)"
        ) from None


def zone_of_host() -> tzinfo:
    """Return the zone of this host, with its name where that can be known."""
    name = os.environ.get("TZ", "").removeprefix(":") or _linked_name()
    try:
        return zone_called(name)
    except InputError:
        pass
    try:
        with LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file, "localtime")
    except (OSError, ValueError):
        return UTC


def _linked_name() -> str:
    """Return what /etc/localtime is a link to, below zoneinfo; empty if it is none."""
    try:
        return str(LOCALTIME.resolve(strict=True)).rpartition("/zoneinfo/")[2]
    except (OSError, RuntimeError):
        return ""


def local_offset(zone: tzinfo) -> LocalOffset:
    """Return how far a clock in a zone is ahead of UTC, as the reader of lines asks for it."""

    def ahead(wall: int, again: bool) -> int:
        try:
            shown = (_EPOCH + timedelta(seconds=wall)).replace(tzinfo=zone, fold=again)
            offset = shown.utcoffset()
        except (OverflowError, ValueError):
            return 0
        return int(offset.total_seconds()) if offset is not None else 0

    return ahead
