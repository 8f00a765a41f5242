"""Cold look-ups: every domain is asked for the first time."""

import statistics
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial

import msgspec

from . import contenders, load
from .bench import Bench
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
    """Milliseconds of CPU per look-up, with what is done after the answer: storing the policy."""
    ratio: float
    """To the CPU of PEER_MEMORY in the same round."""
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
        heads = ["server", "CPU ms each", "ratio", "p50 ms", "p99 ms", "all, s"]
        cells = [
            [
                row.server,
                f"{row.cpu_ms:.2f}",
                f"{row.ratio:.2f}",
                f"{row.p50_ms:.0f}",
                f"{row.p99_ms:.0f}",
                f"{row.seconds:.2f}",
            ]
            for row in self.rows
        ]
        return (
            f"{self.domains} domains over {CONNECTIONS} connections, each server started anew with"
            f" an empty cache; medians of {self.rounds} rounds. The CPU is the server's until it"
            f" rests, so that storing is in it; the ratio is to that of “{PEER_MEMORY}” in the same"
            " round. The resolver and the policy hosts share the machine: the times are theirs,"
            f" too.\n\n{table(heads, cells)}\n\n"
            f"DANE adds {self.dane_ms:.2f} ms of CPU: the median of the differences within a round."
        )


def measure(bench: Bench) -> Cold:
    """Start each server in turn, let it discover every domain, and end it; round by round."""
    rounds = QUICK_ROUNDS if bench.quick else ROUNDS
    samples: dict[str, list[Sample]] = {name: [] for name in CONTENDERS}
    for number in range(rounds + 1):
        for name, contender in CONTENDERS.items():
            bench.tell(f"cold: round {number} of {rounds}: {name}")
            with contender(bench) as server:
                sample = discover(bench, server)
            if number:  # the first round only fills the resolver's cache
                samples[name].append(sample)
    reference = samples[PEER_MEMORY]
    rows = [summary(name, samples[name], reference) for name in CONTENDERS]
    pairs = zip(samples[OURS], samples[WITHOUT_DANE], strict=True)
    added = statistics.median(
        cpu_each(with_dane) - cpu_each(without) for with_dane, without in pairs
    )
    return Cold(rounds, LISTED, rows, added * 1e3)


def cpu_each(sample: Sample) -> float:
    """Return the seconds of CPU for one look-up."""
    return sample.cpu / sample.outcome.requests


def discover(bench: Bench, server: Server) -> Sample:
    """Ask for each domain once, and wait until the server has finished."""
    before = cpu_seconds(server.pid)
    sample = load.ask_once(bench.programs, server, CONNECTIONS, SECONDS)
    wait_until_idle(server.pid)
    return msgspec.structs.replace(sample, cpu=cpu_seconds(server.pid) - before)


def summary(name: str, samples: list[Sample], reference: list[Sample]) -> Row:
    outcomes = [sample.outcome for sample in samples]
    return Row(
        server=name,
        cpu_ms=statistics.median(map(cpu_each, samples)) * 1e3,
        ratio=statistics.median(
            sample.cpu / other.cpu for sample, other in zip(samples, reference, strict=True)
        ),
        p50_ms=statistics.median(outcome.microseconds.p50 for outcome in outcomes) / 1e3,
        p99_ms=statistics.median(outcome.microseconds.p99 for outcome in outcomes) / 1e3,
        seconds=statistics.median(outcome.seconds for outcome in outcomes),
    )
