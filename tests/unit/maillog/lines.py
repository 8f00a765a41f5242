"""Lines for tests, and what reads them."""

from collections.abc import Iterator

from mtasts_resolver.maillog.events import (
    LoggedPeer,
    LoggedTls,
    LogLine,
    MailEvent,
    Meaning,
    TlsAttribute,
)
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


def summary(line: str) -> str:
    """Return what a log of this one line says, in short."""
    read_line = read(line)
    if read_line is None:
        return "idle or foreign"
    event = meaning_of(read_line)
    name = event.value if isinstance(event, Meaning) else type(event).__name__
    return " ".join(filter(None, [name, *_words(event)]))


def _words(event: MailEvent | Meaning) -> Iterator[str]:
    """Yield what an event has, but for times, and for words that were made a cause of."""
    if isinstance(event, Meaning):
        return
    for name in event.__struct_fields__:
        match getattr(event, name):
            case LoggedPeer(host, address, port):
                yield host + (f"[{address}]" if address else "") + (f":{port}" if port else "")
            case LoggedTls(level, version, cipher, key_exchange):
                yield " ".join(filter(None, [level, version, cipher, key_exchange]))
            case TlsAttribute(text):
                yield f"tls={text}"
            case bool(flag):
                yield name if flag else ""
            case int(number):
                yield f"{name}={number}"
            case str(text) if name != "reason" or not hasattr(event, "cause"):
                yield text
