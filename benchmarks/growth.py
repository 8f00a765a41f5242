"""How it grows: the price of a look-up by the number of cached domains, and that of refreshing."""

import re
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from . import contenders, load
from .bench import Bench
from .build import ServerError
from .contenders import asking
from .load import Way
from .page import paragraphs, table
from .procfs import cpu_seconds, resident_bytes
from .quiet import wait_until_idle
from .servers import Server
from .store import fill
from .world import MAX_AGE, RESOLVER_ADDRESS, published, wild

SIZES, QUICK_SIZES = (100, 10_000, 1_000_000), (100, 10_000)
SAMPLE = 10_000
"""Domains that are asked for, spread over all: more than a processor's cache holds."""
ROUNDS, SECONDS = 7, 2.0
QUICK_ROUNDS, QUICK_SECONDS = 3, 0.5
WAY = Way(connections=32)
WARM_SECONDS = 300.0

REFRESHED, QUICK_REFRESHED = (1_000, 10_000), (250, 500)
DUE_WITHIN = 60.0
"""Seconds over which the refreshes of the overdue policies are spread."""
LOADING = 10.0  # seconds that they may live longer, for the start takes its time
NEARLY_ALL = 0.99  # of the policies must have been refreshed: one may be due while it stops
SMALLEST_CACHE = 1_000  # of the configuration
DAY = 86_400


class Size(msgspec.Struct, frozen=True):
    """A cache of one size: medians over the rounds."""

    domains: int
    cpu: float
    """CPU-seconds per million look-ups."""
    ratio: float
    """To the limit's in the same round."""
    p99: float
    """Microseconds."""
    resident: int


class Refresh(msgspec.Struct, frozen=True):
    """A refresher at work on overdue policies."""

    domains: int
    cpu_ms: float
    """Milliseconds of CPU per domain."""

    @property
    def of_a_core(self) -> float:
        """The part of a core that a refresh of each domain a day takes."""
        return self.cpu_ms / 1e3 * self.domains / DAY


class Growth(msgspec.Struct, frozen=True):
    """The sizes, and the refresher's work."""

    rounds: int
    sizes: list[Size]
    refreshes: list[Refresh]

    def markdown(self) -> str:
        sizes = [
            [
                f"{size.domains:,}",
                f"{size.cpu:.1f}",
                f"{size.ratio:.2f}",
                f"{size.p99:,.0f}",
                f"{size.resident / 1e6:,.0f}",
            ]
            for size in self.sizes
        ]
        refreshes = [
            [f"{one.domains:,}", f"{one.cpu_ms:.2f}", f"{one.of_a_core:.3%}"]
            for one in self.refreshes
        ]
        return paragraphs(
            f"Hot look-ups over 32 connections, of {SAMPLE:,} domains (or all, where there are"
            " fewer), DNSSEC off; CPU-seconds per million, multiples of the C loop in the same"
            f" round, medians of {self.rounds} rounds:",
            table(["cached policies", "CPU", "ratio to limit", "p99 µs", "RSS MB"], sizes),
            "The refresher: CPU of the whole daemon that reads overdue policies and refreshes them,"
            " and what that makes for one refresh a day of each:",
            table(["policies", "CPU ms each", "of a core"], refreshes),
        )


def measure(bench: Bench) -> Growth:
    """Compare daemons with caches of each size in turn, then let refreshers work."""
    refreshed = QUICK_REFRESHED if bench.quick else REFRESHED
    rounds, sizes = by_size(bench)
    return Growth(rounds, sizes, [refresh(bench, count) for count in refreshed])


def by_size(bench: Bench) -> tuple[int, list[Size]]:
    sizes = QUICK_SIZES if bench.quick else SIZES
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if bench.quick else (ROUNDS, SECONDS)
    with ExitStack() as stack:
        limit = stack.enter_context(contenders.limit(bench))
        caches = {size: stack.enter_context(full(bench, size)) for size in sizes}
        samples: list[dict[int, load.Sample]] = []
        for number in range(rounds):
            bench.tell(f"growth: round {number + 1} of {rounds}")
            least = load.measure(bench.programs, limit, WAY, seconds)
            samples.append({0: least})
            for size, server in caches.items():
                samples[-1][size] = load.measure(bench.programs, server, WAY, seconds)
        return rounds, [
            Size(
                domains=size,
                cpu=statistics.median(one[size].per_million for one in samples),
                ratio=statistics.median(
                    one[size].per_million / one[0].per_million for one in samples
                ),
                p99=statistics.median(one[size].outcome.microseconds.p99 for one in samples),
                resident=resident_bytes(server.pid),
            )
            for size, server in caches.items()
        ]


@contextmanager
def full(bench: Bench, size: int) -> Iterator[Server]:
    """Run a daemon that knows so many domains, and is warm for those that will be asked for."""
    bench.tell(f"growth: storing {size:,} policies")
    store = fill(bench.directory / f"growth-{size}.sqlite", map(wild, range(size)))
    room = {"memory_entries": max(SMALLEST_CACHE, 2 * size), "memory_megabytes": 4_000}
    with contenders.ours(
        bench, store=store, cache=room, dns={"servers": [RESOLVER_ADDRESS], "dnssec": "off"}
    ) as server:
        bench.tell(f"growth: loading {size:,} policies")
        wait_until_idle(server.pid)
        asked = range(0, size, max(1, size // SAMPLE))
        sample = asking(bench, server, published(*map(wild, asked)))
        load.ask_once(bench.programs, sample, WAY.connections, WARM_SECONDS)
        wait_until_idle(server.pid)
        yield sample


def refresh(bench: Bench, count: int) -> Refresh:
    """Let a daemon refresh so many overdue policies; all are fetched anew."""
    bench.tell(f"growth: refreshing {count:,} policies")
    with contenders.ours(bench) as server:
        start = cpu_seconds(server.pid)
    store = overdue(bench, count)
    with contenders.ours(bench, store=store) as server:
        wait_until_idle(server.pid, at_least=DUE_WITHIN + LOADING)
        spent = cpu_seconds(server.pid) - start
    fetches = counted(server, "fetches") - 1  # one was for the first answer
    if fetches < count * NEARLY_ALL:
        raise ServerError(server.name, f"it has refreshed only {fetches} of {count} policies")
    return Refresh(count, spent / fetches * 1e3)


def overdue(bench: Bench, count: int) -> Path:
    """Store policies that are to be refreshed within DUE_WITHIN, since they expire soon after."""
    path = bench.directory / f"overdue-{bench.number()}.sqlite"
    # The refresher spreads what is overdue over half of the life that is left.
    return fill(path, map(wild, range(count)), age=MAX_AGE - 2 * DUE_WITHIN - LOADING)


def counted(server: Server, name: str) -> int:
    """Return a counter of what our daemon has done, as its log tells when it has stopped."""
    if server.log is None:
        raise ServerError(server.name, "it has no log")
    found = re.findall(rf"event=stopped .*\b{name}=(\d+)", server.log.read_text())
    if not found:
        raise ServerError(server.name, f"its log does not tell how many {name} there were")
    return int(found[-1])
