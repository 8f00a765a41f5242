"""Listening sockets: real ones, of each kind, and what can be in their way."""

import grp
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mtasts_resolver.config import ListenerConfig
from mtasts_resolver.server.listeners import (
    Listener,
    ListenError,
    adopt_socket,
    bind_each,
    bind_inet,
    open_listeners,
)
from tests.unit.server.client import LOOPBACK, inet, unix

ROOT = Path(__file__).parents[3]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


async def open_one(one: ListenerConfig) -> Listener:
    (listener,) = await open_listeners([one])
    return listener


def port_of(listener: Listener) -> int:
    return int(listener.name.rpartition(":")[2])


def stream(host: str, port: int = 0) -> tuple[int, int, int, str, tuple[object, ...]]:
    """Return what getaddrinfo() says of an address."""
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)


class TestInet:
    async def test_ipv4_and_ipv6_wildcards_share_a_port(self) -> None:
        four = await open_one(inet("0.0.0.0"))
        six = await open_one(inet("::", port_of(four)))
        assert four.name == f"inet:0.0.0.0:{port_of(four)}"
        assert six.name == f"inet:[::]:{port_of(four)}"
        six.close()
        four.close()

    async def test_a_name(self) -> None:
        listeners = await open_listeners([inet("localhost")])
        assert {listener.name.rpartition(":")[0] for listener in listeners} <= {
            "inet:127.0.0.1",
            "inet:[::1]",
        }
        for listener in listeners:
            listener.close()

    async def test_a_port_may_be_taken_again_at_once(self) -> None:
        first = await open_one(LOOPBACK)
        address = first.sock.getsockname()
        client = socket.create_connection(address)
        served, _ = first.sock.accept()
        served.close()  # the server closes first, so that TIME_WAIT is on its side
        client.close()
        first.close()
        (await open_one(inet(*address))).close()

    async def test_in_use(self) -> None:
        first = await open_one(LOOPBACK)
        with pytest.raises(ListenError) as caught:
            await open_listeners([inet("127.0.0.1", port_of(first))])
        assert str(caught.value) == (
            f"cannot listen on {first.name}: another process listens there"
            " ('ss -lntp' names it): stop it, or choose another port"
        )
        first.close()

    @pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
    async def test_an_address_of_another_machine(self, address: str) -> None:
        with pytest.raises(ListenError, match=r"^cannot listen on inet:.*: this machine "):
            await open_listeners([inet(address)])

    async def test_a_name_without_address(self) -> None:
        with pytest.raises(ListenError, match=r"nowhere\.invalid:\d+: its name has no address"):
            await open_listeners([inet("nowhere.invalid")])

    def test_of_several_addresses_those_are_bound_that_the_machine_has(self) -> None:
        others, ours = stream("192.0.2.1"), stream("127.0.0.1")
        (sock,) = bind_each([others, ours, ours], bind_inet)
        with sock:
            assert sock.getsockname()[0] == "127.0.0.1"
            taken = stream(*sock.getsockname())
            with pytest.raises(OSError, match="in use"):
                next(bind_each([taken, ours], bind_inet))
        with pytest.raises(OSError, match="Cannot assign"):
            next(bind_each([others], bind_inet))

    async def test_all_or_none(self) -> None:
        blocker = await open_one(LOOPBACK)
        free = await open_one(LOOPBACK)
        port = port_of(free)
        free.close()
        with pytest.raises(ListenError):
            await open_listeners([inet("127.0.0.1", port), inet("127.0.0.1", port_of(blocker))])
        (await open_one(inet("127.0.0.1", port))).close()
        blocker.close()


def owner_and_mode(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid, status.st_mode


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


class TestUnix:
    async def test_listens_and_is_removed_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "map"
        listener = await open_one(unix(path))
        assert listener.name == f"unix:{path}"
        assert connects(path)
        listener.close()
        listener.close()
        assert not path.exists()

    @pytest.mark.parametrize(("mode", "expected"), [(None, 0o666), (0o600, 0o600), (0o660, 0o660)])
    async def test_mode_whatever_the_umask(
        self, tmp_path: Path, mode: int | None, expected: int
    ) -> None:
        umask = os.umask(0o027)
        try:
            listener = await open_one(unix(tmp_path / "m", mode=mode))
            assert os.umask(0o027) == 0o027
        finally:
            os.umask(umask)
        assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == expected
        listener.close()

    @needs_root
    async def test_owner_and_group(self, tmp_path: Path) -> None:
        listener = await open_one(unix(tmp_path / "m", owner="nobody", group="daemon"))
        status = (tmp_path / "m").stat()
        assert (tmp_path / "m").owner() == "nobody"
        assert (tmp_path / "m").group() == "daemon"
        assert stat.S_IMODE(status.st_mode) == 0o660
        listener.close()

    @pytest.mark.threat("socket-swapped")
    @needs_root
    @pytest.mark.parametrize("kind", ["link", "hard link", "socket of another"])
    async def test_what_is_put_in_its_place_is_not_given_away(
        self, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, victim = tmp_path / "m", tmp_path / "victim"
        if kind == "socket of another":
            with socket.socket(socket.AF_UNIX) as other:
                other.bind(str(victim))
            os.chown(victim, NOBODY, NOBODY)
        else:
            victim.touch()
        victim.chmod(0o600)

        class Attacked(socket.socket):
            """A socket whose file somebody replaces at once who can write to the directory."""

            def bind(self, address: object) -> None:
                super().bind(address)  # type: ignore[arg-type]  # as the base class says
                path.unlink()
                if kind == "link":
                    path.symlink_to(victim)
                else:
                    path.hardlink_to(victim)

        monkeypatch.setattr(socket, "socket", Attacked)
        before = owner_and_mode(victim)
        with pytest.raises(ListenError, match="put a file there at this very moment"):
            await open_listeners([unix(path, owner="mail", group="daemon", mode=0o666)])
        assert owner_and_mode(victim) == before
        assert path.exists()

    async def test_the_group_may_be_one_of_ones_own(self, tmp_path: Path) -> None:
        group = grp.getgrgid(os.getgid()).gr_name
        listener = await open_one(unix(tmp_path / "m", group=group, mode=0o620))
        status = (tmp_path / "m").stat()
        assert (status.st_gid, stat.S_IMODE(status.st_mode)) == (os.getgid(), 0o620)
        listener.close()

    async def test_a_stale_socket_is_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "m"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
            dead.listen()
        assert path.is_socket()
        assert not connects(path)
        listener = await open_one(unix(path))
        assert connects(path)
        listener.close()

    async def test_a_live_socket_is_an_error_and_lives_on(self, tmp_path: Path) -> None:
        path = tmp_path / "m"
        first = await open_one(unix(path))
        with pytest.raises(ListenError, match=rf"listen on unix:{path}: another process listens"):
            await open_listeners([unix(path)])
        assert connects(path)
        first.close()

    async def test_a_live_socket_with_a_full_backlog(self, tmp_path: Path) -> None:
        path = tmp_path / "m"
        with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
            busy.bind(str(path))
            busy.listen(0)
            waiting.connect(str(path))
            with pytest.raises(ListenError, match="another process listens there"):
                await open_listeners([unix(path)])
            assert path.is_socket()

    @pytest.mark.parametrize("kind", ["file", "directory", "link", "fifo"])
    async def test_what_is_no_socket_is_never_removed(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "m"
        if kind == "file":
            path.write_text("precious")
        elif kind == "directory":
            path.mkdir()
        elif kind == "link":
            path.symlink_to(tmp_path / "elsewhere")
        else:
            os.mkfifo(path)
        before = path.lstat()
        with pytest.raises(ListenError, match="no socket: remove it, or choose another path"):
            await open_listeners([unix(path)])
        assert path.lstat() == before

    async def test_the_directory_must_exist(self, tmp_path: Path) -> None:
        with pytest.raises(ListenError, match=rf"the directory {tmp_path}/no does not exist"):
            await open_listeners([unix(tmp_path / "no" / "m")])

    @pytest.mark.parametrize(
        ("owner", "group", "why"),
        [
            ("noone", None, "there is no user 'noone'"),
            (None, "noone", "there is no group 'noone'"),
            ("9999999999", None, "9999999999 is no number of a user: 4294967294 is the last"),
            (None, "4294967295", "4294967295 is no number of a group"),  # chown(2): no change
        ],
    )
    async def test_unknown_owners(
        self, tmp_path: Path, owner: str | None, group: str | None, why: str
    ) -> None:
        with pytest.raises(ListenError, match=why):
            await open_listeners([unix(tmp_path / "m", owner=owner, group=group)])
        assert not (tmp_path / "m").exists()

    async def test_another_process_s_socket_is_not_removed_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "m"
        ours = await open_one(unix(path))
        path.unlink()
        theirs = await open_one(unix(path))
        ours.close()
        assert connects(path)
        theirs.close()
        assert not path.exists()

    async def test_already_removed(self, tmp_path: Path) -> None:
        listener = await open_one(unix(tmp_path / "m"))
        (tmp_path / "m").unlink()
        listener.close()


class TestAdopted:
    """Sockets of the service manager."""

    async def test_inet(self) -> None:
        sock = socket.create_server(("127.0.0.1", 0))
        listener = adopt_socket("tcp_table", sock)
        assert listener.name == f"inet:127.0.0.1:{sock.getsockname()[1]}"
        assert not sock.getblocking()
        listener.close()

    async def test_the_file_of_a_unix_socket_is_left(self, tmp_path: Path) -> None:
        path = tmp_path / "m"
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(path))
        sock.listen()
        listener = adopt_socket("socketmap", sock)
        assert listener.name == f"unix:{path}"
        listener.close()
        assert path.is_socket()


NOBODY = 65534
UNPRIVILEGED = """
import asyncio, os, sys
from mtasts_resolver.config import ListenerConfig
from mtasts_resolver.config import parse_address
from mtasts_resolver.server.listeners import ListenError, open_listeners
import concurrent.futures.thread, encodings.idna  # needed later, and out of reach without root
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
address, owner, group = parse_address(sys.argv[1]), sys.argv[2] or None, sys.argv[3] or None
listen = ListenerConfig(protocol="socketmap", address=address, owner=owner, group=group)
try:
    asyncio.run(open_listeners([listen]))
except ListenError as error:
    print(error)
"""


@needs_root
class TestWithoutRoot:
    def run(self, address: str, owner: str = "", group: str = "") -> str:
        return subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, address, owner, group],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    @pytest.fixture
    def directory(self) -> Iterator[Path]:
        """Return a directory of nobody's, which it can reach, unlike pytest's own."""
        with TemporaryDirectory() as name:
            os.chown(name, NOBODY, -1)
            yield Path(name)

    def test_a_directory_that_may_not_be_written(self, directory: Path) -> None:
        os.chown(directory, 0, 0)
        assert self.run(f"unix:{directory}/m").endswith(
            f"the daemon's user may not make files in the directory {directory}\n"
        )

    def test_a_directory_that_may_not_be_looked_into(self, directory: Path) -> None:
        os.chown(directory, 0, 0)
        directory.chmod(0o700)
        assert "may not make files in the directory" in self.run(f"unix:{directory}/m")

    @pytest.mark.parametrize("who", [{"owner": "root"}, {"group": "daemon"}])
    def test_giving_the_socket_away(self, directory: Path, who: dict[str, str]) -> None:
        assert "add the daemon's user to the group" in self.run(f"unix:{directory}/m", **who)
        assert list(directory.iterdir()) == []

    def test_a_socket_that_may_not_be_connected_to(self, directory: Path) -> None:
        path = directory / "m"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(path))
        path.chmod(0o600)
        assert "the daemon's user may not connect" in self.run(f"unix:{path}")
        assert path.is_socket()

    def test_a_low_port(self) -> None:
        lowest = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()
        if int(lowest) <= 1:
            pytest.skip("this machine lets anybody have any port")
        assert "ports below 1024 need root" in self.run("inet:127.0.0.1:1")
