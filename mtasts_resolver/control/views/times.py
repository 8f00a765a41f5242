"""Times as values have them: RFC 3339, in UTC, to the second."""

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.timestamps import timestamp

__all__ = ["timestamp", "wall_of"]


def wall_of(monotonic: float, clock: Clock) -> float:
    """Return when by the wall clock a monotonic time is, as the two stand now."""
    return clock.wall() + monotonic - clock.monotonic()
