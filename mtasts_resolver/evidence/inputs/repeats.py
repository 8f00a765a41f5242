"""The same line in two logs: a journal and a file, or what a host and its collector wrote."""

from mtasts_resolver.maillog.events import LogLine

# Seconds that the times of the same line may differ by at least, and at most twice that: one log
# has microseconds, another one cuts them off, and a collector may write when it came.
WINDOW = 2.0
# Lines that are remembered for that long: more than a host logs in a window.
MAX_REMEMBERED = 200_000

# Hosts whose short name is remembered.
MAX_HOSTS = 10_000

_Key = tuple[str, int | None, str]


class _Seen:
    """How often a line was seen in each log, and how often it came out."""

    __slots__ = ("counts", "out")

    def __init__(self, log: int) -> None:
        self.counts = {log: 1}
        self.out = 1


class Repeats:
    """Tells lines of one log that another one has, too.

    A log may itself have a line twice, and means it: two sessions of one process with one host
    within a second. So what counts is how often each log has it.
    """

    def __init__(self) -> None:
        # A number is the one log that has had the line, once: as it is with nearly all of them.
        self._young: dict[_Key, _Seen | int] = {}
        self._old: dict[_Key, _Seen | int] = {}
        self._since = 0.0
        self._short: dict[str, str] = {}
        self._full: dict[str, str] = {}

    def is_new(self, line: LogLine, log: int, time: float) -> bool:
        """Tell whether no other log has had this line; `time` never falls."""
        if time >= self._since + WINDOW or len(self._young) >= MAX_REMEMBERED:
            self._old = self._young if time < self._since + 2 * WINDOW else {}
            self._young = {}
            self._since = time
        host = line.host
        key = (self._short.get(host) or self._shortened(host), line.pid, line.message)
        seen = self._young.get(key)
        if seen is None:
            seen = self._old.get(key)
            if seen is None:
                self._young[key] = log
                return True
        if isinstance(seen, int):
            seen = _Seen(seen)
        self._young[key] = seen
        count = seen.counts[log] = seen.counts.get(log, 0) + 1
        if count <= seen.out:
            return False
        seen.out += 1
        return True

    def _shortened(self, host: str) -> str:
        """Return the first label of a host's name, as some logs have it (RFC 3164 §4.1.2).

        Of two hosts that share it, such as `mail.a.example` and `mail.b.example`, only the first
        is called so: in containers they may have processes of one number, too.
        """
        if len(self._short) >= MAX_HOSTS:
            self._short.clear()
            self._full.clear()
        label, dot, _ = host.partition(".")
        other = dot and self._full.setdefault(label, host.lower()) != host.lower()
        short = self._short[host] = host if label.isdigit() or other else label  # of an address
        return short
