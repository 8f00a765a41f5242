"""`python -m benchmarks.watched serve ...`: this daemon, and how long each turn of its loop takes.

At SIGUSR2 it writes to its standard error the longest turns since the last time, as `turns: JSON`.
The loop never rests here: each turn begins the next.
"""

import asyncio
import heapq
import signal
import sys
import time

import msgspec

LONGEST = 1_000
"""So many turns are told at most: of a second that never rests, a hundredth."""
MARK = "turns: "


class Turns(msgspec.Struct, frozen=True):
    """Turns of the loop."""

    count: int
    longest_cpu: list[float]
    """Seconds of the thread's processor time: what others took from the processor is not in it."""
    longest_wall: list[float]


class Watch:
    """Measures each turn by being in it once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._cpu, self._wall = time.thread_time(), time.perf_counter()
        self._begin()
        loop.add_signal_handler(signal.SIGUSR2, self._tell)
        loop.call_soon(self._turn)

    def _begin(self) -> None:
        self._count = 0
        self._longest_cpu: list[float] = [0.0] * LONGEST
        self._longest_wall: list[float] = [0.0] * LONGEST

    def _turn(self) -> None:
        cpu, wall = time.thread_time(), time.perf_counter()
        self._count += 1
        if cpu - self._cpu > self._longest_cpu[0]:
            heapq.heapreplace(self._longest_cpu, cpu - self._cpu)
        if wall - self._wall > self._longest_wall[0]:
            heapq.heapreplace(self._longest_wall, wall - self._wall)
        self._cpu, self._wall = time.thread_time(), time.perf_counter()
        self._loop.call_soon(self._turn)

    def _tell(self) -> None:
        longest_cpu = sorted(self._longest_cpu, reverse=True)
        told = Turns(self._count, longest_cpu, sorted(self._longest_wall, reverse=True))
        sys.stderr.write(f"{MARK}{msgspec.json.encode(told).decode()}\n")
        self._begin()
        self._cpu, self._wall = time.thread_time(), time.perf_counter()  # of none of them


if __name__ == "__main__":
    from mtasts_resolver.cli import main
    from mtasts_resolver.control.answering import AnsweringParts
    from mtasts_resolver.daemon import run

    begin = run.Daemon._begin  # noqa: SLF001  the daemon has no place for a watch, and needs none

    def watched(self: run.Daemon, answering: AnsweringParts) -> None:
        begin(self, answering)
        Watch(asyncio.get_running_loop())

    run.Daemon._begin = watched  # type: ignore[method-assign]  # noqa: SLF001
    main()
