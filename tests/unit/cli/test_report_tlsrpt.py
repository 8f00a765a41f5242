"""`report tlsrpt`: what it shows of real files, mailboxes and mails, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from mtasts_resolver.cli.reporting.reported import reported_lines
from mtasts_resolver.cli.reporting.tlsrpt import report_tlsrpt
from mtasts_resolver.evidence.report import CountedRow, TlsReportRow, TlsReports
from mtasts_resolver.report.failures import REPORTED_FAULTS
from mtasts_resolver.tlsrpt import RESULT_TYPES
from tests.runner import CliRunner
from tests.unit.evidence.tlsreports.mailed import (
    OURS,
    mailbox,
    numbered,
    other_mail,
    packed,
    report_mail,
)

Run = Callable[..., Result]
SIGNED = {"Authentication-Results": f"{OURS}; dkim=pass header.d=sender.example"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: bytes = b"") -> Result:
        return CliRunner().invoke(report_tlsrpt, [*arguments, "--zone", "UTC"], input=stdin)

    return run


DAY = "2026-03-01T00:00:00+00:00\t2026-03-01T23:59:59+00:00"
ROWS = [
    f"Sender Ltd.\tour.example\tsts\tcertificate-expired\tmx1.our.example\t4\t{DAY}\t-\tenforce",
    f"Sender Ltd.\tour.example\tsts\t-\t-\t96\t{DAY}\t-\tenforce",
]


def test_pipe_gets_a_line_for_each_row(run: Run) -> None:
    Path("a.json.gz").write_bytes(packed())
    result = run("a.json.gz")
    assert (result.exit_code, result.stdout.splitlines(), result.stderr) == (0, ROWS, "")


@pytest.mark.parametrize("option", [["-"], ["--mbox", "-"]])
def test_standard_input_is_read(run: Run, option: list[str]) -> None:
    result = run(*option, stdin=mailbox(report_mail(), other_mail()))
    assert (result.exit_code, result.stdout.splitlines()) == (0, ROWS)
    assert result.stderr == "not read, 1x: -: mails without a TLS report (first: mail 2)\n"


def test_everything_that_is_named_counts_together(run: Run) -> None:
    Path("a.json.gz").write_bytes(packed())
    Path("b.mbox").write_bytes(mailbox(report_mail(), report_mail(numbered(2), SIGNED)))
    Path("mails/new").mkdir(parents=True)
    Path("mails/new/1").write_bytes(report_mail(numbered(3), SIGNED))
    result = run(
        *("a.json.gz", "--mbox", "b.mbox", "--maildir", "mails", "--json"),
        *("--trusted-server", OURS, "--since", "2026-03-01", "--until", "2026-04-01T00:00:00Z"),
        *("--domain", "our.example"),
    )
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    reports = printed["tls_reports"]
    assert (reports["reports"], reports["duplicates"], reports["failed"]) == (3, 1, 12)
    assert reports["signers"] == [{"name": "sender.example", "count": 2}]
    assert [one["name"] for one in printed["inputs"]] == ["a.json.gz", "b.mbox", "mails"]
    assert printed["until"] == "2026-04-01T00:00:00+00:00"
    assert printed["domains"] == ["our.example"]


def test_reports_that_nobody_vouches_for_may_be_left_out(run: Run) -> None:
    Path("b.mbox").write_bytes(mailbox(report_mail(), report_mail(numbered(2), SIGNED)))
    result = run("b.mbox", "--json", "--trusted-server", OURS, "--only-vouched")
    reports = json.loads(result.stdout)["tls_reports"]
    assert (reports["reports"], reports["left_out"], reports["failed"]) == (1, 1, 4)
    result = run("b.mbox", "--only-vouched")
    assert (result.exit_code, "goes with --trusted-server" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "narrowed", [["--domain", "other.example"], ["--since", "2026-03-02T00:00:00Z"]]
)
def test_none_of_what_was_asked_for_is_a_negative_answer(run: Run, narrowed: list[str]) -> None:
    Path("a.json.gz").write_bytes(packed())
    result = run("a.json.gz", *narrowed)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "No TLS report was found that was asked for; left out: 1.\n"


def test_what_cannot_be_read_is_said_beside_what_can(run: Run) -> None:
    Path("a.json.gz").write_bytes(packed())
    result = run("missing.json", "a.json.gz")
    assert (result.exit_code, result.stdout.splitlines()) == (2, ROWS)
    assert result.stderr == "missing.json: No such file or directory\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a FILE"),
        (["-", "--domain", "no domain"], "'no domain' is no domain"),
        (["-", "--zone", "Nowhere/City"], "no zone is called 'Nowhere/City'"),
        (["-", "--since", "soon"], "'soon' is no time"),
    ],
)
def test_wrong_usage_is_named(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(report_tlsrpt, arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def row(failure: str, sessions: int, **more: str) -> TlsReportRow:
    return TlsReportRow(
        organization=more.pop("organization", "Sender Ltd."),
        domain="our.example",
        policy_type="sts",
        failure=failure,
        mx=more.pop("mx", ""),
        sessions=sessions,
        first="2026-03-01T00:00:00+00:00",
        last=more.pop("last", "2026-03-01T23:59:59+00:00"),
        **more,
    )


FOUND = TlsReports(
    reports=3,
    duplicates=1,
    successful=96,
    failed=4,
    rows=(
        row("certificate-expired", 4, mx="mx1.our.example", mode="enforce", reason="see log"),
        row("made-up\x1b[31m", 0, last="2026-03-05T23:59:59+00:00"),
        row("", 96),
    ),
    unread=(CountedRow("reports.mbox: it is no JSON: \x07", 2),),
    oddities=tuple(CountedRow(f"oddity {number}", 1) for number in range(20)),
    left_out=2,
    signers=(CountedRow("sender.example", 2),),
)


def test_terminal_gets_what_to_know_and_what_to_do() -> None:
    lines = list(map(click.unstyle, reported_lines(FOUND, columns=80)))
    text = "\n".join(lines)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "\x1b" not in text
    assert "\x07" not in text
    assert text.startswith(
        "3 reports of 1 sender; 1 report that came again counted once; 2 of other times,\n"
        "domains or senders left out\n"
        "100 sessions: 96 well, 4 failed (4.00%). A session is a connection, and not a\n"
        "mail.\n"
        "Signed, by the word of a mail server that you trust: sender.example (2).\n"
        "Nobody vouches for the other 1: anybody can send a report in anybody's name.\n"
    )
    assert "our.example               certificate-expired  4         Sender Ltd." in text
    assert "MX mx1.our.example; policy sts in mode enforce; 2026-03-01; see log" in text
    assert "policy sts; 2026-03-01 to 2026-03-05" in text
    assert "certificate-expired: the MX host's certificate had expired. Mend it: renew" in text
    assert "made-up\\x1b[31m: what the sender calls it" in text
    assert "      2  reports.mbox: it is no JSON: \\x07" in text
    assert "(5 more: --verbose, --json)" in lines


def test_all_is_shown_where_all_is_asked_for() -> None:
    lines = list(reported_lines(FOUND, columns=80, everything=True))
    assert "      1  oddity 19" in lines


def test_every_kind_of_failure_has_its_remedy() -> None:
    assert REPORTED_FAULTS.keys() == {*RESULT_TYPES, "unspecified"}


def test_every_kind_of_failure_is_explained_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "report.md").read_text(encoding="utf-8")
    for name, fault in REPORTED_FAULTS.items():
        assert f"| `{name}` | {fault.what} | {fault.remedy} |\n" in page
