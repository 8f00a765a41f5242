"""The journal, as journalctl writes it; programs that say what journalctl says stand in for it."""

import math
from datetime import UTC
from pathlib import Path

import pytest

from mtasts_resolver.evidence.inputs import journal
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.journal import JournalInput
from mtasts_resolver.evidence.inputs.logs import LogReading
from mtasts_resolver.evidence.inputs.source import Span

from .reading import START, PlainReader, line


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a program that is taken for journalctl, and is still to be written."""
    program = tmp_path / "journalctl"
    monkeypatch.setattr(journal, "find_program", lambda *_: (program, []))
    return program


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    program.chmod(0o755)


def reading(*names: str, since: float = -math.inf, until: float = math.inf) -> LogReading:
    return LogReading(
        names,
        journal=True,
        new_reader=PlainReader,
        now=START + 1e6,
        span=Span(since, until),
    )


def lines(count: int) -> str:
    """Return what writes so many lines; printf, for a shell's echo differs."""
    text = "".join(line(at, f"{at}") for at in range(count))
    return f"printf '%s' '{text}'\n"


def test_it_is_asked_for_mail_of_a_time() -> None:
    assert JournalInput(START + 0.5, START + 9.5, START).arguments() == [
        "--output=json",
        "--all",
        "--no-pager",
        "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_HOSTNAME",
        "--since=@1793527200",
        "--until=@1793527210",
        "SYSLOG_FACILITY=2",
        "+",
        "_TRANSPORT=driver",
        "SYSLOG_IDENTIFIER=systemd-journald",
    ]
    assert "--since" not in " ".join(JournalInput(None, None, START).arguments())


def test_its_lines_come_between_those_of_files(says: Path, tmp_path: Path) -> None:
    write(says, lines(3))
    (tmp_path / "log").write_text(line(0.5, "x", host="mx2") + line(9, "y"), encoding="ascii")
    read = reading(str(tmp_path / "log"))
    assert [line.message for line in read] == ["0", "x", "1", "2", "y"]
    told = read.inputs(UTC)[1]
    assert (told.name, told.kind, told.sha256, told.lines) == ("journal", "journal", "", 3)
    assert told.bytes > 0


def test_an_hour_before_is_asked_for_as_well(says: Path) -> None:
    write(says, f'echo "$@" >{says}.asked\n{lines(1)}')
    list(reading(since=START, until=START + 60))
    asked = says.with_name("journalctl.asked").read_text("ascii")
    assert f"--since=@{START - 3600:.0f} --until=@{START + 61:.0f}" in asked


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        (
            "Hint: You are currently not seeing messages from other users and the system.",
            0,
            "journal: you may not read the journal of the whole host: be root, or of",
        ),
        ("No journal files were opened due to insufficient permissions.", 1, "you may not read"),
        ("Failed to add match: Invalid argument", 1, "failed with status 1: Failed to add match"),
    ],
)
def test_what_keeps_it_from_being_read_is_an_error(
    says: Path, said: str, status: int, told: str
) -> None:
    write(says, f'cat >&2 <<"END"\n{said}\nEND\nexit {status}\n')
    with pytest.raises(InputError, match=told):
        list(reading())


def test_that_others_entries_are_missing_is_an_error_though_some_are_there(says: Path) -> None:
    write(says, f"echo 'not seeing messages from other users' >&2\n{lines(3)}")
    with pytest.raises(InputError, match="you may not read the journal"):
        list(reading())


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("", "it has no lines of the facility `mail`"),
        (lines(3) + "exit 1\n", "journalctl failed with status 1"),
        (
            lines(3) + "printf 'Journal file x\\033[1m is truncated, ignoring file.\\n' >&2\n",
            r"journalctl says: Journal file x\x1b[1m is truncated, ignoring file.",
        ),
    ],
)
def test_what_it_says_at_its_end_is_told(says: Path, script: str, told: str) -> None:
    write(says, script)
    read = reading()
    assert len(list(read)) == (3 if script else 0)
    assert told in read.inputs(UTC)[0].problem


def test_without_journalctl_files_are_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "find_program", lambda *_: (None, []))
    with pytest.raises(InputError, match="there is no journalctl on this host: name the logs'"):
        list(reading())
    monkeypatch.setattr(journal, "find_program", lambda *_: (None, [Path("/x/journalctl")]))
    with pytest.raises(InputError, match="but /x/journalctl, which others may write"):
        list(reading())


def test_one_that_cannot_be_run_is_told(says: Path) -> None:
    says.write_bytes(b"")
    with pytest.raises(InputError, match="cannot be run: Permission denied"):
        list(reading())


def test_it_is_ended_when_nobody_reads_on(says: Path) -> None:
    write(says, f"echo $$ >{says}.pid\nwhile :; do\n{lines(100)}done\n")
    read = iter(reading())
    assert next(read).message == "0"
    read.close()  # type: ignore[attr-defined]
    pid = says.with_name("journalctl.pid").read_text("ascii").strip()
    assert not Path("/proc", pid).exists()
