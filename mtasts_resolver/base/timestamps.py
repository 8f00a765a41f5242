"""Times that people read and write, in UTC."""

import re
from datetime import UTC, datetime

# RFC 3339 §5.6, save that the seconds may be missing, and the time. Python reads many other forms
# of ISO 8601, in which a slip of the pen is a week or a century.
_TIMESTAMP = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?)?\Z"
)

EARLIEST, LATEST = 1970, 2999  # years; beyond, some arithmetic on times has no result
_LAST = datetime(LATEST, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


def moment_of(wall: float) -> datetime:
    """Return seconds since 1970-01-01 UTC as a time, or the nearest that there is.

    A store, or an export, may hold any number; what it says of one domain must cost no list.
    """
    return datetime.fromtimestamp(min(max(wall, 0.0), _LAST), UTC)


def timestamp(wall: float) -> str:
    """Return seconds since 1970-01-01 UTC as `2026-11-26T07:04:56Z`."""
    return moment_of(wall).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str, *, time: str = "00:00:00") -> float:
    """Return the seconds since 1970-01-01 UTC that `text` means, or raise ValueError.

    `2026-11-26T07:04:56Z`, `2026-11-26 08:04+01:00`; or `2026-11-26`, which is that day at `time`.
    """
    found = _TIMESTAMP.match(text)
    if not found:
        raise ValueError("it is not a date such as 2026-12-31, or a time such as 2026-12-31T18:00Z")
    day, clock, zone = found.groups()
    if clock and not zone:
        raise ValueError("its time zone is missing: write Z after it for UTC, or +01:00")
    moment = datetime.fromisoformat(f"{day}T{clock or time}{(zone or 'Z').upper()}")
    if not EARLIEST <= moment.year <= LATEST:
        raise ValueError(f"the year is not between {EARLIEST} and {LATEST}")
    return moment.timestamp()
