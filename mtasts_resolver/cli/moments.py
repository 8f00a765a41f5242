"""Times as a person writes them, and as they are shown to one: in the zone of whoever asks."""

import re
from datetime import UTC, datetime, time, timedelta, tzinfo

import click

_CLOCK = re.compile(r"(?:(today|yesterday) +)?(\d{1,2}):(\d{2})(?::(\d{2}))?\Z")
_AGO = re.compile(r"(\d{1,6}) ?(s|min|h|d) ago\Z")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_EXAMPLES = "write 03:12, 'yesterday 03:12', '2026-11-26 03:12', '3h ago', or RFC 3339"


def parse_moment(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """Return the time that `text` means at `now`; without a zone of its own it is of `zone`.

    Unset, that is the one of this process. A time of day is the last one that there was. Raise
    ValueError, which says what would do.
    """
    found = _AGO.match(text)
    try:
        if found:
            return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
        found = _CLOCK.match(text)
        if found:
            return _time_of_day(found, now.astimezone(zone), zone)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!a} is no time: {_EXAMPLES}") from None
    # Without a zone it is what the clock on the wall said, by the rules of that day.
    return _on_the_wall(moment, zone) if moment.tzinfo is None else moment


def _time_of_day(found: re.Match[str], now: datetime, zone: tzinfo | None) -> datetime:
    day, hours, minutes, seconds = found.groups()
    wanted = time(int(hours), int(minutes), int(seconds or 0))
    date = now.date() - timedelta(days=day == "yesterday")
    moment = _on_the_wall(datetime.combine(date, wanted), zone)
    if day is None and moment > now:
        moment = _on_the_wall(datetime.combine(date - timedelta(days=1), wanted), zone)
    return moment


def _on_the_wall(shown: datetime, zone: tzinfo | None) -> datetime:
    """Return when a clock on the wall shows that."""
    return shown.astimezone() if zone is None else shown.replace(tzinfo=zone)


def moment_option(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> datetime | None:
    """Read an option that is a time: a callback of click's."""
    if text is None:
        return None
    try:
        return parse_moment(text, datetime.now(UTC).astimezone())
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def shown_locally(timestamp: str) -> str:
    """Return a time of the API's for a person."""
    return f"{datetime.fromisoformat(timestamp).astimezone():%Y-%m-%d %H:%M:%S}"


def zone() -> str:
    """Return the zone that `shown_locally` shows times in, as it is now."""
    return f"{datetime.now(UTC).astimezone():%Z}"
