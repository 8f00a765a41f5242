"""The same line in two logs: a journal and a file, or what a host and its collector wrote."""

from mtasts_resolver.maillog.events import LogLine

# Seconds that the times of the same line may differ by: one log has microseconds, another one cuts
# them off, and a collector may write when it came.
WINDOW = 2.0
# Lines that are remembered for that long: more than a host logs in a window.
MAX_REMEMBERED = 200_000

_Key = tuple[str, str, int | None, str]


class _Seen:
    """How often a line was seen in each log, and how often it came out."""

    __slots__ = ("counts", "out")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.out = 0


class Repeats:
    """Tells lines of one log that another one has, too.

    A log may itself have a line twice, and means it: two sessions of one process with one host
    within a second. So what counts is how often each log has it.
    """

    def __init__(self) -> None:
        self._young: dict[_Key, _Seen] = {}
        self._old: dict[_Key, _Seen] = {}
        self._since = 0.0

    def is_new(self, line: LogLine, log: int, time: float) -> bool:
        """Tell whether no other log has had this line; `time` never falls."""
        if time >= self._since + WINDOW or len(self._young) >= MAX_REMEMBERED:
            self._old = self._young if time < self._since + 2 * WINDOW else {}
            self._young = {}
            self._since = time
        # Of the host's name a log may have the first label alone (RFC 3164 §4.1.2).
        key = (line.host.partition(".")[0], line.daemon, line.pid, line.message)
        seen = self._young.get(key)
        if seen is None:
            seen = self._young[key] = self._old.get(key) or _Seen()
        count = seen.counts[log] = seen.counts.get(log, 0) + 1
        if count <= seen.out:
            return False
        seen.out += 1
        return True
