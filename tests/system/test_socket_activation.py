"""The real daemon under systemd-socket-activate, before a service manager that takes notes."""

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.sqlite import SqliteStore

ROOT = Path(__file__).parents[2]
DEADLINE = 30.0  # seconds, for each step

POLICY = "version: STSv1\nmode: enforce\nmx: mx.good.example\nmx: *.mail.example\nmax_age: 86400\n"
ANSWER = "secure match=mx.good.example:.mail.example servername=hostname"

# The name server refuses at once, and nothing leaves the machine.
CONFIG = """\
dns: {servers: ["127.0.0.1:1"], timeout: 1s, dnssec: off}
on_dns_failure: defer
"""

pytestmark = [
    pytest.mark.skipif(
        shutil.which("systemd-socket-activate") is None,
        reason="there is no systemd-socket-activate",
    ),
    pytest.mark.skipif(shutil.which("postmap") is None, reason="Postfix is not installed"),
]


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(path))
        self.sock.settimeout(DEADLINE)
        self.heard: list[str] = []

    def hear(self, state: str) -> None:
        """Wait until the daemon says `state`."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            message = self.sock.recv(4096).decode().split("\n")
            self.heard += message
            if state in message:
                return
        pytest.fail(f"the daemon said {self.heard}, and never {state}")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    with manager.sock:
        yield manager


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with one policy, as a daemon that ran before would leave it."""
    directory = tmp_path / "state"
    directory.mkdir()

    async def fill() -> None:
        store = SqliteStore(directory / "policies.sqlite", clock=SystemClock())
        await store.open()
        now = time.time()
        store.put(StoredPolicy("good.example", "20260101", POLICY, now - 60, now - 60))
        await store.close()

    asyncio.run(fill())
    return directory


@contextlib.contextmanager
def activated(
    tmp_path: Path, address: str, *, fdname: str, **environ: str
) -> Iterator[subprocess.Popen[str]]:
    """Run systemd-socket-activate, which becomes the daemon at the first connection."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    # It hands on PATH, HOME, USER and TERM, and what stands behind -E.
    passed = [f"-E{name}={value}" for name, value in environ.items()]
    command = ["systemd-socket-activate", f"--fdname={fdname}", "-l", address, *passed]
    command += [sys.executable, "-m", "mtasts_resolver", "serve"]
    command += ["--config", str(tmp_path / "config.yaml")]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            until_listening(address)
            yield process
        finally:
            process.kill()


def until_listening(address: str) -> None:
    """Wait until the kernel knows a listener at `address`, without connecting to it."""
    port = f"{int(address.rpartition(':')[2]):04X}"
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        if any(row[1].endswith(f":{port}") and row[3] == "0A" for row in rows):
            return
        time.sleep(0.01)
    pytest.fail(f"nobody listens on {address}")


def postmap(key: str, table: str) -> tuple[int, str, str]:
    done = subprocess.run(
        ["postmap", "-q", key, table], capture_output=True, text=True, check=False, timeout=DEADLINE
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def test_the_daemon_lives_as_systemd_expects(
    tmp_path: Path, manager: Manager, state: Path, free_port: int
) -> None:
    address = f"127.0.0.1:{free_port}"
    environ = {
        "NOTIFY_SOCKET": str(manager.path),
        "WATCHDOG_USEC": "1000000",
        "STATE_DIRECTORY": str(state),
    }
    with activated(tmp_path, address, fdname="socketmap", **environ) as process:
        table = f"socketmap:inet:{address}:default"
        # The connection that starts the daemon waits, and is answered.
        assert postmap("good.example", table) == (0, ANSWER, "")
        manager.hear("READY=1")
        assert postmap(".good.example", table) == (1, "", "")
        code, _, said = postmap("other.example", table)
        assert code == 1
        assert "socketmap server temporary error" in said

        manager.hear("WATCHDOG=1")
        process.send_signal(signal.SIGHUP)
        manager.hear("RELOADING=1")
        manager.hear("READY=1")
        assert postmap("good.example", table) == (0, ANSWER, "")
        manager.hear("WATCHDOG=1")

        process.terminate()
        manager.hear("STOPPING=1")
        assert process.wait(DEADLINE) == 0
    assert any(line.startswith("STATUS=") and "policies" in line for line in manager.heard)


def test_the_name_of_the_socket_is_its_protocol(
    tmp_path: Path, manager: Manager, state: Path, free_port: int
) -> None:
    address = f"127.0.0.1:{free_port}"
    environ = {"NOTIFY_SOCKET": str(manager.path), "STATE_DIRECTORY": str(state)}
    with activated(tmp_path, address, fdname="tcp_table", **environ):
        assert postmap("good.example", f"tcp:{address}") == (0, ANSWER, "")


def test_a_socket_of_an_unknown_name_ends_the_start_for_good(
    tmp_path: Path, state: Path, free_port: int
) -> None:
    address = f"127.0.0.1:{free_port}"
    environ = {"STATE_DIRECTORY": str(state)}
    with activated(tmp_path, address, fdname="smtp", **environ) as process:
        with socket.create_connection(("127.0.0.1", free_port)):
            _, said = process.communicate(timeout=DEADLINE)
        assert process.returncode == exit_codes.USAGE
    assert "FileDescriptorName=" in said
    assert "Traceback" not in said
