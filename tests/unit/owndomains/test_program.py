"""The administrator's program: real ones, which hang, flood, fail and leave children behind."""

import errno
import os
import shutil
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mtasts_resolver.base.privileges import said_as
from mtasts_resolver.owndomains.program import (
    ENVIRON,
    MAX_SAID,
    OOM_SCORE_ADJ,
    Ended,
    run_bounded,
)

PATIENCE = 30.0


def script(directory: Path, text: str) -> str:
    path = directory / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def run(
    program: str,
    *arguments: str,
    given: bytes = b"",
    patience: float = PATIENCE,
    stop: threading.Event | None = None,
) -> Ended:
    return run_bounded(
        [program, *arguments], given, {"A": "b c"}, stop or threading.Event(), patience=patience
    )


def is_there(pid: int) -> bool:
    """Tell whether a process works; one that nobody has reaped yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return False
    return stat.rpartition(b")")[2].split()[0] != b"Z"


def gone(pid: int) -> bool:
    """Return True when the process is gone, at the latest after PATIENCE."""
    until = time.monotonic() + PATIENCE
    while is_there(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not is_there(pid)


def test_it_gets_what_is_told_and_nothing_else(tmp_path: Path) -> None:
    told = tmp_path / "told"
    program = script(tmp_path, f'{{ cat; env; pwd; printf "%s|" "$@"; }} >{told}')
    os.environ["OF_THE_DAEMON"] = "x"
    try:
        assert run(program, "$(id)", "; ls", "a b", given=b'{"a": 1}\n') == Ended("", "")
    finally:
        del os.environ["OF_THE_DAEMON"]
    lines = told.read_text().splitlines()
    assert lines[0] == '{"a": 1}'
    assert lines[-2:] == ["/", "$(id)|; ls|a b|"]
    names = {line.partition("=")[0] for line in lines[1:-2]}
    assert names - {"_", "PWD", "SHLVL", "OLDPWD"} == {"A", *ENVIRON}


def test_what_it_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    assert run(script(tmp_path, "exit 0"), given=b"x" * 1_000_000) == Ended("", "")
    assert run(script(tmp_path, "exec 0<&-; echo ok"), given=b"x" * 1_000_000) == Ended("", "ok")


def test_all_of_a_long_report_arrives(tmp_path: Path) -> None:
    ended = run(script(tmp_path, "wc -c"), given=b"x" * 1_000_000)
    assert ended == Ended("", "1000000")


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ("echo out; echo no such host >&2; exit 75", "exit status 75", "out no such host"),
        ("kill -9 $$", "ended by signal 9", ""),
    ],
)
def test_a_failure_says_how_it_ended(tmp_path: Path, text: str, reason: str, said: str) -> None:
    assert run(script(tmp_path, text)) == Ended(reason, said)


def test_what_it_says_is_printable(tmp_path: Path) -> None:
    ended = run(script(tmp_path, r"printf '\033[31mred\377\n'; exit 1"))
    assert ended == Ended("exit status 1", "\\x1b[31mred\ufffd")


def test_one_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    assert run(str(tmp_path / "none")).reason == "it cannot be started: No such file or directory"
    assert run(str(plain)).reason == "it cannot be started: Permission denied"
    assert run("/bin/true", "a\0b").reason == "it cannot be started: embedded null byte"


@pytest.mark.threat("notify-floods")
def test_one_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = script(
        tmp_path, f"trap '' TERM; sleep 600 & echo $! $$ >{pids}; while :; do sleep 600; done"
    )
    ended = run(program, patience=0.5)
    assert ended.reason == "it took too long, and was ended"
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_one_that_ends_at_a_sigterm_is_let_end(tmp_path: Path) -> None:
    ended = run(script(tmp_path, "trap 'echo bye; exit 0' TERM; sleep 600 & wait"), patience=0.5)
    assert ended.reason == "it took too long, and was ended"


@pytest.mark.threat("notify-floods")
def test_one_that_floods_is_ended(tmp_path: Path) -> None:
    ended = run(script(tmp_path, "exec yes"))
    assert ended.reason == f"it wrote more than {MAX_SAID:,} bytes, and was ended"
    assert ended.said.endswith("y y y")


def test_what_it_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    """And does not hold up who waits, though it has the output open."""
    left = tmp_path / "left"
    assert run(script(tmp_path, f"sleep 600 & echo $! >{left}; echo done")) == Ended("", "done")
    assert gone(int(left.read_text()))


def test_it_ends_with_the_daemon(tmp_path: Path) -> None:
    stop = threading.Event()
    pid = tmp_path / "pid"
    program = script(tmp_path, f"echo $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 600")
    ended: list[Ended] = []
    thread = threading.Thread(target=lambda: ended.append(run(program, stop=stop)))
    thread.start()
    while not pid.exists():
        time.sleep(0.01)
    score = Path(f"/proc/{pid.read_text().strip()}/oom_score_adj").read_text()
    stop.set()
    thread.join()
    assert ended == [Ended("it was ended with the daemon", "")]
    assert int(score) == OOM_SCORE_ADJ
    assert gone(int(pid.read_text()))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a program that becomes root")
@pytest.mark.parametrize(
    ("command", "reason"), [("true", ""), ("sleep 1", "it took too long, and was ended")]
)
def test_one_that_becomes_another_user_can_be_run(command: str, reason: str) -> None:
    """As sudo(8) does: a daemon that is not root may signal nothing of it, ended or not."""

    def say() -> str:
        argv = [str(program), "--reuid", "0", *command.split()]
        return run_bounded(argv, b"", {}, threading.Event(), patience=0.2).reason

    with TemporaryDirectory() as directory:  # which others can reach, unlike pytest's
        Path(directory).chmod(0o755)
        program = Path(shutil.copy("/usr/bin/setpriv", directory))
        program.chmod(0o4755)
        assert said_as("nobody", say) == reason


def test_one_that_cannot_be_talked_to_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more_files() -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("selectors.DefaultSelector", no_more_files)
    pid = tmp_path / "pid"
    ended = run(script(tmp_path, f"echo $$ >{pid}; exec sleep 600"))
    assert ended.reason == "it cannot be talked to: Too many open files"
    assert not pid.exists() or gone(int(pid.read_text() or "0"))
