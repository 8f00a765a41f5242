"""What somebody gets who means no good, at the ways in of the real daemon."""

import os
import resource
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from mtasts_resolver.control.client import ControlClient, NoDaemonError, StrangerError
from mtasts_resolver.control.values.status import DaemonStatus
from mtasts_resolver.postfix.reply import Status
from tests.system.running import PATIENCE, RunningDaemon
from tests.system.test_control import NOBODY, status, web

__all__ = ["web"]  # a fixture

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
STATUS = b"GET /v1/status HTTP/1.1\r\nHost: control\r\nConnection: close\r\n\r\n"


# -- in the place of the daemon ------------------------------------------------------------------


@contextmanager
def somebody_listens(path: Path, uid: int) -> Iterator[None]:
    """Have a user listen at `path`."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(str(path))
                path.chmod(0o777)
                sock.listen()
                os.write(tell, b"1")
                while True:
                    sock.accept()
        finally:
            os._exit(1)
    try:
        os.close(tell)
        assert os.read(told, 1) == b"1"
        yield
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(told)


def asked(path: Path) -> None:
    with ControlClient(path) as client:
        client.get(DaemonStatus, "status")


@pytest.mark.threat("control-place")
@needs_root
def test_a_command_tells_a_stranger_nothing(open_directory: Path) -> None:
    open_directory.chmod(0o1777)
    with (
        somebody_listens(open_directory / "sock", NOBODY),
        pytest.raises(StrangerError, match=rf"user nobody listens .* write to {open_directory}"),
    ):
        asked(open_directory / "sock")


@pytest.mark.threat("control-place")
@needs_root
def test_who_takes_the_place_after_the_knock_is_told_nothing_either(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_directory.chmod(0o1777)
    monkeypatch.setattr(ControlClient, "_knock", lambda _: None)
    with (
        somebody_listens(open_directory / "sock", NOBODY),
        pytest.raises(StrangerError, match="user nobody listens"),
    ):
        asked(open_directory / "sock")


@needs_root
def test_a_daemon_with_a_directory_of_its_own_is_no_stranger() -> None:
    with TemporaryDirectory(dir="/run") as name:
        directory = Path(name)
        os.chown(directory, NOBODY, NOBODY)
        path = directory / "sock"
        with somebody_listens(path, NOBODY), socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            with ControlClient(path) as client:
                client._knock()
            directory.chmod(0o777)
            with pytest.raises(StrangerError), ControlClient(path) as client:
                client._knock()


@pytest.mark.threat("socket-swapped")
@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_stands_at_the_sockets_place_is_left_alone(daemon: RunningDaemon, kind: str) -> None:
    target = daemon.directory / "target"
    target.write_text("precious")
    if kind == "file":
        daemon.control.write_text("precious")
    else:
        daemon.control.symlink_to(target)
    before = daemon.control.lstat()
    daemon.start()
    assert daemon.ask("[192.0.2.1]").status is Status.NOTFOUND
    assert "event=not-listening protocol=control" in daemon.log
    assert "remove it, or choose another path" in daemon.log
    after = daemon.control.lstat()
    assert (before.st_ino, before.st_mode, before.st_mtime) == (
        after.st_ino,
        after.st_mode,
        after.st_mtime,
    )
    assert target.read_text() == "precious"


def test_a_second_daemon_does_not_take_the_socket_of_the_first(
    daemon: RunningDaemon, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    daemon.start()
    with RunningDaemon(tmp_path / "second", port) as second:
        second.configure(control={"socket": str(daemon.control)})
        second.start()
        assert "event=not-listening protocol=control" in second.log
        assert second.ask("[192.0.2.1]").status is Status.NOTFOUND
    assert status(daemon).pid == daemon.pid
    assert stat.S_ISSOCK(daemon.control.stat().st_mode)


def test_a_socket_that_a_crash_has_left_is_replaced(daemon: RunningDaemon) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(daemon.control))
    with pytest.raises(NoDaemonError):
        asked(daemon.control)
    daemon.start()
    assert status(daemon).pid == daemon.pid
    assert "event=socket-stale-removed" in daemon.log


# -- too much ------------------------------------------------------------------------------------


def test_without_file_descriptors_look_ups_go_on_and_guests_wait(daemon: RunningDaemon) -> None:
    daemon.start()
    assert status(daemon).pid == daemon.pid
    with ExitStack() as open_now:
        asking = open_now.enter_context(connected_to(daemon))
        limit = len(os.listdir(f"/proc/{daemon.pid}/fd")) + 8  # noqa: PTH208  numbers are wanted
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (limit, limit))
        crowd = [open_now.enter_context(unix(daemon.control)) for _ in range(24)]
        waiting = open_now.enter_context(unix(daemon.control))
        waiting.sendall(STATUS)
        daemon.says("event=accept-failed")
        for _ in range(3):
            asking.sendall(b"19:default [192.0.2.1],")
            assert asking.recv(100) == b"9:NOTFOUND ,"
        for sock in crowd:
            sock.close()
        assert waiting.recv(15) == b"HTTP/1.1 200 OK"
    assert daemon.log.count("event=accept-failed") == 1
    assert "Traceback" not in daemon.log


def connected_to(daemon: RunningDaemon) -> socket.socket:
    return socket.create_connection(("127.0.0.1", daemon.port), PATIENCE)


def unix(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    sock.connect(str(path))
    return sock


# -- over HTTP -----------------------------------------------------------------------------------


@pytest.mark.threat("page-change")
def test_nothing_but_looking_is_possible_over_http(web: str) -> None:
    with httpx.Client(base_url=web) as client:
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FROB"):
            for path in ("/", "/healthz", "/metrics", "/v1/status", "/v1/purge"):
                answer = client.request(method, path, content=b"{}")
                assert answer.status_code in (404, 405), (method, path)


@pytest.mark.threat("page-path")
def test_no_path_leads_out_of_the_page(web: str) -> None:
    with httpx.Client() as client:
        for path in (
            "/../../../../etc/passwd",
            "/static/../../../../../../etc/passwd",
            "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
            "/static/..%2f..%2f..%2f..%2f..%2fetc/passwd",
            "/static//etc/passwd",
            "/static/%2fetc%2fpasswd",
            "/static/page.css%00.png",
            "/static/..\\app.py",
            "/static/",
        ):
            request = client.build_request("GET", web)
            request.url = request.url.copy_with(raw_path=path.encode())
            assert client.send(request).status_code == 404, path
