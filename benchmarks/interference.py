"""Hot look-ups while the daemon has other work: cold discoveries, and the refresher."""

import itertools
import statistics
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec

from . import contenders, load
from .bench import Bench
from .contenders import asking
from .growth import overdue
from .load import Outcome, Sample, Way
from .page import table
from .servers import Server
from .world import published, wild

AT_ONCE = 256
"""Cold discoveries; the daemon runs no more at a time."""
WAY = Way(connections=32)
ROUNDS, SECONDS = 9, 4.0
QUICK_ROUNDS, QUICK_SECONDS = 3, 2.0
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
    deferred: int
    """Cold look-ups, of all rounds together, that were put off: the machine was too busy."""


class Interference(msgspec.Struct, frozen=True):
    """The rows."""

    rounds: int
    rows: list[Row]

    def markdown(self) -> str:
        heads = [
            "meanwhile",
            "p50 µs",
            "p99 µs",
            "p99.9 µs",
            "p99, ratio to alone",
            "cold/s",
            "deferred",
        ]
        cells = [
            [
                row.beside,
                f"{row.p50:,.0f}",
                f"{row.p99:,.0f}",
                f"{row.p999:,.0f}",
                f"{row.ratio:.1f}",
                f"{row.cold:.0f}",
                f"{row.deferred}",
            ]
            for row in self.rows
        ]
        return (
            "Hot look-ups over 32 connections, each of which asks again at once: the daemon has"
            " no idle moment, and shares two cores with the load, the resolver and the policy"
            f" hosts. Medians of {self.rounds} rounds, each with new daemons; of the cold look-ups,"
            " how many a second were answered, and how many of all rounds were put off (TEMP),"
            " since the loaded machine could not do them in time. Any other answer than the"
            " policy's would end the run."
            f"\n\n{table(heads, cells)}"
        )


Pair = tuple[Sample, Outcome | None]
"""What came of the hot look-ups, and of the cold ones if there were any."""


class Work:
    """Cold look-ups of domains that were never asked for before."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._numbers = itertools.count(COLD_FROM)

    def none(self, _server: Server, _seconds: float) -> Outcome | None:
        return None

    def burst(self, server: Server, _seconds: float) -> Outcome | None:
        return self._ask(server, AT_ONCE, WARM_SECONDS)

    def stream(self, server: Server, seconds: float) -> Outcome | None:
        return self._ask(server, int(COLD_PER_SECOND * seconds), seconds)

    def _ask(self, server: Server, count: int, seconds: float) -> Outcome:
        """Ask for so many new domains, 256 at once. Some may be put off; none may go wrong."""
        domains = [wild(number) for number in itertools.islice(self._numbers, count)]
        asked = asking(self._bench, server, published(*domains))
        programs = self._bench.programs
        return load.ask_once(programs, asked, AT_ONCE, seconds, may_defer=True).outcome


Kind = Callable[[Server, float], Outcome | None]
"""What is done meanwhile, given the server and the seconds that there are."""
Kinds = Mapping[str, Kind]


def measure(bench: Bench) -> Interference:
    """Measure hot look-ups alone and beside each work, with and without the refresher, in turn."""
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if bench.quick else (ROUNDS, SECONDS)
    due = QUICK_OVERDUE if bench.quick else OVERDUE
    work = Work(bench)
    at_rest: Kinds = {ALONE: work.none, BURST: work.burst, STREAM: work.stream}
    refreshing: Kinds = {REFRESHER.format(due): work.none, BOTH: work.burst}
    samples: list[dict[str, Pair]] = []
    for number in range(rounds):
        bench.tell(f"interference: round {number + 1} of {rounds}")
        with contenders.ours(bench) as server:
            pairs = each(bench, server, at_rest, seconds)
        with contenders.ours(bench, store=overdue(bench, due)) as server:
            pairs |= each(bench, server, refreshing, seconds)
        samples.append(pairs)
    return Interference(rounds, [summary(name, samples) for name in samples[0]])


def each(bench: Bench, server: Server, kinds: Kinds, seconds: float) -> dict[str, Pair]:
    """Measure hot look-ups beside each kind of work in turn."""
    load.ask_once(bench.programs, server, WAY.connections, WARM_SECONDS)
    return {name: beside(bench, server, kind, seconds) for name, kind in kinds.items()}


def beside(bench: Bench, server: Server, kind: Kind, seconds: float) -> Pair:
    """Measure hot look-ups beside one kind of work; return what came of both."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(kind, server, seconds)
        sample = load.measure(bench.programs, server, WAY, seconds)
        return sample, done.result()


def summary(name: str, samples: list[dict[str, Pair]]) -> Row:
    hot = [one[name][0].outcome.microseconds for one in samples]
    colds = [cold for one in samples if (cold := one[name][1]) is not None]
    alone = [one[ALONE][0].outcome.microseconds for one in samples]
    return Row(
        beside=name,
        p50=statistics.median(one.p50 for one in hot),
        p99=statistics.median(one.p99 for one in hot),
        p999=statistics.median(one.p999 for one in hot),
        ratio=statistics.median(
            one.p99 / reference.p99 for one, reference in zip(hot, alone, strict=True)
        ),
        cold=statistics.median(cold.requests / cold.seconds for cold in colds) if colds else 0.0,
        deferred=sum(cold.deferred for cold in colds),
    )
