"""What look-ups notice of those who see the daemon: a list of all domains, a scrape, the page."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.status import DaemonStatus

from . import contenders, load
from .bench import Bench
from .build import ServerError
from .contenders import HTTP_PORTS, OURS, asking, control_socket
from .load import Sample, Way
from .page import paragraphs, table
from .procfs import PROC
from .servers import Server
from .store import fill
from .visitor import BEGUN, NOWHERE, Visits
from .watched import MARK, Turns
from .world import RESOLVER_ADDRESS, published, wild

ENTRIES, QUICK_ENTRIES = 200_000, 20_000
SAMPLE = 10_000
"""Domains that are asked for."""
WAY = Way(connections=32)
ROUNDS, SECONDS = 5, 2.0
QUICK_ROUNDS, QUICK_SECONDS = 3, 2.0
WARM_SECONDS = 300.0
GRACE = 90.0  # seconds beyond its time after which a visitor is given up
TOLD = 120.0  # seconds for a daemon to write a line: it may have policies to load
POLL = 0.05
RESTED = 3.0  # seconds without a discovery: longer than one takes
LOADED = "event=policies-loaded"
WATCHED_MODULE = "benchmarks.watched"
RESET_PEAK = "5"  # proc_pid_clear_refs(5)

ALONE = "nothing else"
CONTROL, HTTP = "control", "http"
KINDS = {
    "a process that only computes, and asks for nothing": (NOWHERE, ""),
    "the list, `GET /v1/domains/stream`": (CONTROL, "/v1/domains/stream"),
    "pages in order, `GET /v1/domains?sort=used`": (CONTROL, "/v1/domains?sort=used&limit=1000"),
    "`GET /v1/status`": (CONTROL, "/v1/status"),
    "a scrape, `GET /metrics`": (HTTP, "/metrics"),
    "the status page, `GET /`": (HTTP, "/"),
    "its list, `GET /domains?sort=used`": (HTTP, "/domains?sort=used"),
}


class Row(msgspec.Struct, frozen=True):
    """Hot look-ups beside one kind of guest: medians over the rounds."""

    beside: str
    p50: float
    p99: float
    ratio: float
    """Of p99, to p99 with nothing else in the same round."""
    visits: float
    """Requests that were answered in a second."""
    megabytes: float
    """Of answers, in a second."""
    peak: float
    """Bytes by which the daemon was larger than before at most."""
    turn_cpu: float
    """Seconds of processor time in the longest turn of the loop."""
    turn_cpu_ever: float
    """The same of all rounds: with what the host did to one of them."""
    turn_wall: float
    """The thousandth of the turns that takes longest begins here."""


class Guests(msgspec.Struct, frozen=True):
    """The rows."""

    rounds: int
    entries: int
    nothing: list[float]
    """Seconds of the longest turn of a loop that does nothing, in each round."""
    rows: list[Row]

    def markdown(self) -> str:
        heads = [
            "meanwhile",
            "p50 µs",
            "p99 µs",
            "p99, ratio to alone",
            "requests/s",
            "MB/s",
            "memory, MB more at most",
            "longest turn, ms of CPU",
            "of all rounds",
            "p99.9 of turns, ms",
        ]
        cells = [
            [
                row.beside,
                f"{row.p50:,.0f}",
                f"{row.p99:,.0f}",
                f"{row.ratio:.2f}",
                f"{row.visits:.2f}",
                f"{row.megabytes:.1f}",
                f"{row.peak / 1e6:.1f}",
                f"{row.turn_cpu * 1e3:.2f}",
                f"{row.turn_cpu_ever * 1e3:.2f}",
                f"{row.turn_wall * 1e3:.2f}",
            ]
            for row in self.rows
        ]
        return paragraphs(
            f"Hot look-ups over 32 connections while somebody asks for one thing again and again,"
            f" of a daemon that knows {self.entries:,} policies; medians of {self.rounds} rounds."
            " One row is that of a process that asks for nothing: what any other costs on this"
            " machine."
            " The turns of the event loop are those of another daemon that measures them, beside"
            " the same look-ups: the longest of a round, in processor time, in which what other"
            " processes took does not count. What the machine below this one takes does count: of"
            f" {self.rounds} rounds of a loop that does nothing, the longest turn was"
            f" {statistics.median(self.nothing) * 1e3:.2f} ms, and {max(self.nothing) * 1e3:.2f} ms"
            " of all.",
            table(heads, cells),
        )


class Sight(msgspec.Struct, frozen=True):
    """What came of one kind in one round."""

    sample: Sample
    visits: Visits | None
    peak: float


def measure(bench: Bench) -> Guests:
    """Measure hot look-ups alone and beside each kind of guest, in turn."""
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if bench.quick else (ROUNDS, SECONDS)
    entries = QUICK_ENTRIES if bench.quick else ENTRIES
    bench.tell(f"guests: storing {entries:,} policies")
    store = fill(bench.directory / "guests.sqlite", map(wild, range(entries)))
    with knowing(bench, store, entries) as (server, places):
        kinds = {what: kind for what, kind in KINDS.items() if there_is(server, places, kind)}
        sights: list[dict[str, Sight]] = []
        for number in range(rounds):
            bench.tell(f"guests: round {number + 1} of {rounds}")
            sights.append({ALONE: see(bench, server, None, seconds)})
            for what, (door, path) in kinds.items():
                sights[-1][what] = see(bench, server, (places[door], path), seconds)
    with knowing(bench, store, entries, module=WATCHED_MODULE) as (server, places):
        turns: dict[str, list[Turns]] = {what: [] for what in sights[0]}
        for number in range(rounds):
            bench.tell(f"guests: turns, round {number + 1} of {rounds}")
            turns_told(server)
            see(bench, server, None, seconds)
            turns[ALONE].append(turns_told(server))
            for what, (door, path) in kinds.items():
                see(bench, server, (places[door], path), seconds)
                turns[what].append(turns_told(server))
    bench.tell("guests: turns of a loop that does nothing")
    nothing = [longest_turn_of_nothing(seconds) for _ in range(rounds)]
    rows = [summary(what, sights, turns[what]) for what in sights[0]]
    return Guests(rounds, entries, nothing, rows)


@contextmanager
def knowing(
    bench: Bench, store: Path, entries: int, module: str = "mtasts_resolver"
) -> Iterator[tuple[Server, dict[str, str]]]:
    """Run a daemon that knows so many domains; where it can be seen."""
    dns = {"servers": [RESOLVER_ADDRESS], "dnssec": "off"}
    name = f"{OURS} ({module})"  # and with it a log of its own
    with contenders.ours(bench, name=name, store=store, module=module, dns=dns) as server:
        port = int(server.address.rpartition(":")[2])
        places = {
            NOWHERE: NOWHERE,
            CONTROL: str(control_socket(bench, port)),
            HTTP: f"127.0.0.1:{port + HTTP_PORTS}",
        }
        bench.tell(f"guests: loading {entries:,} policies")
        told(server, LOADED)
        asked = range(0, entries, max(1, entries // SAMPLE))
        sample = asking(bench, server, published(*map(wild, asked)))
        load.ask_once(bench.programs, sample, WAY.connections, WARM_SECONDS)
        load.measure(bench.programs, sample, WAY, SECONDS)  # replies are kept from the second time
        rest(server, control_socket(bench, port))
        yield sample, places


def rest(server: Server, control: Path) -> None:
    """Wait until what was loaded, and is looked at again when it is asked for, has been."""
    deadline = time.monotonic() + TOLD
    made = -1
    with ControlClient(control) as client:
        while time.monotonic() < deadline:
            before, made = made, client.get(DaemonStatus, "status").discoverer.discoveries
            if made == before:
                return
            time.sleep(RESTED)
    raise ServerError(server.name, "its discoveries do not end")


def there_is(server: Server, places: dict[str, str], kind: tuple[str, str]) -> bool:
    """Ask once, so that the door is open; tell whether there is such a thing."""
    door, path = kind
    asking_it = visitor(server, places[door], path, 0.001)
    asking_it.communicate(timeout=GRACE)
    return asking_it.returncode == 0


def visitor(server: Server, where: str, path: str, seconds: float) -> subprocess.Popen[bytes]:
    command = (sys.executable, "-m", "benchmarks.visitor", where, path, str(seconds))
    return subprocess.Popen(  # noqa: S603  our own program
        [*server.enter, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def see(bench: Bench, server: Server, guest: tuple[str, str] | None, seconds: float) -> Sight:
    """Measure hot look-ups, beside a guest if there is one."""
    process = PROC / str(server.pid)
    (process / "clear_refs").write_text(RESET_PEAK)
    before = kibibytes(process / "status", "VmRSS")
    asking_it = None if guest is None else visitor(server, *guest, seconds)
    if asking_it is not None:
        begin(server, asking_it)
    sample = load.measure(bench.programs, server, WAY, seconds)
    visits = None
    if asking_it is not None:
        told, complaint = asking_it.communicate(timeout=GRACE)
        if asking_it.returncode:
            raise ServerError(server.name, complaint.decode().strip())
        visits = msgspec.json.decode(told, type=Visits)
    peak = (kibibytes(process / "status", "VmHWM") - before) * 1024
    return Sight(sample, visits, peak)


def begin(server: Server, asking_it: subprocess.Popen[bytes]) -> None:
    """Wait until a visitor has started."""
    if asking_it.stdout is None or asking_it.stdout.readline() != BEGUN:
        raise ServerError(server.name, "its visitor has not begun")


def longest_turn_of_nothing(seconds: float) -> float:
    """Return the processor time of the longest turn of a loop that only measures its turns."""
    end = time.monotonic() + seconds
    longest, before = 0.0, time.thread_time()
    while time.monotonic() < end:
        now = time.thread_time()
        longest, before = max(longest, now - before), now
    return longest


def kibibytes(status: Path, name: str) -> int:
    (line,) = (line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])


def turns_told(server: Server) -> Turns:
    """Have a watched daemon tell of its turns since the last time."""
    before = lines_with(server, MARK)
    os.kill(server.pid, signal.SIGUSR2)
    line = told(server, MARK, len(before))
    return msgspec.json.decode(line.removeprefix(MARK), type=Turns)


def told(server: Server, what: str, before: int = 0) -> str:
    """Return the last line of the log with `what` in it, when there are more than `before`."""
    deadline = time.monotonic() + TOLD
    while time.monotonic() < deadline:
        lines = lines_with(server, what)
        if len(lines) > before:
            return lines[-1]
        time.sleep(POLL)
    raise ServerError(server.name, f"its log does not tell {what!r}")


def lines_with(server: Server, what: str) -> list[str]:
    if server.log is None:
        raise ServerError(server.name, "it has no log")
    return [line for line in server.log.read_text().split("\n")[:-1] if what in line]


def summary(what: str, sights: list[dict[str, Sight]], turns: list[Turns]) -> Row:
    hot = [one[what].sample.outcome.microseconds for one in sights]
    alone = [one[ALONE].sample.outcome.microseconds for one in sights]
    visits = [one for sight in sights if (one := sight[what].visits) is not None and one.seconds]
    rest = [0.0]
    return Row(
        beside=what,
        p50=statistics.median(one.p50 for one in hot),
        p99=statistics.median(one.p99 for one in hot),
        ratio=statistics.median(
            one.p99 / reference.p99 for one, reference in zip(hot, alone, strict=True)
        ),
        visits=statistics.median([one.requests / one.seconds for one in visits] or rest),
        megabytes=statistics.median([one.answered / 1e6 / one.seconds for one in visits] or rest),
        peak=max(one[what].peak for one in sights),
        turn_cpu=statistics.median(one.longest_cpu[0] for one in turns),
        turn_cpu_ever=max(one.longest_cpu[0] for one in turns),
        turn_wall=statistics.median(
            one.longest_wall[min(one.count // 1_000, len(one.longest_wall) - 1)] for one in turns
        ),
    )
