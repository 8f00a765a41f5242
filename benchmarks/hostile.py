"""Cold look-ups of healthy domains beside hostile ones.

`python -m benchmarks.hostile PORT KIND...` asks for hostile domains again and again.
"""

import asyncio
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from tests.lab.stream import end, text_stream

from . import contenders, load
from .bench import Bench
from .busy import elsewhere
from .contenders import MAP, asking
from .enemies import ENEMIES, ENEMY_CA_FILE, ENEMY_RESOLVER, KINDS, enemy
from .interference import COLD_FROM
from .load import Outcome
from .page import table
from .servers import Server
from .world import CA_FILE, published, wild

HEALTHY, CONNECTIONS = 20, 4
"""In a batch, of which there is one after the other."""
SECONDS = 12.0
"""That batches begin in: longer than a fetch may take."""
PATIENCE = 60.0
ROUNDS, QUICK_ROUNDS = 3, 1
PAUSE = 1.0
"""Seconds after which a hostile domain is asked for again."""
ALONE, ALL = "nothing else", "all kinds"
WORDS = {
    "continue": "endless 100 Continue",
    "chunks": "endless chunks of one byte",
    "drip": "a body of one byte a second",
    "reset": "a reset after the request",
    "mx": "8,000 mx lines",
    "cnames": "64 kB of CNAME records in each answer of DNS",
    "txt": "64 kB of TXT records in each answer of DNS",
    "silent": "no answer of DNS",
}


class Row(msgspec.Struct, frozen=True):
    """Healthy domains beside one kind of hostile ones: medians over the rounds."""

    beside: str
    p50_ms: float
    slowest_ms: float
    ratio: float
    """Of p50, to that with nothing else in the same round."""
    healthy: int
    """Look-ups of all rounds together."""
    deferred: int
    """How many of them were put off."""


class Hostile(msgspec.Struct, frozen=True):
    """The rows."""

    rounds: int
    rows: list[Row]

    def markdown(self) -> str:
        heads = ["beside", "p50 ms", "slowest ms", "p50, ratio to alone", "look-ups", "deferred"]
        cells = [
            [
                row.beside,
                f"{row.p50_ms:,.0f}",
                f"{row.slowest_ms:,.0f}",
                f"{row.ratio:.1f}",
                f"{row.healthy:,}",
                f"{row.deferred}",
            ]
            for row in self.rows
        ]
        return (
            f"New domains, {CONNECTIONS} at a time, beside {ENEMIES} hostile ones, each of which is"
            " asked for again a second after its answer; from the instant in which all of them are"
            f" asked for the first time. Medians of {self.rounds} rounds, each row with a new"
            f" daemon.\n\n{table(heads, cells)}"
        )


def measure(bench: Bench, kinds: Sequence[str] = KINDS) -> Hostile:
    """Ask for healthy domains beside each kind of hostile ones, round by round."""
    rounds = QUICK_ROUNDS if bench.quick else ROUNDS
    numbers = itertools.count(COLD_FROM)
    samples: list[dict[str, list[Outcome]]] = []
    beside: dict[str, list[str]] = {ALONE: [], ALL: list(kinds)}
    beside |= {WORDS[kind]: [kind] for kind in kinds}
    with enemies(bench), elsewhere(bench.world):
        for number in range(rounds):
            outcomes = {}
            for name, hostile in beside.items():
                bench.tell(f"hostile: round {number + 1} of {rounds}: {name}")
                with ours(bench) as server, asked_again(bench, server, hostile):
                    outcomes[name] = healthy(bench, server, numbers)
            samples.append(outcomes)
    return Hostile(rounds, [summary(name, samples) for name in beside])


def healthy(bench: Bench, server: Server, numbers: Iterator[int]) -> list[Outcome]:
    """Ask for healthy domains, batch by batch."""
    outcomes = []
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        domains = [wild(number) for number in itertools.islice(numbers, HEALTHY)]
        asked = asking(bench, server, published(*domains))
        one = load.ask_once(bench.programs, asked, CONNECTIONS, PATIENCE, may_defer=True)
        outcomes.append(one.outcome)
        time.sleep(PAUSE / 4)
    return outcomes


@contextmanager
def ours(bench: Bench) -> Iterator[Server]:
    """Run this daemon, which asks the name server of the hostile domains, and trusts their CA."""
    directory = bench.world.directory
    both = directory / "both.pem"
    both.write_text("".join((directory / name).read_text() for name in (CA_FILE, ENEMY_CA_FILE)))
    https = {"ca_file": str(both), "allow_networks": ["192.0.2.0/24"]}
    with contenders.ours(bench, dns={"servers": [ENEMY_RESOLVER]}, https=https) as server:
        yield server


@contextmanager
def enemies(bench: Bench) -> Iterator[None]:
    """Run what hostile domains have."""
    with ExitStack() as stack:
        stack.enter_context(_started(bench, "dns"))
        stack.enter_context(_started(bench, "hosts", bench.world.directory))
        yield


@contextmanager
def _started(bench: Bench, *arguments: str | Path) -> Iterator[None]:
    process = bench.world.namespace.start(
        *(sys.executable, "-m", "benchmarks.enemies", *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    said = text_stream(f"the enemies' {arguments[0]}", process.stdout)
    said.wait(0, lambda line: line == "ready" or None, "their start")
    try:
        yield
    finally:
        if process.stdin is not None:
            process.stdin.close()
        end(process)
        said.join()


@contextmanager
def asked_again(bench: Bench, server: Server, kinds: list[str]) -> Iterator[None]:
    """Have a client ask for hostile domains of these kinds, 300 in all, again and again."""
    if not kinds:
        yield
        return
    port = server.address.rpartition(":")[2]
    process = bench.world.namespace.start(
        *(sys.executable, "-m", "benchmarks.hostile", port, *kinds), stdin=subprocess.PIPE
    )
    try:
        yield
    finally:
        if process.stdin is not None:
            process.stdin.close()
        end(process)


def summary(name: str, samples: list[dict[str, list[Outcome]]]) -> Row:
    def p50(one: dict[str, list[Outcome]], which: str) -> float:
        return statistics.median(outcome.microseconds.p50 for outcome in one[which])

    all_outcomes = [outcome for one in samples for outcome in one[name]]
    return Row(
        beside=name,
        p50_ms=statistics.median(p50(one, name) for one in samples) / 1e3,
        slowest_ms=max(outcome.microseconds.max for outcome in all_outcomes) / 1e3,
        ratio=statistics.median(p50(one, name) / p50(one, ALONE) for one in samples),
        healthy=sum(outcome.requests for outcome in all_outcomes),
        deferred=sum(outcome.deferred for outcome in all_outcomes),
    )


async def ask_again(port: int, kinds: Sequence[str]) -> None:
    """Ask for each of the domains, again and again, until standard input ends."""
    domains = [enemy(kinds[number % len(kinds)], number) for number in range(ENEMIES)]
    asking_all = asyncio.gather(*(_ask_again(port, domain) for domain in domains))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    asking_all.cancel()


async def _ask_again(port: int, domain: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"{MAP} {domain}"
    while True:
        writer.write(f"{len(request)}:{request},".encode())
        size = int((await reader.readuntil(b":"))[:-1])
        await reader.readexactly(size + 1)
        await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    asyncio.run(ask_again(int(sys.argv[1]), sys.argv[2:]))
