"""What the daemon counts: plain integers that cost an addition, read by whoever shows them."""

from bisect import bisect_left

from msgspec import Struct
from msgspec.structs import asdict

# Seconds up to which what takes time is told apart. A discovery takes a tenth of a second, and no
# more than `lookup_timeout` (20 s) while Postfix waits for it; a slow host may take minutes.
BOUNDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)


class Histogram:
    """How long something took: how often up to each of BOUNDS and no less, and in all."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        """By bound; the last is for what took longer than any."""
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class Counters(Struct):
    """Events since the start."""

    waited: int = 0
    """Look-ups that memory could not answer at once."""
    overloaded: int = 0
    """Look-ups refused because too many discoveries were waiting."""
    lookup_timeouts: int = 0
    """Look-ups answered before their discovery had ended."""
    discoveries: int = 0
    """Of MTA-STS; those of DANE are counted apart."""
    dane_discoveries: int = 0
    discoverer_ends: int = 0
    """The process that discovers has ended, and was started again."""
    dns_failures: int = 0
    fetches: int = 0
    fetch_failures: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)
