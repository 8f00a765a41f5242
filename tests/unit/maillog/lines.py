"""Lines for tests, and what reads them."""

from mtasts_resolver.maillog.events import LogLine, MailEvent, Meaning
from mtasts_resolver.maillog.messages import meaning_of
from mtasts_resolver.maillog.reading import LineReader

# 2026-11-26 12:00:00 UTC, when the logs of these tests were last written.
NEWEST = 1_795_694_400.0


def utc(_wall: int, _again: bool) -> int:
    """Return how far UTC is ahead of itself."""
    return 0


def read(text: str | bytes) -> LogLine | None:
    """Return what a log of one line says."""
    line = text if isinstance(text, bytes) else text.encode()
    return LineReader(utc, NEWEST).read(line)


def said(message: str, daemon: str = "smtp") -> MailEvent | Meaning:
    """Return what a message of one of Postfix's programs says."""
    return meaning_of(LogLine(NEWEST, "mx", "postfix", daemon, 7, message))
