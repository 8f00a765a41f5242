"""Cold look-ups of domains with their mail at a few providers: what memory of the DNS saves."""

import statistics
from collections.abc import Mapping

import msgspec

from . import cold, contenders
from .bench import Bench
from .contenders import asking
from .page import table
from .world import PROVIDER_HOSTS, PROVIDERS, hosted

DOMAINS = 1_000
ROUNDS, QUICK_ROUNDS = 7, 3
REPLY = "OK dane-only"
KINDS: Mapping[str, bool] = {"with an enforced policy": True, "without MTA-STS": False}
MODULES: Mapping[str, str] = {
    "{}": "mtasts_resolver",
    "{}, each host asked for anew": "benchmarks.forgetful",
}


class Row(msgspec.Struct, frozen=True):
    """Domains of one kind and one daemon: medians over the rounds."""

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


def measure(bench: Bench) -> Providers:
    """Ask a new daemon for all domains of each kind in turn, round by round."""
    rounds = QUICK_ROUNDS if bench.quick else ROUNDS
    rows = {
        text.format(kind): (module, policy)
        for kind, policy in KINDS.items()
        for text, module in MODULES.items()
    }
    samples: dict[str, list[tuple[int, cold.Met]]] = {name: [] for name in rows}
    for number in range(rounds + 1):
        for name, (module, policy) in rows.items():
            bench.tell(f"providers: round {number} of {rounds}: {name}")
            sample = _discover(bench, module, policy=policy)
            if number:  # the first round only fills the resolver's cache
                samples[name].append(sample)
    return Providers(rounds, [_summary(name, of_kind) for name, of_kind in samples.items()])


def _discover(bench: Bench, module: str, *, policy: bool) -> tuple[int, cold.Met]:
    answers = [(hosted(number, policy=policy), REPLY) for number in range(DOMAINS)]
    with contenders.ours(bench, module=module) as server:
        before = bench.world.questions()
        met = cold.discover(bench, asking(bench, server, answers))
        return bench.world.questions() - before, met


def _summary(name: str, samples: list[tuple[int, cold.Met]]) -> Row:
    met = [each for _, each in samples]
    outcomes = [each.load.outcome for each in met]
    return Row(
        domains=name,
        questions=statistics.median(questions for questions, _ in samples) / DOMAINS,
        cpu_ms=statistics.median(each.each for each in met) * 1e3,
        p50_ms=statistics.median(outcome.microseconds.p50 for outcome in outcomes) / 1e3,
        seconds=statistics.median(outcome.seconds for outcome in outcomes),
    )
