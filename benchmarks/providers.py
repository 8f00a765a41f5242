"""Cold look-ups of domains that have their mail at a few providers, as most domains have."""

import statistics
from collections.abc import Mapping

import msgspec

from . import cold, contenders
from .bench import Bench
from .contenders import asking
from .load import Sample
from .page import table
from .world import PROVIDER_HOSTS, PROVIDERS, hosted

DOMAINS = 1_000
ROUNDS, QUICK_ROUNDS = 7, 3
REPLY = "OK dane-only"
KINDS: Mapping[str, bool] = {"with an enforced policy": True, "without MTA-STS": False}


class Row(msgspec.Struct, frozen=True):
    """Domains of one kind: medians over the rounds."""

    domains: str
    questions: float
    """To the DNS, for each domain."""
    cpu_ms: float
    p50_ms: float
    seconds: float
    """For all domains."""


class Providers(msgspec.Struct, frozen=True):
    """The rows."""

    rounds: int
    rows: list[Row]

    def markdown(self) -> str:
        heads = ["domains", "questions each", "CPU ms each", "p50 ms", "all, s"]
        cells = [
            [
                row.domains,
                f"{row.questions:.2f}",
                f"{row.cpu_ms:.2f}",
                f"{row.p50_ms:.0f}",
                f"{row.seconds:.2f}",
            ]
            for row in self.rows
        ]
        return (
            f"{DOMAINS:,} domains over {cold.CONNECTIONS} connections, their mail at {PROVIDERS}"
            f" providers with {PROVIDER_HOSTS} MX hosts each, all signed and with TLSA records: the"
            f" answer is `dane-only`. The daemon is started anew for each row; medians of"
            f" {self.rounds} rounds.\n\n{table(heads, cells)}"
        )


class Met(msgspec.Struct, frozen=True):
    """One daemon that met all domains of one kind."""

    questions: int
    load: Sample


def measure(bench: Bench) -> Providers:
    """Ask a new daemon for all domains of each kind in turn, round by round."""
    rounds = QUICK_ROUNDS if bench.quick else ROUNDS
    samples: dict[str, list[Met]] = {name: [] for name in KINDS}
    for number in range(rounds + 1):
        for name, policy in KINDS.items():
            bench.tell(f"providers: round {number} of {rounds}: {name}")
            sample = _discover(bench, policy=policy)
            if number:  # the first round only fills the resolver's cache
                samples[name].append(sample)
    return Providers(rounds, [_summary(name, of_kind) for name, of_kind in samples.items()])


def _discover(bench: Bench, *, policy: bool) -> Met:
    answers = [(hosted(number, policy=policy), REPLY) for number in range(DOMAINS)]
    with contenders.ours(bench) as server:
        before = bench.world.questions()
        sample = cold.discover(bench, asking(bench, server, answers))
        return Met(bench.world.questions() - before, sample)


def _summary(name: str, samples: list[Met]) -> Row:
    loads = [sample.load for sample in samples]
    return Row(
        domains=name,
        questions=statistics.median(sample.questions for sample in samples) / DOMAINS,
        cpu_ms=statistics.median(map(cold.cpu_each, loads)) * 1e3,
        p50_ms=statistics.median(each.outcome.microseconds.p50 for each in loads) / 1e3,
        seconds=statistics.median(each.outcome.seconds for each in loads),
    )
