"""Mails in a mailbox, as mbox(5) has it, one behind the other: it may be larger than memory."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from mtasts_resolver.evidence.tlsreports.limits import MAX_MAIL_BYTES

# The line that begins a mail: behind an empty one, or first, with a time as asctime(3) has it.
# `From ` alone may begin a line of a mail's text, where the mailbox is of a kind that escapes none.
_BEGINS = re.compile(rb"From .{0,400}\d\d:\d\d.{0,40}\r?\n?\Z", re.DOTALL)
# Whole, it begins one even where whoever wrote the mail before left the empty line out.
_BEGINS_SURELY = re.compile(
    rb"From \S{1,320} {1,2}(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d"
    rb"(?::\d\d)?(?: [A-Z+-]\S{0,8})? \d{4}(?: [+-]\d{4})?\r?\n?\Z"
)
_LINE = 65_536  # bytes of a line that are looked at together; RFC 5322 §2.1.1 has 998


def mails_in_mailbox(stream: BinaryIO) -> Iterator[bytes | None]:
    """Yield each mail; None for one that is larger than is read."""
    lines: list[bytes] = []
    size, blank, complete = 0, True, True
    while line := stream.readline(_LINE):
        begins = _BEGINS if blank else _BEGINS_SURELY
        if complete and line.startswith(b"From ") and begins.match(line):
            if lines or size:
                yield b"".join(lines) if size <= MAX_MAIL_BYTES else None
            lines, size = [], 0
        else:
            size += len(line)
            if size <= MAX_MAIL_BYTES:
                lines.append(line)
            else:
                lines = []
        blank, complete = line in (b"\n", b"\r\n"), line.endswith(b"\n")
    if lines or size:
        yield b"".join(lines) if size <= MAX_MAIL_BYTES else None
