"""The daemon, with a day in its memory that nobody has seen: for pictures of the status page.

Put before the command that runs the daemon:
`python -m tests.system.statuspage.made_up_day COMMAND...`.
"""

import math
import random
import sys
from collections import Counter
from collections.abc import Iterator

from mtasts_resolver.cli import main
from mtasts_resolver.control import daylong
from mtasts_resolver.control.daylong import INTERVAL, INTERVALS, Interval
from mtasts_resolver.daemon import parts

# What a relay may see in five minutes at the busiest time of its day.
LOOKUPS = {"secure": 900, "dane-only": 340, "dane": 60, "notfound": 2_400, "temp": 1}
DISCOVERIES = {
    "policy found": 4,
    "policy unchanged": 40,
    "policy absent": 160,
    "policy failed": 2,
    "dane found": 30,
    "dane absent": 190,
    "dane failed": 1,
}
OUTAGE = range(150, 156)  # intervals in which a resolver was restarted


def made_up(now: int) -> Iterator[Interval]:
    """Yield what was counted before the interval `now`: much by day, little by night."""
    rng = random.Random(8461)  # noqa: S311  the same day in each picture
    for place in range(1, INTERVALS):
        number = now - INTERVALS + place
        hour = number * INTERVAL / 3_600 % 24
        busy = 0.12 + 0.88 * max(0.0, math.sin((hour - 6) / 12 * math.pi))
        counts = {
            "lookups": drawn(LOOKUPS, busy, rng),
            "discoveries": drawn(DISCOVERIES, busy, rng),
        }
        if place in OUTAGE:
            counts["lookups"]["temp"] += rng.randrange(20, 90)
            counts["discoveries"]["dane failed"] += rng.randrange(20, 60)
        yield Interval(number, counts)


def drawn(usual: dict[str, int], busy: float, rng: random.Random) -> Counter[str]:
    return Counter({name: int(most * busy * rng.uniform(0.6, 1.2)) for name, most in usual.items()})


class MadeUpDay(daylong.DayLong):
    """Remembers more than there was."""

    def last_day(self, name: str) -> list[Counter[str] | None]:
        *_, now = super().last_day(name)
        return [*(interval.counts[name] for interval in made_up(self._number)), now]


if __name__ == "__main__":
    setattr(parts, "DayLong", MadeUpDay)  # noqa: B010  what it imports is no part of its face
    main(sys.argv[sys.argv.index("serve") :])
