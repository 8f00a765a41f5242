"""Hot look-ups while the daemon has other work: cold discoveries, and the refresher."""

import itertools
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from . import contenders, load
from .bench import Bench
from .contenders import asking
from .growth import overdue
from .load import Sample, Way
from .page import table
from .servers import Server
from .world import published, wild

AT_ONCE = 256
"""Cold discoveries; the daemon runs no more at a time."""
WAY = Way(connections=32)
ROUNDS, SECONDS = 5, 4.0
QUICK_ROUNDS, QUICK_SECONDS = 2, 2.0
WARM_SECONDS = 120.0
OVERDUE, QUICK_OVERDUE = 10_000, 1_000
COLD_FROM = 1_000_000
"""The first wild domain that nothing else has asked for."""
COLD_PER_SECOND = 2_000
"""More than can be discovered, so that there are always 256 under way."""

ALONE = "nothing else"
BURST = f"a burst of {AT_ONCE} cold look-ups"
STREAM = f"{AT_ONCE} cold look-ups at any time"
REFRESHER = "the refresher, {:,} policies due within a minute"
BOTH = "the refresher, and a burst"


class Row(msgspec.Struct, frozen=True):
    """Hot look-ups beside one kind of work: medians over the rounds."""

    beside: str
    p50: float
    p99: float
    p999: float
    """Microseconds."""
    ratio: float
    """Of p99, to p99 with nothing else in the same round."""
    cold: float
    """Cold look-ups that were answered per second, meanwhile."""


class Interference(msgspec.Struct, frozen=True):
    """The rows."""

    rounds: int
    rows: list[Row]

    def markdown(self) -> str:
        heads = ["meanwhile", "p50 µs", "p99 µs", "p99.9 µs", "p99, ratio to alone", "cold/s"]
        cells = [
            [
                row.beside,
                f"{row.p50:,.0f}",
                f"{row.p99:,.0f}",
                f"{row.p999:,.0f}",
                f"{row.ratio:.1f}",
                f"{row.cold:.0f}",
            ]
            for row in self.rows
        ]
        return (
            "Hot look-ups over 32 connections, each of which asks again at once: the daemon has"
            " no idle moment, and shares two cores with the load, the resolver and the policy"
            f" hosts. Medians of {self.rounds} rounds.\n\n{table(heads, cells)}"
        )


class Work:
    """Cold look-ups of domains that were never asked for before."""

    def __init__(self, bench: Bench, server: Server) -> None:
        self._bench = bench
        self._server = server
        self._numbers = itertools.count(COLD_FROM)

    def none(self, _: float) -> float:
        return 0.0

    def burst(self, _: float) -> float:
        return self._ask(AT_ONCE, WARM_SECONDS)

    def stream(self, seconds: float) -> float:
        return self._ask(int(COLD_PER_SECOND * seconds), seconds)

    def _ask(self, count: int, seconds: float) -> float:
        """Ask for so many new domains, 256 at once; return how many were answered a second."""
        domains = [wild(number) for number in itertools.islice(self._numbers, count)]
        asked = asking(self._bench, self._server, published(*domains))
        outcome = load.ask_once(self._bench.programs, asked, AT_ONCE, seconds).outcome
        return outcome.requests / outcome.seconds


def measure(bench: Bench) -> Interference:
    """Measure hot look-ups alone and beside each work in turn, with and without the refresher."""
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if bench.quick else (ROUNDS, SECONDS)
    due = QUICK_OVERDUE if bench.quick else OVERDUE
    samples: list[dict[str, tuple[Sample, float]]] = [{} for _ in range(rounds)]
    with contenders.ours(bench) as server:
        load.ask_once(bench.programs, server, WAY.connections, WARM_SECONDS)
        work = Work(bench, server)
        kinds = {ALONE: work.none, BURST: work.burst, STREAM: work.stream}
        for number, name in itertools.product(range(rounds), kinds):
            bench.tell(f"interference: round {number + 1} of {rounds}: {name}")
            samples[number][name] = beside(bench, server, kinds[name], seconds)
    with contenders.ours(bench, store=overdue(bench, due)) as server:
        load.ask_once(bench.programs, server, WAY.connections, WARM_SECONDS)
        work = Work(bench, server)
        kinds = {REFRESHER.format(due): work.none, BOTH: work.burst}
        for number, name in itertools.product(range(rounds), kinds):
            bench.tell(f"interference: round {number + 1} of {rounds}: {name}")
            samples[number][name] = beside(bench, server, kinds[name], seconds)
    return Interference(rounds, [summary(name, samples) for name in samples[0]])


def beside(
    bench: Bench, server: Server, work: Callable[[float], float], seconds: float
) -> tuple[Sample, float]:
    """Measure hot look-ups while `work` is done; return how much of it was, too."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work, seconds)
        sample = load.measure(bench.programs, server, WAY, seconds)
        return sample, done.result()


def summary(name: str, samples: list[dict[str, tuple[Sample, float]]]) -> Row:
    hot = [one[name][0].outcome.microseconds for one in samples]
    alone = [one[ALONE][0].outcome.microseconds for one in samples]
    return Row(
        beside=name,
        p50=statistics.median(one.p50 for one in hot),
        p99=statistics.median(one.p99 for one in hot),
        p999=statistics.median(one.p999 for one in hot),
        ratio=statistics.median(
            one.p99 / reference.p99 for one, reference in zip(hot, alone, strict=True)
        ),
        cold=statistics.median(one[name][1] for one in samples),
    )
