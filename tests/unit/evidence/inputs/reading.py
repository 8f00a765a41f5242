"""A reader of lines that tests need no more of: a time, a host, a program, and words."""

import re
from datetime import datetime

from mtasts_resolver.maillog.events import LogLine

_LINE = re.compile(r"(\S+) (\S+) postfix/(\w+)\[(\d+)\]: (.*)")


class PlainReader:
    """Reads `2026-11-01T10:00:00+00:00 mx1 postfix/smtp[7]: words`."""

    turned_back = False

    def __init__(self, newest: float) -> None:
        self.newest = newest

    def read(self, line: bytes, /) -> LogLine | None:
        found = _LINE.match(line.decode("utf-8", "replace"))
        if found is None:
            return None
        time, host, daemon, pid, message = found.groups()
        moment = datetime.fromisoformat(time).timestamp()
        return LogLine(moment, host, "postfix", daemon, int(pid), message)


def line(seconds: float, words: str = "words", *, host: str = "mx1", pid: int = 7) -> str:
    """Return a line of so many seconds after START."""
    time = datetime.fromtimestamp(START + seconds).astimezone().isoformat()
    return f"{time} {host} postfix/smtp[{pid}]: {words}\n"


START = 1_793_527_200.0
"""2026-11-01 10:00 UTC."""
