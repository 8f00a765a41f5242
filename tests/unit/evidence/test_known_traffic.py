"""A report on logs of which all is known, as `make bench` makes it of a gigabyte."""

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

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
