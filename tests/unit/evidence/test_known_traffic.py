"""A report on logs of which all is known, as `make bench` makes it of a gigabyte."""

import gzip
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from benchmarks.mailtraffic import BEGIN, PERIOD, Truth, write_logs
from benchmarks.reporting import differences
from mtasts_resolver.evidence.daemonside import DaemonSide
from mtasts_resolver.evidence.gathering import Bounds, WantedReport, gather
from mtasts_resolver.evidence.report import EvidenceReport
from mtasts_resolver.evidence.told import UNKNOWN, Told

MESSAGES = 2_000


class NothingTold:
    """A daemon that knows of no domain."""

    def told(self, domain: str, time: float | None) -> Told:
        return UNKNOWN


def report_on(*names: Path) -> EvidenceReport:
    nobody = DaemonSide(
        told=NothingTold(), retrieval=None, retrieval_before=None, retrieval_problem="not asked"
    )
    wanted = WantedReport(
        zone=UTC,
        period=Bounds(BEGIN),
        before=None,
        domains=frozenset(),
        made_at=datetime.fromtimestamp(BEGIN + PERIOD, UTC),
        version="test",
        host="test",
    )
    return gather([str(name) for name in names], wanted, lambda *_: nobody)


def write(path: Path, data: bytes) -> None:
    """Write a log in the year that its lines do not have."""
    path.write_bytes(data)
    os.utime(path, (BEGIN + PERIOD, BEGIN + PERIOD))


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, Path]:
    directory = tmp_path_factory.mktemp("traffic")
    truth = write_logs((directory / "mx1", directory / "mx2"), messages=MESSAGES)
    return truth, directory


def test_every_figure_is_what_is_known_of_the_logs(traffic: tuple[Truth, Path]) -> None:
    truth, directory = traffic
    assert min(truth.causes.values()) > 0
    assert len(truth.causes) == 7
    assert list(differences(truth, report_on(directory / "mx1", directory / "mx2"))) == []


def test_packed_cut_into_pieces_and_named_in_any_order_they_say_the_same(
    traffic: tuple[Truth, Path], tmp_path: Path
) -> None:
    truth, directory = traffic
    for name in ("mx1", "mx2"):
        lines = (directory / name).read_bytes().splitlines(keepends=True)
        for number, begin in enumerate(range(0, len(lines), 3_000)):
            data = b"".join(lines[begin : begin + 3_000])
            write(tmp_path / f"{name}.{number}", gzip.compress(data, 1))
    pieces = sorted(tmp_path.iterdir(), reverse=True)
    assert len(pieces) > 5
    assert list(differences(truth, report_on(*pieces))) == []


def test_what_is_there_twice_counts_once(traffic: tuple[Truth, Path], tmp_path: Path) -> None:
    """A copy is left out; a log that begins elsewhere is read beside the other."""
    truth, directory = traffic
    whole = (directory / "mx1").read_bytes()
    write(tmp_path / "copy.gz", gzip.compress(whole, 1))
    half = whole.splitlines(keepends=True)
    write(tmp_path / "half", b"".join(half[len(half) // 2 :]))
    names = (directory / "mx1", tmp_path / "copy.gz", tmp_path / "half", directory / "mx2")
    report = report_on(*names)
    assert report.lines == truth.lines + len(half) - len(half) // 2
    assert [one for one in differences(truth, report) if not one.startswith("lines:")] == []


# -- what may become of lines --------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, list[bytes]]:
    """Return what is true of a few messages, and their lines."""
    directory = tmp_path_factory.mktemp("few")
    paths = (directory / "mx1", directory / "mx2")
    truth = write_logs(paths, messages=12, seed=32, first=0)
    assert min(truth.sent, truth.received, truth.submissions, truth.failed, truth.local) > 0
    return truth, [line for path in paths for line in path.read_bytes().splitlines()]


def cut(lines: list[bytes], random: Random) -> list[bytes]:
    return [line[: random.randrange(len(line) + 1)] if line else line for line in lines]


def lost(lines: list[bytes], random: Random) -> list[bytes]:
    return [line for line in lines if random.random() < KEPT]


def doubled(lines: list[bytes], random: Random) -> list[bytes]:
    return [line for line in lines for _ in range(random.randrange(1, 3))]


def disordered(lines: list[bytes], random: Random) -> list[bytes]:
    return [
        line
        for _, line in sorted((at + random.randrange(9), line) for at, line in enumerate(lines))
    ]


def shuffled(lines: list[bytes], random: Random) -> list[bytes]:
    return random.sample(lines, len(lines))


def joined(lines: list[bytes], random: Random) -> list[bytes]:
    """Have a line end without its end, so that the next one stands behind it."""
    text = b"".join(line + (b"\n" if random.random() < KEPT else b"") for line in lines)
    return text.split(b"\n")


def garbled(lines: list[bytes], random: Random) -> list[bytes]:
    return [
        line.replace(random.choice((b":", b" ", b"=", b"[", b"<")), random.randbytes(1), 1)
        if random.random() > KEPT
        else line
        for line in lines
    ]


KEPT = 0.8
MISHAPS = (cut, lost, doubled, disordered, shuffled, joined, garbled)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mishaps=st.lists(st.sampled_from(MISHAPS), min_size=1, max_size=3),
    files=st.integers(1, 3),
    random=st.randoms(use_true_random=False),
)
def test_whatever_becomes_of_lines_no_more_is_counted_than_there_was(
    few: tuple[Truth, list[bytes]],
    tmp_path: Path,
    mishaps: list[Callable[[list[bytes], Random], list[bytes]]],
    files: int,
    random: Random,
) -> None:
    """Of a line that is cut it may not be known for whom it was: so what is added up is all.

    A copy that was garbled as well is no copy any more, but another line that somebody has written.
    """
    truth, lines = few
    assume(not {doubled, garbled} <= set(mishaps))
    for mishap in mishaps:
        lines = mishap(lines, random)
    paths = [tmp_path / f"log{number}" for number in range(files)]
    for number, path in enumerate(paths):
        write(path, b"".join(line + b"\n" for line in lines[number::files]))
    report = report_on(*paths)
    out, received = report.outbound, report.inbound
    assert out.deliveries + out.local <= truth.sent + truth.local
    assert received.deliveries + received.local + received.submissions <= (
        truth.received + truth.submissions
    )
    for counts in (out, received):
        assert counts.encrypted + counts.plain + counts.unknown == counts.deliveries
        assert sum(row.count for row in counts.levels) <= counts.deliveries
        assert counts.post_quantum <= counts.encrypted
    assert out.attempts_failed <= truth.failed
    assert sum(row.attempts for row in report.failures) <= truth.failed
    assert sum(row.deliveries for row in report.outbound_domains) == out.deliveries
    for figure in report.figures:
        assert 0 <= figure.numerator <= figure.denominator
