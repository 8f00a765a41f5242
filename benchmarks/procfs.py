"""What the kernel tells of a process: proc(5)."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
"""Ticks per second: the unit of utime and stime, and so the grain of what is measured."""

PROC = Path("/proc")


def cpu_seconds(pid: int, proc: Path = PROC) -> float:
    """Return utime + stime of a process, all its threads and its children, dead or alive."""
    stats = [(proc / str(one) / "stat").read_text() for one in family(pid, proc)]
    return sum(map(_cpu_ticks, stats)) / TICKS


def resident_bytes(pid: int, proc: Path = PROC) -> int:
    """Return the resident memory (VmRSS) of a process and its living children."""
    return sum(_resident((proc / str(one) / "status").read_text()) for one in family(pid, proc))


def family(pid: int, proc: Path = PROC) -> Iterator[int]:
    """Yield a process and its living descendants."""
    yield pid
    for child in children(pid, proc):
        yield from family(child, proc)


def children(pid: int, proc: Path = PROC) -> list[int]:
    """Return the living children of all threads of a process."""
    found = []
    for thread in (proc / str(pid) / "task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended just now
            found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def _cpu_ticks(stat: str) -> int:
    """Return utime, stime, cutime and cstime together: fields 14 to 17.

    The second field is the command in parentheses, and may hold spaces and parentheses itself.
    """
    after_command = stat.rpartition(")")[2].split()
    return sum(map(int, after_command[11:15]))


def _resident(status: str) -> int:
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            kibibytes, unit = value.split()
            if unit != "kB":
                raise ValueError(f"VmRSS is told in {unit}, not kB")
            return int(kibibytes) * 1024
    return 0  # a kernel thread, or a process that has just ended
