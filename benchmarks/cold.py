"""Cold look-ups: every domain is asked for the first time."""

import statistics
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial

import msgspec

from . import contenders, load
from .bench import Bench
from .busy import elsewhere
from .contenders import MAP_WITHOUT_DANE, OURS, PEER_MEMORY, PEER_SQLITE
from .load import Sample
from .page import table
from .procfs import cpu_seconds
from .quiet import wait_until_idle
from .servers import Server
from .world import LISTED

CONNECTIONS = 64
ROUNDS, QUICK_ROUNDS = 15, 3
SECONDS = 120.0  # far more than it takes
WITHOUT_DANE = f"{OURS}, DANE off for the map"

CONTENDERS: Mapping[str, Callable[[Bench], AbstractContextManager[Server]]] = {
    OURS: contenders.ours,
    WITHOUT_DANE: partial(contenders.ours, name=WITHOUT_DANE, map_name=MAP_WITHOUT_DANE),
    PEER_MEMORY: partial(contenders.peer, name=PEER_MEMORY),
    PEER_SQLITE: partial(contenders.peer, name=PEER_SQLITE),
}


class Row(msgspec.Struct, frozen=True):
    """One server: medians over the rounds."""

    server: str
    cpu_ms: float
    """Milliseconds of CPU per look-up, from the start of the process until it has stored all."""
    ratio: float
    """To that of PEER_MEMORY in the same round."""
    awake_ms: float
    """The same, but from the first answer on, when all has been imported."""
    awake_ratio: float
    p50_ms: float
    p99_ms: float
    seconds: float
    """For all domains."""


class Cold(msgspec.Struct, frozen=True):
    """The rows, and of how many domains."""

    rounds: int
    domains: int
    rows: list[Row]
    dane_ms: float
    """Milliseconds of CPU that DANE adds to a look-up: the median of each round's difference."""

    def markdown(self) -> str:
        heads = ["server", "CPU ms each", "ratio", "without its start", "ratio"]
        heads += ["p50 ms", "p99 ms", "all, s"]
        cells = [
            [
                row.server,
                f"{row.cpu_ms:.2f}",
                f"{row.ratio:.2f}",
                f"{row.awake_ms:.2f}",
                f"{row.awake_ratio:.2f}",
                f"{row.p50_ms:.0f}",
                f"{row.p99_ms:.0f}",
                f"{row.seconds:.2f}",
            ]
            for row in self.rows
        ]
        return (
            f"{self.domains} domains over {CONNECTIONS} connections, each server started anew with"
            f" an empty cache; medians of {self.rounds} rounds. The CPU is all that the server has"
            " used from its start until it rests: what it imports and stores is in it, and spread"
            " over these domains; then the same from its first answer on. The ratios are to"
            f" “{PEER_MEMORY}” in the same round. The policy hosts compute first, as machines"
            " elsewhere would, and share this one: the times are theirs,"
            f" too.\n\n{table(heads, cells)}\n\n"
            f"DANE adds {self.dane_ms:.2f} ms of CPU: the median of the differences within a round."
        )


class Met(msgspec.Struct, frozen=True):
    """One server that met all domains."""

    load: Sample
    started: float
    """CPU-seconds that it had used before."""

    @property
    def each(self) -> float:
        """Seconds of CPU for one look-up, the start left out."""
        return self.load.cpu / self.load.outcome.requests

    @property
    def each_with_start(self) -> float:
        return (self.started + self.load.cpu) / self.load.outcome.requests


def measure(bench: Bench) -> Cold:
    """Start each server in turn, let it discover every domain, and end it; round by round."""
    rounds = QUICK_ROUNDS if bench.quick else ROUNDS
    samples: dict[str, list[Met]] = {name: [] for name in CONTENDERS}
    with elsewhere(bench.world):
        for number in range(rounds + 1):
            for name, contender in CONTENDERS.items():
                bench.tell(f"cold: round {number} of {rounds}: {name}")
                with contender(bench) as server:
                    met = discover(bench, server)
                if number:  # the first round only fills the resolver's cache
                    samples[name].append(met)
    reference = samples[PEER_MEMORY]
    rows = [summary(name, samples[name], reference) for name in CONTENDERS]
    pairs = zip(samples[OURS], samples[WITHOUT_DANE], strict=True)
    added = statistics.median(with_dane.each - without.each for with_dane, without in pairs)
    return Cold(rounds, LISTED, rows, added * 1e3)


def discover(bench: Bench, server: Server) -> Met:
    """Ask for each domain once, and wait until the server has finished."""
    before = cpu_seconds(server.pid)
    sample = load.ask_once(bench.programs, server, CONNECTIONS, SECONDS)
    wait_until_idle(server.pid)
    used = cpu_seconds(server.pid) - before
    return Met(msgspec.structs.replace(sample, cpu=used), before)


def summary(name: str, samples: list[Met], reference: list[Met]) -> Row:
    outcomes = [sample.load.outcome for sample in samples]
    pairs = list(zip(samples, reference, strict=True))
    return Row(
        server=name,
        cpu_ms=statistics.median(sample.each_with_start for sample in samples) * 1e3,
        ratio=statistics.median(a.each_with_start / b.each_with_start for a, b in pairs),
        awake_ms=statistics.median(sample.each for sample in samples) * 1e3,
        awake_ratio=statistics.median(a.each / b.each for a, b in pairs),
        p50_ms=statistics.median(outcome.microseconds.p50 for outcome in outcomes) / 1e3,
        p99_ms=statistics.median(outcome.microseconds.p99 for outcome in outcomes) / 1e3,
        seconds=statistics.median(outcome.seconds for outcome in outcomes),
    )
