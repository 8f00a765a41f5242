"""From the bytes of a log, line by line, to lines of Postfix.

What most lines are is seen in their first bytes, and dropped before anything is made of it: other
programs' lines, and those of Postfix that are known and of no use here (`idle`).
"""

import re
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

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
from mtasts_resolver.maillog.idle import idle_beginnings
from mtasts_resolver.maillog.programs import daemon_saying, program_called
from mtasts_resolver.maillog.stamps import StampReader
from mtasts_resolver.maillog.walltime import LocalOffset

# Of a line. rsyslog cuts at 8 KiB, journald at 48 KiB, of which JSON may make six times as many.
MAX_LINE = 262_144
# Processes that are remembered, a few hundred bytes each. More are alive together on no host; what
# is forgotten is looked at again.
MAX_WRITERS = 16_384


class LineWriter(Struct, frozen=True, gc=False):
    """A process that writes lines."""

    host: str
    service: str
    daemon: str
    pid: int | None
    idle: re.Pattern[bytes] | None
    """How its messages begin that are of no use."""


# How an entry begins, alone or in an array.
_JSON = (b"{", b"[{", b",{")

# One that is none of Postfix, and whose lines say nothing of mail.
_FOREIGN = LineWriter("", "", "", None, None)
# One that is not named.
_ANYBODY = LineWriter("", "", "", None, None)


class LineReader:
    """Reads the lines of one input, in their order."""

    def __init__(self, offset: LocalOffset, newest: float) -> None:
        """Take the zone of times that name none; and the time that no line is later than.

        That is when a file was last written, or now. Years that are not written come from it.
        """
        self._stamps = StampReader(offset, newest)
        self._form = STAMPED[0]
        self._headed = False
        self._writers: dict[bytes, LineWriter] = {}
        self._stamp: tuple[bytes, bytes | None] | None = None
        self._second: float | None = None
        # Of a line whose writer is remembered: how its stamp is written, `TEXT[fraction]ZONE `.
        self._text = b"-"
        self._text_second: float | None = None
        self._zone = b""
        self._fraction_end = self._stamp_end = 1
        self._unit = 0.0

        self.time: float | None = None
        """Of the line that was read last, whosesoever it was; None if it had none."""
        self.cut = 0
        """Lines that were longer than MAX_LINE."""
        self.foreign = 0
        """Lines that are not Postfix's."""
        self.idle = 0
        """Lines of Postfix that are of no use."""

    @property
    def turned_back(self) -> bool:
        """Tell whether times without a year came back to months that were over.

        Then the log is of more than a year, and some of its years are wrong; or it has an older one
        behind a younger.
        """
        return self._stamps.turned_back

    def read(self, line: bytes) -> LogLine | None:
        """Return a line of Postfix; None for one that is not its, or that is known to be idle."""
        if len(line) > MAX_LINE:
            self.cut += 1
            line = line[:MAX_LINE]
        text, start = self._text, self._stamp_end
        # Most lines are of the same second as the one before, and by a process that has written.
        if line.startswith(text) and line[self._fraction_end : start] == self._zone:
            end = line.find(b": ", start)
            writer = self._writers.get(line[start:end]) if end > 0 else None
            if writer is not None:
                self.time = self._text_second
                if self._unit and self.time is not None:
                    digits = line[len(text) : self._fraction_end]
                    if not digits.isdigit():
                        return self._read_head(line)
                    self.time += int(digits) * self._unit
                return self._line(writer, line, end + 2)
        return self._read_head(line)

    def _line(self, writer: LineWriter, line: bytes, start: int) -> LogLine | None:
        """Return what a process has written in a line from `start` on."""
        if writer is _FOREIGN:
            self.foreign += 1
            return None
        idle = writer.idle
        if idle is None:
            if not writer.daemon:
                return self._told_by_message(writer, line[start:])
        elif idle.match(line, start):
            self.idle += 1
            return None
        return LogLine(
            self.time,
            writer.host,
            writer.service,
            writer.daemon,
            writer.pid,
            line[start:].strip(b" \r\n\0").decode("utf-8", "backslashreplace"),
        )

    def _read_head(self, line: bytes) -> LogLine | None:
        """Read a line of the form of the line before, or of another one."""
        if line.startswith(_JSON):
            return self._read_entry(line)
        whole, head = line, self._form.match(line)
        if head is None:
            line = BEFORE.sub(b"", line, 1)
            head = self._form.match(line)
        if head is None:
            for form in STAMPED:
                if (head := form.match(line)) is not None:
                    self._form = form
                    break
            else:
                return self._read_otherwise(line)
        stamp, fraction, zone, host, name, pid = head.groups()
        self._set_time(stamp, fraction, zone)
        writer = _writer_called(host, name, pid)
        start, end = head.start(4), head.end()
        if line.find(b": ", start) == end - 2:
            if len(self._writers) >= MAX_WRITERS:
                self._writers.clear()
            self._writers[line[start : end - 2]] = writer
            before = len(whole) - len(line)
            self._text = whole[: before + head.end(1) + (fraction is not None)]
            self._text_second = self._second
            self._fraction_end = before + head.end(1 if fraction is None else 2)
            self._stamp_end = before + start
            self._zone = whole[self._fraction_end : self._stamp_end]
            self._unit = 0.0 if fraction is None else 10.0 ** (1 - len(fraction))
        return self._line(writer, line, end)

    def _read_otherwise(self, line: bytes) -> LogLine | None:
        """Read a line that has no host, or no colon, or JSON, or no head at all."""
        self.time = None
        if line.startswith(_JSON):
            return self._read_entry(line)
        for stamp in STAMPS:
            if (head := stamp.match(line)) is not None:
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
        first = line.split(None, 1)[0] if line.strip() else b""
        if b"/" in first and first.endswith(b":"):
            return self._of_origin(origin_in(line))
        return self._told_by_message(_ANYBODY, line)

    def _told_by_message(self, writer: LineWriter, message: bytes) -> LogLine | None:
        """Read a line whose program's name is not known, if only one program writes such."""
        message = message.strip(b" \r\n\0")
        daemon = daemon_saying(_text(message))
        named = _FOREIGN if daemon is None else replace(writer, daemon=daemon)
        return self._line(named, message, 0)

    def _of_origin(self, origin: LineOrigin | None) -> LogLine | None:
        if origin is None:
            self.foreign += 1
            return None
        writer = _writer_called(origin.host, origin.program, origin.pid)
        return self._line(writer, origin.message, 0)

    def _read_entry(self, line: bytes) -> LogLine | None:
        entry = entry_in(line)
        if entry is None:
            self.foreign += 1
            return None
        self._headed = True
        self.time = entry.time
        for form in STAMPS if entry.stamp else ():
            if (stamp := form.match(entry.stamp)) is not None:
                self._set_time(*stamp.groups())
                break
        if entry.program:
            writer = _writer_called(entry.host, entry.program, entry.pid)
            return self._line(writer, entry.message, 0)
        return self._read_wrapped(entry)

    def _read_wrapped(self, entry: EntryRead) -> LogLine | None:
        """Read a line that an entry is wrapped around, with a head of its own or without."""
        time = self.time
        if entry.message.startswith(_JSON):  # it might go on so for ever
            self.foreign += 1
            return None
        self._headed = False
        line = self._read_head(entry.message)
        self._headed = True
        if line is None or line.time is not None:
            return line
        self.time = time
        return replace(line, time=time, host=line.host or _text(entry.host))

    def _set_time(self, stamp: bytes, fraction: bytes | None, zone: bytes | None) -> None:
        self._headed = True
        if self._stamp != (stamp, zone):
            self._stamp = (stamp, zone)
            self._second = self._stamps.second(stamp, zone)
        self.time = self._second
        if fraction is not None and self._second is not None:
            self.time = self._second + int(fraction[1:]) * 10.0 ** (1 - len(fraction))


@lru_cache(maxsize=MAX_WRITERS)
def _writer_called(host: bytes, name: bytes, pid: bytes | None) -> LineWriter:
    program = program_called(_text(name))
    if program is None:
        return _FOREIGN
    return LineWriter(
        "" if is_severity(host) else _text(host),
        program.service,
        program.daemon,
        int(pid) if pid else None,
        idle_beginnings(program.daemon),
    )


def _text(octets: bytes) -> str:
    """Return the text of what may be no UTF-8; two different ones stay different."""
    return octets.decode("utf-8", "backslashreplace")
