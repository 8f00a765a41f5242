"""Times that are asked for."""

from datetime import UTC, datetime

from mtasts_resolver.control.api.endpoint import RefusedError


def wall(time: datetime) -> float:
    """Return seconds since 1970. Raise RefusedError."""
    if time.tzinfo is None:
        raise RefusedError(400, "a time must say its zone, as in 2026-11-26T03:12:00Z")
    try:
        return time.astimezone(UTC).timestamp()
    except OverflowError:
        raise RefusedError(400, "there is no such time") from None
