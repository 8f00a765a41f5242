"""Spans of time in words, for the commands and the status page alike."""

from datetime import datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def span(seconds: float) -> str:
    """Return a span of time in its two largest units: `3d 4h`."""
    left, parts = max(0, int(seconds)), list[str]()
    for length, unit in _UNITS:
        count, left = divmod(left, length)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def ago(time: str, now: str) -> str:
    """Say for how long an RFC 3339 time has passed."""
    return f"{span(_between(time, now))} ago"


def until(time: str, now: str) -> str:
    """Say how long it is until an RFC 3339 time, or that it is over."""
    left = _between(now, time)
    return f"in {span(left)}" if left > 0 else ago(time, now)


def _between(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()
