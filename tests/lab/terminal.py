"""A terminal of 80 columns, and what it shows when a command has ended."""

import contextlib
import os
import pty
import subprocess
from collections.abc import Sequence
from termios import tcsetwinsize

import pyte

from .namespace import environment

COLUMNS, LINES = 80, 25
# What keeps the screen has more, so that nothing scrolls away, and a line that the program left to
# the terminal to wrap stays one.
KEPT_COLUMNS, KEPT_LINES = 1000, 500

QUESTION = b"[y/N]"
"""Answered with no."""


def shown(command: Sequence[str], *, path: str) -> str:
    """Return what a terminal shows of a command's output."""
    terminal, end = pty.openpty()
    tcsetwinsize(terminal, (LINES, COLUMNS))
    process = subprocess.Popen(
        command,
        stdin=end,
        stdout=end,
        stderr=end,
        env=environment({"PATH": path, "TERM": "xterm", "NO_COLOR": "1", "HOME": "/root"}),
    )
    os.close(end)
    wrote = b""
    with contextlib.suppress(OSError):  # what Linux says of a terminal that nobody else has
        while some := os.read(terminal, 65_536):
            asked, wrote = QUESTION in wrote, wrote + some
            if QUESTION in wrote and not asked:
                os.write(terminal, b"n\n")
    os.close(terminal)
    process.wait()
    screen = pyte.Screen(KEPT_COLUMNS, KEPT_LINES)
    pyte.ByteStream(screen).feed(wrote)
    return "\n".join(map(str.rstrip, screen.display)).rstrip() + "\n"
