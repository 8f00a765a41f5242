"""Waiting until a server rests."""

import time

from .build import BenchError
from .procfs import cpu_seconds

WINDOW = 0.5  # seconds to look at: what waits for a batch to fill is written within a second
WINDOWS = 3  # in a row that must be quiet
IDLE = 0.03  # of a core: timers, and the grain of what the kernel tells
PATIENCE = 300.0  # seconds; a daemon that still works then does so for ever


def wait_until_idle(pid: int, *, at_least: float = 0.0) -> None:
    """Return when a process has all but ceased to use CPU, but not before so many seconds.

    Raise BenchError if that never comes.
    """
    deadline = time.monotonic() + at_least + PATIENCE
    time.sleep(at_least)
    quiet, last = 0, cpu_seconds(pid)
    while quiet < WINDOWS:
        if time.monotonic() > deadline:
            raise BenchError(f"process {pid} still works after {PATIENCE:.0f} s")
        time.sleep(WINDOW)
        now = cpu_seconds(pid)
        quiet = quiet + 1 if now - last <= IDLE * WINDOW else 0
        last = now
