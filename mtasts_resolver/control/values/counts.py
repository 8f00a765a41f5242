"""What was counted, day by day."""

from msgspec import Struct


class DailyCount(Struct, frozen=True, kw_only=True):
    """How often something happened in a day."""

    day: str
    """In UTC: `2026-11-26`."""
    subject: str
    """`policy` and `dane`: how discoveries ended. `look-up`: what was answered. `daemon`: how long
    it ran, and counted."""
    name: str
    """Of a discovery `look-up`, or `refresh` where the schedule began it; of a look-up its map, or
    `(tcp_table)`, `(unknown)`; `running` of the daemon."""
    outcome: str
    """Of a discovery `found`, `unchanged` (there was no need to fetch), `absent`, or the code of a
    failure; of a look-up the answer, or `would be` and the answer where the map only observes;
    `seconds` of the daemon."""
    count: int
    since: str
    """When it was first counted that day, to five minutes."""
    until: str
