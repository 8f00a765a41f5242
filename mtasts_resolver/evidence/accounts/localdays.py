"""Days and times as the report's zone has them."""

from datetime import tzinfo

from mtasts_resolver.base.timestamps import moment_of

# Seconds. Since 1972 no zone is off UTC by anything but quarters of an hour, so that no day ends
# within one.
_QUARTER = 900


class LocalDays:
    """The calendar of a zone. It remembers the quarter of an hour that was asked for last."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._quarter: float | None = None
        self._day = ""

    def day_of(self, time: float) -> str:
        """Return the day, such as `2026-11-26`."""
        quarter = time // _QUARTER
        if quarter != self._quarter:
            self._day = moment_of(time).astimezone(self._zone).date().isoformat()
            self._quarter = quarter
        return self._day

    def stamp(self, time: float | None) -> str:
        """Return the time with the zone's offset; empty where there is none."""
        if time is None:
            return ""
        return moment_of(time).astimezone(self._zone).isoformat(timespec="seconds")

    def in_words(self, time: float) -> str:
        """Return the time as a sentence has it: `2026-11-26 13:00:00 +01:00`."""
        text = self.stamp(time)
        return f"{text[:10]} {text[11:19]} {text[19:]}"
