"""One run of the load generator, and what it tells."""

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from .build import BenchError, Programs, ServerError
from .procfs import cpu_seconds
from .servers import Server

GRACE = 120.0
"""Seconds beyond its time after which a run of the load is ended: it gives up itself before."""


class Latency(msgspec.Struct, frozen=True):
    """Percentiles of the time from a request to its reply, in microseconds."""

    p50: float
    p90: float
    p99: float
    p999: float = msgspec.field(name="p99.9")
    max: float


class Outcome(msgspec.Struct, frozen=True):
    """What load.c prints."""

    requests: int
    deferred: int
    """How many the server put off with TEMP; they are requests, and no errors."""
    errors: int
    first_error: str
    seconds: float
    own_cpu: float
    microseconds: Latency


class Sample(msgspec.Struct, frozen=True):
    """One run of the load against one server, and what the server spent meanwhile."""

    outcome: Outcome
    cpu: float
    """CPU-seconds of the server's process, its threads and children."""

    @property
    def per_million(self) -> float:
        """CPU-seconds for a million look-ups."""
        return self.cpu / self.outcome.requests * 1e6


@dataclass(frozen=True, slots=True)
class Way:
    """How the load asks."""

    connections: int = 1
    depth: int = 1
    reconnect: bool = False

    def options(self) -> list[str]:
        options = [f"--connections={self.connections}", f"--depth={self.depth}"]
        return [*options, f"--reconnect={int(self.reconnect)}"]


def decode(text: str) -> Outcome:
    """Return what load.c has printed. Raise BenchError."""
    try:
        return msgspec.json.decode(text, type=Outcome)
    except msgspec.DecodeError as error:
        raise BenchError(f"the load generator printed {text!r}: {error}") from None


def measure(programs: Programs, server: Server, way: Way, seconds: float) -> Sample:
    """Ask `server` for that long. Raise ServerError at the first wrong reply."""
    before = cpu_seconds(server.pid)
    outcome = run(programs, server, *way.options(), f"--seconds={seconds}", seconds=seconds)
    return Sample(outcome, cpu_seconds(server.pid) - before)


def ask_once(
    programs: Programs,
    server: Server,
    connections: int,
    seconds: float,
    *,
    may_defer: bool = False,
) -> Sample:
    """Ask for each key once. Raise ServerError as `run` does."""
    before = cpu_seconds(server.pid)
    options = ("--once=1", f"--connections={connections}", f"--seconds={seconds}")
    outcome = run(programs, server, *options, seconds=seconds, may_defer=may_defer)
    return Sample(outcome, cpu_seconds(server.pid) - before)


def run(
    programs: Programs, server: Server, *options: str, seconds: float, may_defer: bool = False
) -> Outcome:
    """Run the load in the network of `server`. Raise ServerError where anything went wrong.

    With `may_defer` the server may put look-ups off, as it should where it is too busy.
    """
    command = [
        *server.enter,
        str(programs.load),
        f"--address={server.address}",
        f"--keys={server.keys}",
        *options,
    ]
    try:
        done = subprocess.run(  # noqa: S603  our own program
            command, capture_output=True, text=True, check=False, timeout=seconds + GRACE
        )
    except subprocess.TimeoutExpired:
        raise ServerError(server.name, "the load against it did not end") from None
    if done.returncode or not done.stdout:
        raise ServerError(server.name, (done.stderr or done.stdout).strip())
    return accepted(decode(done.stdout), server.name, may_defer=may_defer)


def accepted(outcome: Outcome, server: str, *, may_defer: bool) -> Outcome:
    """Return the outcome. Raise ServerError where it is not what `server` should do."""
    if outcome.errors:
        raise ServerError(server, f"{outcome.errors} errors, the first: {outcome.first_error}")
    if outcome.deferred and not may_defer:
        raise ServerError(server, f"{outcome.deferred} look-ups put off (TEMP)")
    return outcome


def write_keys(path: Path, map_name: str, answers: Iterable[tuple[str, str]]) -> Path:
    """Write what the load asks in a map, and what it should be told: key and answer."""
    path.write_text("".join(f"{map_name} {key}\t{answer}\n" for key, answer in answers))
    return path


def read_keys(path: Path) -> Mapping[str, str]:
    """Return what stands in such a file: answers by request."""
    lines = (line.partition("\t") for line in path.read_text().splitlines())
    return {request: answer for request, _, answer in lines}
