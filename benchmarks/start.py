"""The start: how long from exec to the first answer, out of what is stored."""

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

from .bench import Bench
from .build import BenchError
from .page import table
from .store import fill
from .world import MAX_AGE, POLICY_ID, answer, wild

ROUNDS, QUICK_ROUNDS = 11, 3
MANY, QUICK_MANY = 100_000, 10_000
PATIENCE = 60.0  # seconds for one start
POLL = 0.001  # seconds between two tries to connect: the grain of what is measured
ROOT = Path(__file__).resolve().parents[1]
REFERENCE = "`python -c 'import asyncio, uvloop'`, to its end"

# What ends with this process, however that ends.
WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")


class Row(msgspec.Struct, frozen=True):
    """One command: medians over the rounds."""

    what: str
    milliseconds: float
    ratio: float
    """To the reference in the same round."""


class Start(msgspec.Struct, frozen=True):
    """The rows."""

    rounds: int
    rows: list[Row]

    def markdown(self) -> str:
        cells = [[row.what, f"{row.milliseconds:.0f}", f"{row.ratio:.2f}"] for row in self.rows]
        return (
            "From exec to the first answer, which comes from a stored policy, DNS out of reach;"
            f" medians of {self.rounds} rounds in which everything is started in turn, files in the"
            f" page cache.\n\n{table(['what', 'ms', 'to the reference'], cells)}"
        )


@dataclass(frozen=True, slots=True)
class Daemon:
    """How to start a daemon, and what it must say."""

    command: Sequence[str | Path]
    port: int
    domain: str

    def first_answer(self) -> float:
        """Start it, ask until it answers, end it; return the seconds to the answer."""
        request = netstring(f"QUERY {self.domain}")
        expected = netstring(answer(self.domain))
        begun = time.monotonic()
        process = subprocess.Popen(  # noqa: S603  the daemons
            [*WITH_US, *self.command], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            got = ask_until_answered(self.port, request, len(expected), begun + PATIENCE)
            seconds = time.monotonic() - begun
        finally:
            process.terminate()
            _, said = process.communicate()
        if got != expected:
            raise BenchError(f"{self.command} answered {got!r}. It said: {said[-1000:].decode()}")
        return seconds


def measure(bench: Bench) -> Start:
    """Start everything in turn."""
    rounds = QUICK_ROUNDS if bench.quick else ROUNDS
    many = QUICK_MANY if bench.quick else MANY
    contenders: Mapping[str, Callable[[], float]] = {
        REFERENCE: reference,
        "mtasts-resolver, 1 policy stored": ours(bench, 1).first_answer,
        f"mtasts-resolver, {many:,} policies stored": ours(bench, many).first_answer,
        "postfix-mta-sts-resolver, 1 policy stored": peer(bench).first_answer,
    }
    times: dict[str, list[float]] = {what: [] for what in contenders}
    for number in range(rounds + 1):
        for what, start in contenders.items():
            bench.tell(f"start: round {number} of {rounds}: {what}")
            seconds = start()
            if number:  # the first round fills the page cache, and compiles modules
                times[what].append(seconds)
    return Start(rounds, [summary(what, times) for what in contenders])


def summary(what: str, times: Mapping[str, Sequence[float]]) -> Row:
    ratios = (one / first for one, first in zip(times[what], times[REFERENCE], strict=True))
    return Row(what, statistics.median(times[what]) * 1e3, statistics.median(ratios))


def reference() -> float:
    begun = time.monotonic()
    command = (*WITH_US, sys.executable, "-c", "import asyncio, uvloop")
    subprocess.run(command, check=True)  # noqa: S603  Python
    return time.monotonic() - begun


def ours(bench: Bench, policies: int) -> Daemon:
    """Return this daemon with so many policies; asked for the one that was stored last."""
    bench.tell(f"start: storing {policies:,} policies")
    port = free_port()
    directory = bench.directory
    settings = {
        "listen": [{"protocol": "socketmap", "address": f"inet:127.0.0.1:{port}"}],
        "dns": {"servers": ["127.0.0.1:1"], "timeout": "1s", "dnssec": "off"},
        "store": {
            "url": f"sqlite://{fill(directory / f'{port}.sqlite', map(wild, range(policies)))}"
        },
    }
    configuration = directory / f"{port}.yaml"
    configuration.write_text(yaml.safe_dump(settings))
    command = (sys.executable, "-m", "mtasts_resolver", "serve", "--config", configuration)
    return Daemon(command, port, wild(policies - 1))


def peer(bench: Bench) -> Daemon:
    """Return postfix-mta-sts-resolver with one policy in its SQLite cache."""
    port, domain = free_port(), wild(0)
    cache = bench.directory / f"{port}.sqlite"
    asyncio.run(store_for_peer(cache, domain))
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "cache_grace": 86_400,
        "cache": {"type": "sqlite", "options": {"filename": str(cache)}},
    }
    configuration = bench.directory / f"{port}.yaml"
    configuration.write_text(yaml.safe_dump(settings))
    return Daemon(
        (Path(sys.executable).with_name("mta-sts-daemon"), "-c", configuration), port, domain
    )


async def store_for_peer(path: Path, domain: str) -> None:
    """Put a policy into the cache of postfix-mta-sts-resolver, by its own code."""
    from postfix_mta_sts_resolver import base_cache, sqlite_cache  # noqa: PLC0415  see run.main

    cache = sqlite_cache.SqliteCache(str(path))
    await cache.setup()
    body = {"version": "STSv1", "mode": "enforce", "mx": [f"mx.{domain}"], "max_age": MAX_AGE}
    await cache.set(domain, base_cache.CacheEntry(time.time(), POLICY_ID, body))
    await cache.teardown()


def ask_until_answered(port: int, request: bytes, size: int, deadline: float) -> bytes:
    """Connect again and again until somebody listens; return the first `size` bytes said."""
    while time.monotonic() < deadline:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)):
                time.sleep(POLL)
                continue
            connection.settimeout(PATIENCE)
            connection.sendall(request)
            with connection.makefile("rb") as replies:
                return replies.read(size)
    raise BenchError(f"nothing listens at port {port} after {PATIENCE:.0f} s")


def netstring(text: str) -> bytes:
    return b"%d:%b," % (len(text), text.encode())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
