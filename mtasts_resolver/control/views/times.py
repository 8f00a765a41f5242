"""Times as values have them: RFC 3339, in UTC, to the second."""

from datetime import UTC, datetime

from mtasts_resolver.base.clock import Clock


def timestamp(wall: float) -> str:
    """Return seconds since 1970-01-01 UTC as `2026-11-26T07:04:56Z`."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def wall_of(monotonic: float, clock: Clock) -> float:
    """Return when by the wall clock a monotonic time is, as the two stand now."""
    return clock.wall() + monotonic - clock.monotonic()
