"""Hot look-ups: everything is cached, and nothing but the answering is measured."""

import statistics
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import msgspec

from . import contenders, load
from .bench import Bench
from .contenders import LIMIT, OURS_UNIX, PEER_MEMORY, PEER_SQLITE
from .load import Sample, Way
from .page import paragraphs, table
from .servers import Also, Server
from .world import LISTED, listed

WAYS = {
    "32 connections": Way(connections=32),
    "1 connection": Way(),
    "64 pipelined": Way(depth=64),
    "connect per look-up": Way(connections=32, reconnect=True),
    "connect, 8 at once": Way(connections=8, reconnect=True),
}
TAIL = "32 connections"
"""The way whose 99th percentile is shown."""

ROUNDS, SECONDS = 7, 2.0
QUICK_ROUNDS, QUICK_SECONDS = 3, 0.5
WARM_CONNECTIONS = 16
WARM_SECONDS = 120.0  # to discover every domain for the first time
SETTLE_SECONDS = 1.0  # of load that is not measured, so that what is lazy is done


class Row(msgspec.Struct, frozen=True):
    """One server: medians over the rounds."""

    server: str
    cpu: dict[str, float]
    """CPU-seconds per million look-ups, by the way of asking."""
    ratio: dict[str, float]
    """The same, divided by the limit's in the same round."""
    p99: float
    """Microseconds."""
    p99_ratio: float
    """To the limit's."""
    lookups_per_second: float
    """At 32 connections; the load shares the machine."""


class Hot(msgspec.Struct, frozen=True):
    """The rows, and how often and how long each was measured."""

    rounds: int
    seconds: float
    rows: list[Row]

    def markdown(self) -> str:
        heads = ["server", *WAYS, "p99 µs at 32", "look-ups/s at 32"]
        absolute = [
            [
                row.server,
                *(f"{row.cpu[way]:.3g}" for way in WAYS),
                f"{row.p99:,.0f}",
                f"{row.lookups_per_second:,.0f}",
            ]
            for row in self.rows
        ]
        ratios = [
            [row.server, *(f"{row.ratio[way]:.2f}" for way in WAYS), f"{row.p99_ratio:.2f}"]
            for row in self.rows
        ]
        return paragraphs(
            f"CPU-seconds of the server per million look-ups: medians of {self.rounds} rounds,"
            f" in each of which every server was asked in turn, {self.seconds:g} s each way;"
            f" {LISTED} domains with an enforced policy, every reply compared.",
            table(heads, absolute),
            f"The same as multiples of “{LIMIT}” in the same round, medians:",
            table(heads[:-1], ratios),
        )


def measure(bench: Bench) -> Hot:
    """Drive all servers in turn, round by round."""
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if bench.quick else (ROUNDS, SECONDS)
    with ExitStack() as stack:
        started = [stack.enter_context(one) for one in everyone(bench)]
        for server in started:
            load.measure(bench.programs, server, WAYS[TAIL], SETTLE_SECONDS)
        samples: list[dict[str, dict[str, Sample]]] = []
        for number in range(rounds):
            samples.append({server.name: {} for server in started})
            for way_name, way in WAYS.items():
                for server in started:
                    bench.tell(f"hot: round {number + 1} of {rounds}, {way_name}: {server.name}")
                    sample = load.measure(bench.programs, server, way, seconds)
                    samples[-1][server.name][way_name] = sample
    return Hot(rounds, seconds, [summary(server.name, samples) for server in started])


def summary(name: str, samples: list[dict[str, dict[str, Sample]]]) -> Row:
    """Return the medians of one server over all rounds."""

    def median(values: Iterator[float]) -> float:
        return statistics.median(values)

    return Row(
        server=name,
        cpu={way: median(one[name][way].per_million for one in samples) for way in WAYS},
        ratio={
            way: median(one[name][way].per_million / one[LIMIT][way].per_million for one in samples)
            for way in WAYS
        },
        p99=median(one[name][TAIL].outcome.microseconds.p99 for one in samples),
        p99_ratio=median(
            one[name][TAIL].outcome.microseconds.p99 / one[LIMIT][TAIL].outcome.microseconds.p99
            for one in samples
        ),
        lookups_per_second=median(
            one[name][TAIL].outcome.requests / one[name][TAIL].outcome.seconds for one in samples
        ),
    )


def everyone(bench: Bench) -> list[AbstractContextManager[Server]]:
    """Return the servers to start, each warm once it is entered."""
    also = [started_by_others(bench, one) for one in bench.also]
    own = [
        contenders.limit(bench),
        contenders.ours(bench),
        contenders.ours(bench, name=OURS_UNIX, unix=True),
        contenders.peer(bench, PEER_MEMORY),
        contenders.peer(bench, PEER_SQLITE),
    ]
    return [*(warmed(bench, one) for one in own), *also]


@contextmanager
def warmed(bench: Bench, contender: AbstractContextManager[Server]) -> Iterator[Server]:
    """Start a server, and ask it for every domain: from then on everything is cached."""
    with contender as server:
        bench.tell(f"warming {server.name}")
        load.ask_once(bench.programs, server, WARM_CONNECTIONS, WARM_SECONDS)
        yield server


@contextmanager
def started_by_others(bench: Bench, also: Also) -> Iterator[Server]:
    """Give a server of `--also`: what it says when warmed is what it must say from then on."""
    keys = bench.directory / f"also-{bench.number()}.keys"
    load.write_keys(keys, also.map_name, ((listed(number), "") for number in range(LISTED)))
    server = Server(also.name, f"inet:{also.host}:{also.port}", also.map_name, also.pid, keys)
    warm_options = (f"--connections={WARM_CONNECTIONS}", "--once=1", f"--learn={keys}")
    for _ in range(2):  # what a server says while it still looks is not what it says in the end
        load.run(bench.programs, server, *warm_options, seconds=WARM_SECONDS)
    yield server
