"""A report on logs of which all is known: that it is right, its time, and its memory."""

import gzip
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from mtasts_resolver.evidence.report import CountedRow, EvidenceReport

from .bench import Bench
from .build import BenchError
from .mailtraffic import Truth, write_logs
from .page import paragraphs, table

MESSAGES, QUICK_MESSAGES = 750_000, 30_000  # a gigabyte, and 40 megabytes
COUNTED = "status=sent"
REPORT = ("-m", "mtasts_resolver", "report", "logs", "--elsewhere", "--zone", "UTC", "--json")


class Cost(NamedTuple):
    """What a command took."""

    seconds: float
    cpu: float
    peak: int
    """Bytes that were resident at most, of the process that had the most."""


class ReportCost(msgspec.Struct, frozen=True):
    """A report on a gigabyte, beside what counts the same lines without reading them."""

    messages: int
    lines: int
    bytes: int
    """Unpacked."""
    packed: Cost
    plain: Cost
    counted: Cost
    """`zcat | grep -c`."""

    def markdown(self) -> str:
        rows = [
            [
                name,
                f"{cost.seconds:,.1f}",
                f"{cost.cpu:,.1f}",
                f"{self.lines / cost.seconds:,.0f}",
                f"{self.bytes / cost.seconds / 1e6:,.1f}",
                f"{cost.seconds / self.counted.seconds:,.1f}",
                f"{cost.peak / 1e6:,.0f}" if cost is not self.counted else "",
            ]
            for name, cost in (
                (f"`zcat FILE... | grep -c {COUNTED}`", self.counted),
                ("`report`, of the same files", self.packed),
                ("`report`, of files that are not packed", self.plain),
            )
        ]
        heads = ["command", "s", "CPU s", "lines/s", "MB/s", "ratio", "peak MB"]
        return paragraphs(
            f"{self.lines:,} lines, {self.bytes / 1e6:,.0f} MB, of {self.messages:,} messages that"
            " two hosts had in a month; every figure of the report equals what is known of the"
            " logs. MB/s are of what was unpacked; the ratio is of the seconds:",
            table(heads, rows),
        )


def measure(bench: Bench) -> ReportCost:
    """Write logs, report on them, and compare."""
    messages = QUICK_MESSAGES if bench.quick else MESSAGES
    bench.tell(f"report: writing the logs of {messages:,} messages")
    plain = (bench.directory / "mx1.log", bench.directory / "mx2.log")
    truth = write_logs(plain, messages=messages)
    packed = [_packed(path) for path in plain]
    names = [str(path) for path in packed]
    bench.tell("report: counting")
    answer = bench.directory / "answer"
    counted = _run(["sh", "-c", f'zcat "$@" | grep -c {COUNTED}', "sh", *names], answer)
    bench.tell("report: reading packed logs")
    from_packed = _run([sys.executable, *REPORT, *names], answer)
    _compare(truth, answer)
    bench.tell("report: reading logs")
    from_plain = _run([sys.executable, *REPORT, *map(str, plain)], answer)
    _compare(truth, answer)
    return ReportCost(messages, truth.lines, truth.bytes, from_packed, from_plain, counted)


def _packed(path: Path) -> Path:
    packed = path.with_suffix(".log.gz")
    with path.open("rb") as file, gzip.open(packed, "wb", 6) as to:
        while piece := file.read(1 << 20):
            to.write(piece)
    status = path.stat()
    os.utime(packed, (status.st_atime, status.st_mtime))
    return packed


def _run(command: list[str], output: Path) -> Cost:
    """Run a command to its end. Raise BenchError."""
    with output.open("wb") as file:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=file)  # noqa: S603  our own, or zcat
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchError(f"{' '.join(command)} failed with status {process.returncode}")
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def _compare(truth: Truth, answer: Path) -> None:
    report = msgspec.json.decode(answer.read_bytes(), type=EvidenceReport)
    if differing := list(differences(truth, report)):
        raise BenchError("the report is wrong: " + "; ".join(differing))


def differences(truth: Truth, report: EvidenceReport) -> Iterator[str]:
    """Yield in which figures a report differs from what is true of the logs."""
    out, received = report.outbound, report.inbound
    # A row that stands for others, where there are too many, has no cause.
    causes: Counter[str] = Counter()
    for row in report.failures:
        causes[row.cause] += row.attempts
    pairs: dict[str, tuple[object, object]] = {
        "lines": (truth.lines, report.lines),
        "lines unknown": (0, report.lines_unknown),
        "gaps": ((), report.gaps),
        "sent": (truth.sent, out.deliveries),
        "sent encrypted": (truth.encrypted, out.encrypted),
        "sent plain": (truth.plain, out.plain),
        "sent unknown": (0, out.unknown),
        "levels": (truth.levels, _counter(out.levels)),
        "attempts failed": (truth.failed, out.attempts_failed),
        "held by TLS": (truth.causes.total(), causes.total()),
        "local": (truth.local, out.local),
        "received": (truth.received, received.deliveries),
        "received encrypted": (truth.received_encrypted, received.encrypted),
        "received plain": (truth.received_plain, received.plain),
        "received unknown": (0, received.unknown),
        "submissions": (truth.submissions, received.submissions),
        "refused": (truth.refused, _counter(report.inbound_failures).total()),
    }
    if "" not in causes:
        pairs["causes"] = (truth.causes, causes)
    for name, (true, said) in pairs.items():
        if true != said:
            yield f"{name}: {true} is true, {said} is said"


def _counter(rows: tuple[CountedRow, ...]) -> Counter[str]:
    return Counter({row.name: row.count for row in rows})
