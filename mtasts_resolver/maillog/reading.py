"""From the bytes of a log, line by line, to lines of Postfix.

What most lines are is seen in their first bytes, and dropped before anything is made of it: other
programs' lines, and those of Postfix that are known and of no use here (`idle`).
"""

import re

from mtasts_resolver.maillog.entries import EntryRead, entry_in
from mtasts_resolver.maillog.events import LogLine
from mtasts_resolver.maillog.heads import (
    AFTER_STAMP,
    BEFORE,
    STAMPED,
    STAMPS,
    LineOrigin,
    is_severity,
    origin_in,
)
from mtasts_resolver.maillog.idle import is_idle_early
from mtasts_resolver.maillog.months import months_called
from mtasts_resolver.maillog.programs import Program, daemon_saying, program_called
from mtasts_resolver.maillog.walltime import LocalOffset, WallClock, days_since_1970

# Of a line. rsyslog cuts at 8 KiB, journald at 48 KiB, Postfix itself far below.
MAX_LINE = 65_536
# Programs and hosts that are remembered; more than a log has, but for an attack.
MAX_KNOWN = 4096

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)\Z")
_SYSLOG = re.compile(r"(?P<month>.+?) +(\d{1,2})(?: (\d{4}))? (\d\d):(\d\d):(\d\d)\Z")


class LineReader:
    """Reads the lines of one input, in their order."""

    def __init__(self, offset: LocalOffset, newest: float) -> None:
        """Take the zone of times that name none; and the time that no line is later than.

        That is when a file was last written, or now. Years that are not written come from it.
        """
        self._clock = WallClock(offset, newest)
        self._form = STAMPED[0]
        self._stamp: tuple[bytes, bytes | None] | None = None
        self._second: float | None = None
        self._date = ""
        self._days = 0
        self._programs: dict[bytes, tuple[Program, re.Pattern[bytes] | None] | None] = {}
        self._hosts: dict[bytes, str] = {}
        self._headed = False
        self.time: float | None = None
        """Of the line that was read last, whosesoever it was; None if it had none."""
        self.cut = 0
        """Lines that were longer than MAX_LINE."""
        self.foreign = 0
        """Lines that are not Postfix's."""
        self.idle = 0
        """Lines of Postfix that are of no use."""

    def read(self, line: bytes) -> LogLine | None:
        """Return a line of Postfix; None for one that is not its, or that is known to be idle."""
        if len(line) > MAX_LINE:
            self.cut += 1
            line = line[:MAX_LINE]
        head = self._form.match(line)
        if head is None:
            return self._read_otherwise(line)
        stamp, fraction, zone, host, name, pid = head.groups()
        known = self._known(name)
        self._set_time(stamp, fraction, zone)
        self._headed = True
        if known is None:
            self.foreign += 1
            return None
        program, idle = known
        end = head.end()
        if idle is not None and idle.match(line, end):
            self.idle += 1
            return None
        return LogLine(
            self.time,
            self._hosts.get(host) or self._host(host),
            program.service,
            program.daemon,
            int(pid) if pid else None,
            _text(line[end:]),
        )

    def _read_otherwise(self, line: bytes) -> LogLine | None:
        """Read a line that is not of the form of the line before."""
        for form in STAMPED:
            if form.match(line) is not None:
                self._form = form
                return self.read(line)
        line = BEFORE.sub(b"", line, 1)
        self.time = None
        if line[:1] in {b"{", b"["} and (entry := entry_in(line)) is not None:
            return self._of_entry(entry)
        for stamp in STAMPS:
            if (head := stamp.match(line)) is not None:
                self._headed = True
                self._set_time(*head.groups())
                return self._behind_stamp(line[head.end() :])
        return self._without_time(line)

    def _behind_stamp(self, rest: bytes) -> LogLine | None:
        rest = AFTER_STAMP.sub(b"", rest, 1)
        for stamp in STAMPS:  # a container's own, behind that of whoever runs it
            if (inner := stamp.match(rest)) is not None:
                rest = rest[inner.end() :]
                break
        return self._of_origin(origin_in(rest))

    def _without_time(self, line: bytes) -> LogLine | None:
        """Read a line without a time: one with its program, or a message alone.

        Where others have a time, such a line is a piece of another, which may be anybody's words.
        """
        if self._headed:
            self.foreign += 1
            return None
        origin = origin_in(line)
        if origin is not None and not origin.host and b"/" in origin.program:
            return self._of_origin(origin)
        text = _text(line)
        daemon = daemon_saying(text)
        if daemon is None:
            self.foreign += 1
            return None
        return LogLine(None, "", "", daemon, None, text)

    def _of_origin(self, origin: LineOrigin | None) -> LogLine | None:
        known = None if origin is None else self._known(origin.program)
        if origin is None or known is None:
            self.foreign += 1
            return None
        program, idle = known
        if idle is not None and idle.match(origin.message):
            self.idle += 1
            return None
        return LogLine(
            self.time,
            self._host(origin.host),
            program.service,
            program.daemon,
            int(origin.pid) if origin.pid else None,
            _text(origin.message),
        )

    def _of_entry(self, entry: EntryRead) -> LogLine | None:
        if entry.inner:
            return self.read(entry.inner) if not entry.inner.startswith(b"{") else None
        self.time = entry.time
        known = self._known(entry.program.encode("utf-8", "replace"))
        if known is None:
            self.foreign += 1
            return None
        program, idle = known
        if idle is not None and idle.match(entry.message.encode("utf-8", "replace")):
            self.idle += 1
            return None
        return LogLine(
            entry.time, entry.host, program.service, program.daemon, entry.pid, entry.message
        )

    def _known(self, name: bytes) -> tuple[Program, re.Pattern[bytes] | None] | None:
        """Return which program has this name, and which of its messages are idle."""
        try:
            return self._programs[name]
        except KeyError:
            if len(self._programs) >= MAX_KNOWN:
                self._programs.clear()
        program = program_called(_text(name))
        known = None if program is None else (program, is_idle_early(program.daemon))
        self._programs[name] = known
        return known

    def _host(self, name: bytes) -> str:
        host = self._hosts.get(name)
        if host is None:
            if len(self._hosts) >= MAX_KNOWN:
                self._hosts.clear()
            host = self._hosts[name] = "" if is_severity(name) else _text(name)
        return host

    def _set_time(self, stamp: bytes, fraction: bytes | None, zone: bytes | None) -> None:
        if self._stamp != (stamp, zone):
            self._stamp = (stamp, zone)
            self._second = self._time_of(_text(stamp), (zone or b"").decode())
        self.time = self._second
        if fraction is not None and self._second is not None:
            self.time = self._second + float(b"0." + fraction[1:])

    def _time_of(self, stamp: str, zone: str) -> float | None:
        """Return a stamp's time, None if there is no such time."""
        if (iso := _ISO.match(stamp)) is not None:
            year, month, day, *clock = map(int, iso.groups())
            days = days_since_1970(year, month, day)
            seconds = _seconds_in_day(*clock)
            if days is None or seconds is None:
                return None
            if zone:
                return self._clock.at_zone(days, seconds, _ahead(zone))
            return self._clock.at(days, seconds)
        if stamp.isdigit():
            return float(stamp)
        written = _SYSLOG.match(stamp)
        return None if written is None else self._syslog_time(written)

    def _syslog_time(self, written: re.Match[str]) -> float | None:
        seconds = _seconds_in_day(*map(int, written.group(4, 5, 6)))
        if seconds is None:
            return None
        date = written.string[: written.start(4)]
        if date != self._date:
            months, day = months_called(written["month"]), int(written[2])
            if written[3] is None:
                days = self._clock.day_of_some_year(months, day, seconds)
            else:
                days = days_since_1970(int(written[3]), months[0], day) if months else None
            if days is None:
                return None
            self._date, self._days = date, days
        return self._clock.at(self._days, seconds)


def _seconds_in_day(hour: int, minute: int, second: int) -> int | None:
    """Return the seconds since midnight, None of what no clock shows; 60 is a leap second."""
    if hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004
        return None
    return hour * 3600 + minute * 60 + second


def _ahead(zone: str) -> int:
    if zone == "Z":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -seconds if zone[0] == "-" else seconds


def _text(octets: bytes) -> str:
    """Return the text of what may be no UTF-8; two different ones stay different."""
    return octets.rstrip(b"\r\n\0").decode("utf-8", "backslashreplace")
