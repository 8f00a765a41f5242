"""`report mail`: the newest report goes out with the head of the list, and with what is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from click.testing import Result

from mtasts_resolver.cli import main
from mtasts_resolver.cli.reporting import mailing
from mtasts_resolver.report.shelf import ReportShelf
from tests.runner import CliRunner

Run = Callable[..., Result]
SENDMAIL = """#!/bin/sh
printf '%s\\n' "$0" "$@" >{0}/arguments
cat >{0}/mail
echo taken
exit {1}
"""
FILES = {
    "report.txt": "All is w\u00e9ll.\n".encode(),
    "report.json": b"{}\n",
    "report.html": b"<p>",
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command with a sendmail that ends as it is told."""
    (tmp_path / "bin").mkdir(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    def run(*arguments: str, status: int = 0) -> Result:
        program = tmp_path / "bin" / "sendmail"
        program.write_text(SENDMAIL.format(tmp_path, status))
        program.chmod(0o755)
        return CliRunner().invoke(main, ["report", "mail", str(tmp_path / "kept"), *arguments])

    return run


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    shelf = ReportShelf(tmp_path / "kept")
    shelf.add("2026-09", FILES, "2026-10-01T00:00:00+00:00")
    shelf.add("2026-10", FILES, (datetime.now(UTC) - timedelta(hours=3)).isoformat())
    return tmp_path / "kept"


def mailed(tmp_path: Path) -> EmailMessage:
    return message_from_bytes((tmp_path / "mail").read_bytes(), policy=policy.default)


def test_newest_report_goes_out_with_the_head(run: Run, kept: Path, tmp_path: Path) -> None:
    result = run("--to", "a@our.example", "--to", "postmaster")
    assert (result.exit_code, result.stderr) == (
        0,
        "mailed: 2026-10, to a@our.example, postmaster\n",
    )
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[1:] == ["-i", "--", "a@our.example", "postmaster"]
    mail = mailed(tmp_path)
    assert (mail["Subject"], mail["Auto-Submitted"]) == (
        *("Mail protection, 2026-10", "auto-generated"),
    )
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert text.startswith("All is w\u00e9ll.\n")
    assert f"entry 2, {ReportShelf(kept).read().head}\n" in text
    assert {part.get_filename(): part.get_content() for part in mail.iter_attachments()} == {
        "2026-10.json": b"{}\n",
        "2026-10.html": "<p>",
    }


def test_what_is_wrong_with_the_list_stands_at_the_top(
    run: Run, kept: Path, tmp_path: Path
) -> None:
    (kept / "2026-09" / "report.txt").unlink()
    assert run("--to", "postmaster").exit_code == 0
    mail = mailed(tmp_path)
    assert mail["Subject"] == "BROKEN LIST: Mail protection, 2026-10"
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().startswith("ATTENTION: 2026-09/report.txt: it is gone\n\nAll is")


@pytest.mark.threat("shelf-link")
def test_what_a_link_leads_to_is_not_mailed(run: Run, kept: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for name in ("report.txt", "report.html"):
        (kept / "2026-10" / name).unlink()
        (kept / "2026-10" / name).symlink_to(tmp_path / "secret")
    assert run("--to", "postmaster").exit_code == 0
    mail = mailed(tmp_path)
    assert b"secret" not in bytes(mail)
    assert [part.get_filename() for part in mail.iter_attachments()] == ["2026-10.json"]
    body = mail.get_body(("plain",))
    assert body is not None
    assert "There is no report.txt as it was written." in body.get_content()


@pytest.mark.parametrize(("within", "mails"), [("2h", False), ("4h", True)])
def test_an_old_report_is_not_mailed_again(
    run: Run, kept: Path, tmp_path: Path, within: str, mails: bool
) -> None:
    assert run("--to", "postmaster", "--made-within", within).exit_code == 0
    assert (tmp_path / "mail").exists() == mails


def test_none_is_a_negative_answer(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    result = run("--to", "postmaster")
    assert (result.exit_code, result.stderr) == (1, "There is no new report to mail.\n")


def test_mail_that_is_not_taken_is_an_error(run: Run, kept: Path) -> None:
    result = run("--to", "postmaster", status=75)
    assert result.exit_code == 2  # 75 is none to the unit
    assert "sendmail ended with status 75: taken" in result.stderr


@pytest.mark.parametrize("address", ["-oQ/tmp", "", "a b", "a\n@b", "a,b@c", '"a"@b', "x" * 300])
def test_what_is_no_address_is_named(run: Run, kept: Path, address: str) -> None:
    result = run("--to", address)
    assert result.exit_code == 2
    assert "is no address that mail can be sent to" in result.stderr


@pytest.mark.parametrize(
    ("unsafe", "why"),
    [([], "Postfix has it as"), ([Path("/tmp/sendmail")], "others may write /tmp")],
)
def test_missing_sendmail_is_named(
    run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch, unsafe: list[Path], why: str
) -> None:
    monkeypatch.setattr(mailing, "find_program", lambda *_: (None, unsafe))
    result = run("--to", "postmaster")
    assert result.exit_code == 2
    assert f"there is no sendmail that may be run: {why}" in result.stderr
