"""sd_notify and socket activation, over real sockets and by systemd's own activator."""

import contextlib
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.daemon.systemd import (
    MAX_LISTEN_FDS,
    MAX_STATUS,
    ActivationError,
    Notifier,
    listen_fds,
)

PID = os.getpid()
ABSTRACT = f"@mtasts-resolver-test-{PID}"
CLOSED_FD = 1_000_000  # above any limit of open files here
DEADLINE = 20.0  # seconds, for a child process


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's end of NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        path = str(tmp_path / "notify")
        sock.bind(path if request.param == "path" else "\0" + ABSTRACT[1:])
        sock.settimeout(DEADLINE)
        yield sock


def notifier(manager: socket.socket, **more: str) -> Notifier:
    name = manager.getsockname()
    address = name if isinstance(name, str) else "@" + name[1:].decode()
    return Notifier({"NOTIFY_SOCKET": address, **more}, PID)


def received(manager: socket.socket) -> dict[str, str]:
    return dict(line.split("=", 1) for line in manager.recv(4096).decode().split("\n"))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged as a warning, with its fields; nothing else may have been."""
    assert {record.levelno for record in caplog.records} <= {logging.WARNING}
    return [f"{record.getMessage()} {record.__dict__['fields']}" for record in caplog.records]


def test_every_state_is_told(manager: socket.socket) -> None:
    told = notifier(manager)
    told.ready()
    assert received(manager) == {"READY": "1"}
    told.watchdog()
    assert received(manager) == {"WATCHDOG": "1"}
    told.stopping()
    assert received(manager) == {"STOPPING": "1"}


def test_a_reload_is_told_with_the_monotonic_time(manager: socket.socket) -> None:
    before = time.monotonic_ns() // 1000
    notifier(manager).reloading()
    message = received(manager)
    assert message["RELOADING"] == "1"
    assert before <= int(message["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


def test_a_status_is_one_bounded_line(manager: socket.socket) -> None:
    told = notifier(manager)
    told.status("12 policies\nREADY=1\r\x00 of\u2028münchen\udce4")
    assert received(manager) == {"STATUS": "12 policies READY=1 of münchen"}
    told.status("x" * 5000)
    assert received(manager) == {"STATUS": "x" * MAX_STATUS}


@given(text=st.text(st.characters()))
def test_no_status_forges_a_second_variable(text: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("")  # the kernel chooses an abstract name
        sock.settimeout(DEADLINE)
        notifier(sock).status(text)
        message = sock.recv(4096).decode()
    assert message.startswith("STATUS=")
    assert message.isprintable()


def test_without_a_manager_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    told = Notifier({}, PID)
    told.ready()
    told.reloading()
    told.status("idle")
    told.watchdog()
    told.stopping()
    assert told.watchdog_interval is None
    assert warnings(caplog) == []


def test_a_vanished_manager_is_logged_once_and_again_after_it_was_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "notify"
    told = Notifier({"NOTIFY_SOCKET": str(path)}, PID)
    told.ready()
    told.watchdog()
    [warning] = warnings(caplog)
    assert "No such file" in warning
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        told.watchdog()
    path.unlink()
    told.watchdog()
    assert len(warnings(caplog)) == 2


def test_a_manager_that_does_not_read_holds_nothing_up_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        filler.setblocking(False)
        with filler, contextlib.suppress(BlockingIOError):
            while True:
                filler.sendto(b"WATCHDOG=1", path)
        Notifier({"NOTIFY_SOCKET": path}, PID).watchdog()
    assert "timed out" in "".join(warnings(caplog))


@pytest.mark.parametrize("address", ["relative/path", "vsock:2:1234"])
def test_an_address_of_another_kind_is_reported(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    Notifier({"NOTIFY_SOCKET": address}, PID).ready()
    [warning] = warnings(caplog)
    assert address in warning


def test_the_path_of_the_socket_may_be_too_long(caplog: pytest.LogCaptureFixture) -> None:
    Notifier({"NOTIFY_SOCKET": "/" + "x" * 300}, PID).ready()
    assert "too long" in "".join(warnings(caplog))


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(PID)}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(PID + 1)}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "30s"}, None),
        ({"WATCHDOG_USEC": "١٢"}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({"WATCHDOG_PID": str(PID)}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(
    environ: dict[str, str], interval: float | None
) -> None:
    assert Notifier(environ, PID).watchdog_interval == interval


def passed(*names: str, pid: int = PID, count: str | None = None) -> dict[str, str]:
    count = str(len(names)) if count is None else count
    return {
        "LISTEN_PID": str(pid),
        "LISTEN_PIDFDID": "4711",
        "LISTEN_FDS": count,
        "LISTEN_FDNAMES": ":".join(names),
    }


def hand_over(sock: socket.socket) -> int:
    """Return an inheritable descriptor of `sock`, which nobody but its receiver closes."""
    fd = sock.detach()
    os.set_inheritable(fd, True)
    return fd


def is_closed(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return True
    return False


@pytest.mark.parametrize("name", ["socketmap", "tcp_table"])
def test_a_passed_socket_says_its_protocol_and_accepts(name: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    environ = passed(name) | {"HOME": "/"}
    [activated] = listen_fds(environ, PID, first_fd=hand_over(listener))
    with activated.sock as sock:
        assert activated.protocol == name
        assert not sock.get_inheritable()
        assert environ == {"HOME": "/"}
        with socket.create_connection(address):
            sock.accept()[0].close()


def test_a_unix_socket_is_taken(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socketmap"))
    listener.listen()
    [activated] = listen_fds(passed("socketmap"), PID, first_fd=hand_over(listener))
    activated.sock.close()


def test_sockets_for_another_process_are_left_alone() -> None:
    environ = passed("socketmap", pid=PID + 1)
    assert listen_fds(environ, PID, first_fd=CLOSED_FD) == []
    assert environ == {}


def test_without_activation_there_is_nothing() -> None:
    assert listen_fds({}, PID) == []
    assert listen_fds(passed(), PID) == []


@pytest.mark.threat("environment")
@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        (passed("smtp"), "'smtp', which is none of socketmap, tcp_table: set FileDescriptorName="),
        (passed("mtasts-resolver.socket"), "FileDescriptorName="),
        (passed("unknown"), "FileDescriptorName="),
        (passed("", count="1"), "FileDescriptorName="),
        (passed("socketmap"), f"descriptor {CLOSED_FD}: Bad file descriptor"),
        (passed("socketmap", count="2"), "names 1 sockets of 2"),
        (passed("socketmap", count="-1"), "'-1', not a number"),
        (passed("socketmap", count="1e1"), "'1e1', not a number"),
        (passed("socketmap", count=""), "'', not a number"),
        (passed("socketmap", count=str(MAX_LISTEN_FDS + 1)), f"up to {MAX_LISTEN_FDS}"),
    ],
)
def test_a_wrong_environment_is_explained(environ: dict[str, str], reason: str) -> None:
    with pytest.raises(ActivationError, match=re.escape(reason)):
        listen_fds(environ, PID, first_fd=CLOSED_FD)


def test_a_datagram_socket_is_refused_and_closed() -> None:
    fd = hand_over(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with pytest.raises(ActivationError, match="use ListenStream="):
        listen_fds(passed("socketmap"), PID, first_fd=fd)
    assert is_closed(fd)


def test_a_socket_that_does_not_listen_is_refused_and_closed() -> None:
    fd = hand_over(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    with pytest.raises(ActivationError, match="use Accept=no"):
        listen_fds(passed("socketmap"), PID, first_fd=fd)
    assert is_closed(fd)


def test_something_that_is_no_socket_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(ActivationError, match="Socket oper"):
        listen_fds(passed("socketmap"), PID, first_fd=file.fileno())


def test_where_one_is_refused_the_others_are_closed(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    first = os.dup2(socket.create_server(("127.0.0.1", 0)).detach(), 500)
    os.dup2(fd, 501)
    with pytest.raises(ActivationError):
        listen_fds(passed("socketmap", "tcp_table"), PID, first_fd=first)
    assert is_closed(500)
    os.close(501)
    os.close(fd)


ECHO = textwrap.dedent("""
    import os
    from mtasts_resolver.daemon.systemd import listen_fds

    sockets = listen_fds(os.environ, os.getpid())
    left = [name for name in os.environ if name.startswith("LISTEN_")]
    connection, _ = sockets[0].sock.accept()
    connection.sendall(f"{[s.protocol for s in sockets]} {left}".encode())
""")


def connected(path: str) -> socket.socket:
    """Return a connection to the unix socket at `path`, as soon as someone listens."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(DEADLINE)
    end = time.monotonic() + DEADLINE
    while True:
        try:
            client.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            assert time.monotonic() < end, f"nobody listens on {path}"
            time.sleep(0.01)
        else:
            return client


@pytest.mark.skipif(
    shutil.which("systemd-socket-activate") is None, reason="there is no systemd-socket-activate"
)
def test_systemd_itself_passes_the_sockets(tmp_path: Path) -> None:
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    command = ["systemd-socket-activate", "--fdname=tcp_table:socketmap", "-l", first, "-l", second]
    with subprocess.Popen([*command, sys.executable, "-c", ECHO]) as child:
        try:
            with connected(first) as client:
                assert client.recv(4096) == b"['tcp_table', 'socketmap'] []"
            assert child.wait(DEADLINE) == 0
        finally:
            child.kill()
