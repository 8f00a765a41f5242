"""Whether a process gets at the processors, told by the kernel and by how soon it answers.

A process under SCHED_IDLE beside others that never rest gets some thousandth of a core. It still
answers, and soon where it has little to do: what tells is how little it gets of the time for which
it wants to run.
"""

import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

LOOK = 0.5  # seconds between two looks
# How many looks are judged together: two seconds, within which starvation is to be noticed.
JUDGED = 4
# Who waited for less than this part of that time has hardly anything to do, or is not kept from it.
WAITING = 0.25
# Who got less than this part of the time for which it wanted to run is starved. A thousandth is
# what Linux leaves it beside others that never rest; 256 discoveries are half a second's work, and
# at this part of a core they end just before the time-outs do.
LEAST_SHARE = 0.03
# Who answers within this many seconds waits for nobody; a loop with much to do takes longer.
PROMPT = 0.1
# A host whose idle time has come back for so many seconds rests.
REST = 60.0

_TICKS = os.sysconf("SC_CLK_TCK")


class Scheduling(NamedTuple):
    """What the kernel tells of how it runs a process."""

    used: float
    """Seconds of processor time."""
    waited: float
    """Seconds for which it could have run, and others did; 0 where the kernel does not tell."""
    idle: bool
    """It runs when nobody else wants to: SCHED_IDLE."""
    runnable: bool
    """It has a processor, or waits for one."""


def scheduling_of(pid: int, proc: Path = Path("/proc")) -> Scheduling | None:
    """Return what the kernel tells of `pid`, or None where it cannot be read."""
    try:
        stat = (proc / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # proc(5). The second field is the command in parentheses, and may hold anything.
    fields = stat.rpartition(b")")[2].split()
    state, utime, stime, policy = (fields[number - 3] for number in (3, 14, 15, 41))
    used = (int(utime) + int(stime)) / _TICKS
    waited = 0.0
    with suppress(OSError):  # of a kernel without SCHED_INFO
        # sched-stats.rst in the kernel: nanoseconds on a processor, and waiting for one.
        ran, delayed, _ = (proc / str(pid) / "schedstat").read_bytes().split()
        used, waited = int(ran) / 1e9, int(delayed) / 1e9
    return Scheduling(used, waited, int(policy) == os.SCHED_IDLE, state == b"R")


class _Look(NamedTuple):
    """What had been seen at one time: all but that are sums so far."""

    now: float
    used: float
    waited: float
    unanswered: float


class Pulse:
    """How one process answers and runs. All times are seconds of one clock."""

    def __init__(self, now: float) -> None:
        self.starved = False
        """It got nearly nothing of the time for which it wanted to run, lately."""
        self.silence = 0.0
        """How long it has not answered what it was asked."""
        self.waits_for_answer = False
        self._late_at = now  # when it was last late; its beginning counts as such
        self._counted = now
        self._unanswered = 0.0
        self._looks: deque[_Look] = deque(maxlen=JUDGED + 1)

    def asked(self, now: float) -> None:
        self.waits_for_answer = True
        self._counted, self.silence = now, 0.0

    def answered(self, now: float) -> None:
        self._wait(now)
        self.waits_for_answer, self.silence = False, 0.0

    def look(self, now: float, used: float, waited: float) -> None:
        """Judge by what it has used and waited for in all."""
        self._wait(now)
        self._looks.append(_Look(now, used, waited, self._unanswered))
        first, last = self._looks[0], self._looks[-1]
        # What it waits for now the kernel adds when it is over.
        wanted = max(last.waited - first.waited, last.unanswered - first.unanswered)
        self.starved = (
            len(self._looks) > JUDGED
            and wanted >= WAITING * (last.now - first.now)
            and last.used - first.used < LEAST_SHARE * wanted
        )
        if self.starved:
            self._late_at = now

    def rested(self, now: float) -> bool:
        """Tell whether it has got a processor whenever it wanted one, for long."""
        return now - self._late_at >= REST

    def _wait(self, now: float) -> None:
        if self.waits_for_answer:
            # Where we stood still ourselves, the rest of the time says nothing.
            waited = min(now - self._counted, 2 * LOOK)
            self.silence += waited
            self._unanswered += waited
            if self.silence > PROMPT:
                self._late_at = now
        self._counted = now
