"""What the discoverer can still do, once it has given up what it does not need."""

import errno
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from mtasts_resolver.worker import confinement
from mtasts_resolver.worker.confinement import (
    _ABI,
    _LANDLOCK_CREATE_RULESET,
    _Kernel,
    confine,
    landlock_rules,
)
from mtasts_resolver.worker.supervisor import Supervisor
from tests.events import events
from tests.unit.worker.test_supervisor import discoverer, pid_of, server, works

__all__ = ["discoverer", "server"]  # fixtures

REFUSED = {
    *("write", "append", "remove", "rename", "make", "link", "socket-file"),
    *("run", "unix", "io-uring", "datagrams", "raw-datagrams", "memory"),
}
REFUSED_SINCE = {"truncate": 3, "listen": 4, "signal": 6}  # versions of Landlock
LEFT = {
    *("read", "list", "resolve", "connect", "pair", "nonblocking-pair", "stderr", "thread"),
}


def landlock_version() -> int:
    """Return the version of Landlock that this host has; it may have none."""
    try:
        return _Kernel()._call(_LANDLOCK_CREATE_RULESET, None, 0, _ABI)
    except OSError:
        return 0


@pytest.mark.threat("discoverer-taken")
def test_whoever_has_taken_it_over_reaches_neither_store_nor_daemon(tmp_path: Path) -> None:
    if not (version := landlock_version()):
        pytest.skip("this kernel has no Landlock")
    later = {name for name, since in REFUSED_SINCE.items() if version < since}
    (tmp_path / "store").write_text("policies")
    command = [sys.executable, "-m", "tests.unit.worker.confined", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    outcome = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert {name for name, what in outcome.items() if what == "PermissionError"} == (
        REFUSED | REFUSED_SINCE.keys() - later
    )
    assert {name for name, what in outcome.items() if what == "done"} == LEFT | later
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert (tmp_path / "store").read_text() == ("" if "truncate" in later else "policies")


@pytest.mark.threat("discoverer-taken")
async def test_a_discoverer_that_answers_is_confined(discoverer: Supervisor) -> None:
    await works(discoverer)
    own = status_of(os.getpid())
    for thread in os.listdir(f"/proc/{pid_of(discoverer)}/task"):  # noqa: PTH208  no disk's
        told = status_of(int(thread))
        assert told["NoNewPrivs"] == "1"
        assert int(told["Seccomp_filters"]) == int(own["Seccomp_filters"]) + 2
    # Through one that the event loop had open, a unix socket could be opened all the same.
    assert "anon_inode:[io_uring]" not in open_files_of(pid_of(discoverer))


def open_files_of(pid: int) -> list[str]:
    return [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_each_version_of_landlock_is_asked_for_what_it_knows() -> None:
    """It refuses to do anything where more is asked for."""
    files, files_since_3 = 0x1FF3, 0x5FF3
    for version, words in (
        (1, [files]),
        (2, [files]),
        (3, [files_since_3]),
        (4, [files_since_3, 1]),
        (5, [files_since_3, 1]),
        (6, [files_since_3, 1, 3]),
        (99, [files_since_3, 1, 3]),
    ):
        assert landlock_rules(version) == struct.pack(f"{len(words)}Q", *words)


@pytest.mark.parametrize("missing", ["ctypes", "libc", "landlock", "machine"])
def test_what_cannot_be_given_up_is_said_and_the_rest_is(
    missing: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def call(_: _Kernel, number: int, *__: object) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def unloaded(_: _Kernel) -> None:
        raise OSError("Dynamic loading not supported")

    monkeypatch.setattr(_Kernel, "prctl", lambda *_: None)  # this process goes on as it is
    if missing == "ctypes":
        monkeypatch.setattr(confinement, "WITHOUT_CTYPES", "MemoryError()")
    else:
        monkeypatch.setattr(_Kernel, "_call", call)
    if missing == "libc":
        monkeypatch.setattr(_Kernel, "__init__", unloaded)
    if missing == "machine":
        monkeypatch.setattr(confinement, "_MACHINES", {})
    caplog.set_level("INFO")
    confine()
    told = {logged.event: logged.fields for logged in events(caplog)}
    held = {"discoverer-confined": {"by": ["seccomp"]}} if missing == "landlock" else {}
    reasons = {
        "ctypes": "MemoryError()",
        "libc": "Dynamic loading not supported",
        "landlock": "landlock: Function not implemented",
        "machine": "landlock: Function not implemented; seccomp: no filter is known for"
        f" {os.uname().machine}",
    }
    assert told == held | {"discoverer-less-confined": {"reason": reasons[missing]}}
