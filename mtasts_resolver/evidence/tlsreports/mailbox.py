"""Mails in a mailbox, as mbox(5) has it, one behind the other: it may be larger than memory."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from mtasts_resolver.evidence.tlsreports.limits import MAX_MAIL_BYTES

# The line that begins a mail: behind an empty one, or first, with a time as asctime(3) has it.
# `From ` alone may begin a line of a mail's text, where the mailbox is of a kind that escapes none.
_BEGINS = re.compile(rb"From .{0,400}\d\d:\d\d.{0,40}\r?\n?\Z", re.DOTALL)
_LINE = 65_536  # bytes of a line that are looked at together; RFC 5322 §2.1.1 has 998


def mails_in_mailbox(stream: BinaryIO) -> Iterator[bytes | None]:
    """Yield each mail; None for one that is larger than is read."""
    lines: list[bytes] = []
    size, blank, complete = 0, True, True
    while line := stream.readline(_LINE):
        if blank and complete and line.startswith(b"From ") and _BEGINS.match(line):
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
