"""Hosts that log as Postfix does: processes that are at work side by side, and their lines."""

import heapq
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random

SERVED = 100  # max_use: what a process does before it ends


class _Pool:
    """Processes of one service: each is busy until a time, and ends after so many services."""

    def __init__(self, random: Random) -> None:
        self._free: list[tuple[float, int, int]] = []
        self._random = random

    def take(self, at: float, until: float) -> int:
        """Return a process that is free from `at` on, and busy until then."""
        if self._free and self._free[0][0] < at:
            _, pid, served = heapq.heappop(self._free)
        else:
            pid, served = self._random.randrange(1_000, 4_000_000), 0
        if served + 1 < SERVED:
            heapq.heappush(self._free, (until + 0.01, pid, served + 1))
        return pid


class LogHost:
    """One that logs: its processes, and its lines in the order of time."""

    def __init__(self, name: str, head: Callable[[float], str], random: Random) -> None:
        self.name = name
        self.head = head
        self._random = random
        self._pools: dict[str, _Pool] = {}
        self._waiting: list[tuple[float, int, str]] = []
        self._number = 0

    def process(self, service: str, at: float, until: float) -> str:
        """Return how a process of a service names itself, from `at` until then."""
        pool = self._pools.setdefault(service, _Pool(self._random))
        return f"{service}[{pool.take(at, until)}]"

    def log(self, at: float, program: str, message: str) -> None:
        """Have a line written when its time has come."""
        self._number += 1
        heapq.heappush(self._waiting, (at, self._number, f"{program}: {message}\n"))

    def due(self, until: float) -> Iterator[str]:
        """Yield the lines until a time."""
        while self._waiting and self._waiting[0][0] <= until:
            at, _, text = heapq.heappop(self._waiting)
            yield f"{self.head(at)} {self.name} {text}"


class SyslogTime:
    """A time as syslog has it; it is the same for many lines."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, at: float) -> str:
        if int(at) != self._second:
            self._second = int(at)
            moment = datetime.fromtimestamp(self._second, UTC)
            self._text = f"{moment:%b} {moment.day:2} {moment:%H:%M:%S}"
        return self._text


def iso_time(at: float) -> str:
    """Return a time in ISO 8601, with microseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
