"""Cold look-ups beside processes that never rest, in no cgroup of the daemon's own."""

import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import msgspec

from . import contenders, load
from .bench import Bench
from .contenders import asking
from .interference import COLD_FROM
from .load import Outcome
from .page import table
from .servers import Server
from .world import World, published, wild

DOMAINS, CONNECTIONS = 16, 4
SECONDS = 60.0  # for all of them: three times what the daemon takes for one at most
ROUNDS, QUICK_ROUNDS = 9, 3
BUSY_PER_PROCESSOR = 2
SETTLED = 4.0  # seconds: whatever the daemon makes of a busy host, it has done by then
HIGHEST = -20  # nice(2)
BUSY = "while True: pass"
FAIR_MODULE = "benchmarks.fair"

RESTS = "the host rests"
FAIR = "beside {} busy processes, if the discoverer had the usual policy"
SETTLED_ROW = "beside {} busy processes"
AT_ONCE = "the same, asked in the instant in which they begin"


class Row(msgspec.Struct, frozen=True):
    """New domains in one state of the host: medians over the rounds."""

    state: str
    p50_ms: float
    slowest_ms: float
    ratio: float
    """Of p50, to that with fair shares in the same round."""
    deferred: int
    """Look-ups of all rounds that were put off."""


class Busy(msgspec.Struct, frozen=True):
    """The rows."""

    rounds: int
    rows: list[Row]

    def markdown(self) -> str:
        heads = ["", "p50 ms", "slowest ms", "p50, ratio to fair shares", "deferred"]
        cells = [
            [
                row.state,
                f"{row.p50_ms:,.0f}",
                f"{row.slowest_ms:,.0f}",
                f"{row.ratio:.1f}",
                f"{row.deferred}",
            ]
            for row in self.rows
        ]
        return (
            f"{DOMAINS} domains that were never asked for, {CONNECTIONS} at a time, and processes"
            f" that never rest, {BUSY_PER_PROCESSOR} for each processor, in the daemon's own"
            f" cgroup. Medians of {self.rounds} rounds, each with new daemons. The policy hosts"
            f" compute first here, as machines elsewhere would.\n\n{table(heads, cells)}"
        )


def measure(bench: Bench) -> Busy:
    """Ask for new domains in each state of the host in turn, round by round."""
    rounds = QUICK_ROUNDS if bench.quick else ROUNDS
    numbers = itertools.count(COLD_FROM)
    ask = partial(_ask, bench, numbers)
    busy = BUSY_PER_PROCESSOR * (os.cpu_count() or 1)
    samples: list[Mapping[str, Outcome]] = []
    with elsewhere(bench.world):
        for number in range(rounds):
            bench.tell(f"busy: round {number + 1} of {rounds}")
            outcomes: dict[str, Outcome] = {}
            with contenders.ours(bench) as server:
                outcomes[RESTS] = ask(server)
                with busy_processes(busy):
                    outcomes[AT_ONCE] = ask(server)
                    time.sleep(SETTLED)
                    outcomes[SETTLED_ROW.format(busy)] = ask(server)
            with contenders.ours(bench, module=FAIR_MODULE) as server, busy_processes(busy):
                time.sleep(SETTLED)
                outcomes[FAIR.format(busy)] = ask(server)
            samples.append(outcomes)
    return Busy(rounds, [summary(name, samples, FAIR.format(busy)) for name in samples[0]])


def _ask(bench: Bench, numbers: Iterator[int], server: Server) -> Outcome:
    domains = [wild(number) for number in itertools.islice(numbers, DOMAINS)]
    asked = asking(bench, server, published(*domains))
    return load.ask_once(bench.programs, asked, CONNECTIONS, SECONDS, may_defer=True).outcome


@contextmanager
def elsewhere(world: World) -> Iterator[None]:
    """Have the policy hosts answer as machines elsewhere would, whatever this one does."""
    os.sched_setscheduler(world.hosts, os.SCHED_OTHER, os.sched_param(0))
    os.setpriority(os.PRIO_PROCESS, world.hosts, HIGHEST)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, world.hosts, 0)
        os.sched_setscheduler(world.hosts, os.SCHED_IDLE, os.sched_param(0))


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Run so many processes that never rest."""
    processes = [
        subprocess.Popen([sys.executable, "-c", BUSY])  # noqa: S603  a loop of our own
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def summary(name: str, samples: list[Mapping[str, Outcome]], fair: str) -> Row:
    outcomes = [one[name] for one in samples]
    return Row(
        state=name,
        p50_ms=statistics.median(one.microseconds.p50 for one in outcomes) / 1e3,
        slowest_ms=statistics.median(one.microseconds.max for one in outcomes) / 1e3,
        ratio=statistics.median(
            one[name].microseconds.p50 / one[fair].microseconds.p50 for one in samples
        ),
        deferred=sum(one.deferred for one in outcomes),
    )
