"""What the kernel tells of a process: proc(5)."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
"""Ticks per second: the unit of utime and stime, and so the grain of what is measured."""

PROC = Path("/proc")


def cpu_seconds(pid: int, proc: Path = PROC) -> float:
    """Return utime + stime of a process, all its threads and its children, dead or alive."""
    stats = [(proc / str(one) / "stat").read_text() for one in family(pid, proc)]
    return sum(map(_cpu_ticks, stats)) / TICKS


def resident_bytes(pid: int, proc: Path = PROC) -> int:
    """Return the memory of a process and its living children: of one alone, what VmRSS says.

    What one has for itself is added up. What it shares, of libraries and the interpreter, is there
    but once for all of them: the largest share counts.
    """
    maps = [_memory((proc / str(one) / "smaps_rollup").read_text()) for one in family(pid, proc)]
    return sum(memory.private for memory in maps) + max(memory.shared for memory in maps)


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


class _Memory(NamedTuple):
    """Resident bytes."""

    private: int
    shared: int


def _memory(rollup: str) -> _Memory:
    """Read smaps_rollup; a kernel thread, or a process that has just ended, has nothing in it."""
    sizes = {"Private": 0, "Shared": 0}
    for line in rollup.splitlines():
        name, _, value = line.partition(":")
        kind = name.partition("_")[0]
        if kind in sizes and not name.endswith("_Hugetlb"):
            kibibytes, unit = value.split()
            if unit != "kB":
                raise ValueError(f"{name} is told in {unit}, not kB")
            sizes[kind] += int(kibibytes) * 1024
    return _Memory(sizes["Private"], sizes["Shared"])
