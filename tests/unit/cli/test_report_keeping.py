"""`report --keep` and `report --tls-reports`: what is kept, under which name, and for how long."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from mtasts_resolver.cli import main
from mtasts_resolver.report.naming import is_short, report_name
from mtasts_resolver.report.shelf import ReportShelf
from tests.runner import CliRunner
from tests.unit.evidence.tlsreports.mailed import packed

Run = Callable[..., Result]

LOG = """\
Mar  1 10:00:00 mail postfix/smtp[100]: Trusted TLS connection established to mx.a.example\
[192.0.2.1]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
Mar  1 10:00:01 mail postfix/smtp[100]: 4Xyz12345zABC: to=<u@a.example>, relay=mx.a.example\
[192.0.2.1]:25, delay=1, delays=0/0/0.5/0.5, dsn=2.0.0, status=sent (250 ok)
"""
DAY = ("--since", "2026-03-01T00:00:00Z", "--until", "2026-03-02T00:00:00Z")
MONTH = ("--since", "2026-03-01T00:00:00Z", "--until", "2026-04-01T00:00:00Z")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `report` in a directory with a log and a TLS report."""
    monkeypatch.chdir(tmp_path)
    Path("mail.log").write_text(LOG)
    Path("tls.json.gz").write_bytes(packed())

    def run(*arguments: str) -> Result:
        usual = ["report", "logs", "--elsewhere", "--zone", "UTC"]
        return CliRunner().invoke(main, [*usual, *arguments, "mail.log"])

    return run


@pytest.mark.parametrize(
    ("since", "until", "name", "short"),
    [
        ("2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00", "2026-10", False),
        ("2026-12-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00", "2026-12", False),
        ("2028-02-01T00:00:00+00:00", "2028-03-01T00:00:00+00:00", "2028-02", False),
        ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", "2026-10-25", True),
        ("2026-10-26T00:00:00+01:00", "2026-11-02T00:00:00+01:00", "2026-W44", False),
        ("2026-10-01T00:00:00+02:00", "2026-10-31T00:00:00+01:00", "2026-10-01_2026-10-31", False),
        ("2026-10-27T00:00:00+01:00", "2026-11-03T00:00:00+01:00", "2026-10-27_2026-11-03", False),
        (
            *("2026-10-01T06:00:00+00:00", "2026-10-01T07:00:00+00:00"),
            *("2026-10-01T060000_2026-10-01T070000", True),
        ),
    ],
)
def test_report_is_called_by_its_period(since: str, until: str, name: str, short: bool) -> None:
    assert (report_name(since, until), is_short(since, until)) == (name, short)


def test_report_of_a_month_is_kept_whole_and_once(run: Run) -> None:
    result = run("--keep", "kept", *MONTH)
    head = ReportShelf(Path("kept")).read().head
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == ["kept: kept/2026-03", f"head: entry 1, {head}"]
    assert {path.name for path in Path("kept/2026-03").iterdir()} == {
        *("report.txt", "report.json", "report.html")
    }
    result = run("--keep", "kept", *MONTH)
    assert result.stderr == "2026-03 is kept already in kept: nothing was written\n"
    assert ReportShelf(Path("kept")).read().head == head


def test_report_of_a_day_is_kept_short_and_shown_where_that_is_asked_for(run: Run) -> None:
    result = run("--keep", "kept", "--json", *DAY)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["outbound"]["encrypted"] == 1
    assert {path.name for path in Path("kept/2026-03-01").iterdir()} == {
        *("report.txt", "report.json")
    }


def test_verdicts_fail_no_run_that_only_keeps(run: Run) -> None:
    controls = ("--control", "ISM-1589", "--no-smtp")
    assert run(*controls, *DAY).exit_code in (1, 2)
    assert run(*controls, "--keep", "kept", *DAY).exit_code == 0


def test_old_reports_of_the_same_kind_are_let_go(run: Run) -> None:
    shelf = ReportShelf(Path("kept"))
    for name in ("2024-02", "2024-02-01", "2024-02-02"):
        shelf.add(name, {"report.txt": b"x"}, "2024-03-01T00:00:00+00:00")
    shelf.add("2026-02-28", {"report.txt": b"x"}, "2099-01-01T00:00:00+00:00")
    assert run("--keep", "kept", "--let-go-after", "400d", *DAY).exit_code == 0
    chain = shelf.read()
    assert chain.kept.keys() == {"2024-02", "2026-02-28", "2026-03-01"}
    assert chain.entries[-1].why == "older than 400d"
    assert shelf.verify().faults == ()


def test_place_that_cannot_be_written_is_named(run: Run) -> None:
    Path("kept").write_text("")
    result = CliRunner().invoke(main, ["report", "verify", "missing"])
    assert (result.exit_code, result.stderr) == (2, "missing: No such file or directory\n")
    result = run("--keep", "none/kept", *DAY)
    assert (result.exit_code, result.stderr) == (2, "none/kept: No such file or directory\n")
    assert "goes with --keep" in run("--let-go-after", "3d").stderr


def test_what_others_report_is_a_part_of_the_report(run: Run) -> None:
    result = run("--json", "--tls-reports", "tls.json.gz", *MONTH)
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["tls_reports"]["reports"], report["tls_reports"]["failed"]) == (1, 4)
    assert [one["kind"] for one in report["inputs"]] == ["log", "tls-report"]
    result = run(
        *("--json", "--tls-reports", "tls.json.gz"),
        *("--since", "2026-02-28T00:00:00Z", "--until", "2026-03-01T11:00:00Z"),
    )
    reports = json.loads(result.stdout)["tls_reports"]
    assert (reports["reports"], reports["left_out"]) == (0, 1)
