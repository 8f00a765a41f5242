"""`config check` tells where the daemon could not listen."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from mtasts_resolver.base.privileges import said_as
from mtasts_resolver.config import (
    Config,
    ControlConfig,
    HttpAddress,
    HttpConfig,
    InetAddress,
    ListenerConfig,
    Loaded,
    UnixAddress,
)
from mtasts_resolver.daemon.preflight import Report, look_into
from mtasts_resolver.daemon.preflight.portholders import PortHolder, holders

PLAIN, ROOT = 1000, 0  # user ids
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
Made = Callable[..., Config]
OFF = HttpConfig(address=None)
ABSENT = "192.0.2.1"  # RFC 5737: no machine has it
ANY = ListenerConfig(protocol="socketmap", address=InetAddress("127.0.0.1", 0))


def inet(host: str, port: int = 0) -> Config:
    listener = ListenerConfig(protocol="socketmap", address=InetAddress(host, port))
    return Config(listen=(ANY, listener), http=OFF)


def http(host: str, port: int = 0) -> Config:
    return Config(listen=(ANY,), http=HttpConfig(address=HttpAddress(host, port)))


def unix(path: Path, group: str | None = None) -> Config:
    address = UnixAddress(str(path))
    listener = ListenerConfig(protocol="socketmap", address=address, group=group)
    return Config(listen=(listener,), http=OFF)


def control(path: Path, group: str | None = None) -> Config:
    return Config(listen=(ANY,), http=OFF, control=ControlConfig(socket=path, group=group))


def report(config: Config, directory: Path, uid: int = PLAIN) -> Report:
    environ = dict.fromkeys(("STATE_DIRECTORY", "RUNTIME_DIRECTORY"), str(directory))
    return look_into(Loaded(config), environ, uid)


def warnings(config: Config, directory: Path, uid: int = PLAIN) -> str:
    """Return the warnings, where there are no errors; that all this is below /tmp is none here."""
    found = report(config, directory, uid)
    assert found.errors == []
    told = [f"{fault.key}: {fault.reason}" for fault in found.warnings]
    return "\n".join(line for line in told if "others can write to /tmp," not in line)


# -- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "key"), [(inet, "$.listen[1].address"), (http, "$.http.address")]
)
@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("127.0.0.1", ""),
        ("::1", ""),
        (ABSENT, "this machine has no such address"),
        ("nowhere.invalid", "its name has no address"),
    ],
)
def test_an_address_that_this_machine_has_not(
    tmp_path: Path, config: Made, key: str, host: str, words: str
) -> None:
    told = warnings(config(host), tmp_path)
    assert told.startswith(f"{key}: nobody could listen there now: {words}") if words else not told


@contextmanager
def listening_process(*command: str | Path) -> Iterator[tuple[int, int]]:
    """Have a process listen at a port; yield its id, and the port."""
    program = "import socket; s = socket.create_server(('127.0.0.1', 0))\n"
    program += "print(s.getsockname()[1], flush=True); s.accept()"
    with subprocess.Popen([*command, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.pid, int(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("config", [inet, http])
def test_a_port_that_another_program_has(tmp_path: Path, config: Made) -> None:
    with listening_process(sys.executable) as (pid, port):
        told = warnings(config("127.0.0.1", port), tmp_path)
    assert f"(pid {pid}) listens there now: stop it, or choose another port" in told


def test_systemd_may_hold_a_port_for_the_daemon(tmp_path: Path) -> None:
    systemd = tmp_path / "systemd"
    systemd.symlink_to(Path(sys.executable).resolve())
    with listening_process(systemd, "-I") as (pid, port):
        (found,) = holders(port)
        assert (found.pid, found.name) == (pid, "systemd")
        assert warnings(inet("127.0.0.1", port), tmp_path) == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("/usr/bin/python3 /opt/venv/bin/mtasts-resolver serve", True),
        ("/usr/bin/python3 -m mtasts_resolver serve", True),
        ("/usr/bin/python3 -m http.server", False),
        ("nginx: worker process", False),
        ("", False),
    ],
)
def test_a_daemon_is_known_by_its_program(arguments: str, expected: bool) -> None:
    assert PortHolder(7, "python3", tuple(arguments.split())).is_expected is expected


@as_root
def test_whose_port_it_is_that_the_user_may_not_know_is_not_guessed(open_directory: Path) -> None:
    open_directory.chmod(0o777)
    with listening_process(sys.executable) as (pid, port):

        def told() -> str:
            return warnings(inet("127.0.0.1", port), open_directory)

        assert f"(pid {pid})" in told()
        assert said_as("nobody", told) == ""


def test_to_look_hinders_nobody_who_listens_there_next(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as before:
        port = before.getsockname()[1]
    assert warnings(inet("127.0.0.1", port), tmp_path) == ""
    with socket.socket() as after:
        after.bind(("127.0.0.1", port))
        after.listen()


@as_root
@pytest.mark.parametrize("config", [inet, http])
def test_a_port_that_is_roots_is_out_of_the_units_reach(tmp_path: Path, config: Made) -> None:
    told = warnings(config("127.0.0.1", 998), tmp_path, ROOT)
    assert "the systemd unit gives the daemon no right to ports below 1024" in told


@pytest.mark.parametrize(
    ("lookups", "page", "warned"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("127.0.0.1", "0.0.0.0", True),
        ("127.0.0.1", "127.0.0.2", False),
    ],
)
def test_a_port_that_look_ups_have_already(
    tmp_path: Path, free_port: int, lookups: str, page: str, *, warned: bool
) -> None:
    config = msgspec.structs.replace(
        inet(lookups, free_port), http=HttpConfig(address=HttpAddress(page, free_port))
    )
    told = "$.http.address: that port is the one of $.listen[1]: choose another"
    assert warnings(config, tmp_path) == (told if warned else "")


def test_a_control_socket_that_look_ups_have_already(tmp_path: Path) -> None:
    both = msgspec.structs.replace(
        unix(tmp_path / "sock"), control=ControlConfig(socket=tmp_path / "sock")
    )
    assert "$.control.socket: that is the one of $.listen[0]" in warnings(both, tmp_path)


# -- unix sockets --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "key"), [(unix, "$.listen[0].address"), (control, "$.control.socket")]
)
def test_what_stands_at_a_sockets_place(tmp_path: Path, config: Made, key: str) -> None:
    file = tmp_path / "sock"
    file.touch()
    told = warnings(config(file), tmp_path)
    assert told.startswith(f"{key}: there is a file that is no socket: remove it")
    file.unlink()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(file))
        assert warnings(config(file), tmp_path) == ""
    assert file.is_socket()  # a running daemon's, perhaps


def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    told = warnings(unix(missing / "sock"), tmp_path)
    assert f"the directory {missing} does not exist: create it for the daemon" in told
    assert warnings(control(missing / "deeper" / "sock"), tmp_path) == ""  # the daemon makes it


@pytest.mark.parametrize("config", [unix, control])
def test_a_directory_that_is_none(tmp_path: Path, config: Made) -> None:
    (tmp_path / "file").touch()
    assert "file" in warnings(config(tmp_path / "file" / "sock"), tmp_path)


@as_root
@pytest.mark.parametrize("config", [unix, control])
def test_a_directory_that_is_not_the_users(open_directory: Path, config: Made) -> None:
    open_directory.chmod(0o755)
    state = open_directory / "state"
    state.mkdir()
    state.chmod(0o777)

    def told() -> str:
        return warnings(config(open_directory / "sock"), state)

    words = f"the daemon's user may not make files in the directory {open_directory}"
    assert words in said_as("nobody", told)
    assert words not in told()


@as_root
@pytest.mark.parametrize(
    ("path", "warned"),
    [
        ("/root/lookups", ["hides /root/lookups", "no file in /root"]),
        ("/srv/lookups", ["no file in /srv: have a socket unit listen there"]),
        ("/run/mtasts-resolver/lookups", []),
    ],
)
def test_a_socket_that_the_unit_does_not_let_through(
    tmp_path: Path, path: str, warned: list[str]
) -> None:
    told = warnings(unix(Path(path)), tmp_path, ROOT)
    assert [words in line for words, line in zip(warned, told.splitlines(), strict=True)] == [
        True
    ] * len(warned)


@as_root
def test_a_group_that_the_daemons_user_is_not_in(open_directory: Path) -> None:
    open_directory.chmod(0o777)
    for config, key in (
        (unix(open_directory / "lookups", "mail"), "$.listen[0]"),
        (control(open_directory / "sock", "mail"), "$.control.group"),
    ):

        def told(config: Config = config) -> str:
            return warnings(config, open_directory, PLAIN)

        words = f"{key}: its owner cannot be changed without root"
        assert words in said_as("nobody", told)
        assert words not in warnings(config, open_directory, ROOT)


def test_a_control_socket_where_anybody_could_listen(open_directory: Path) -> None:
    open_directory.chmod(0o1777)
    told = warnings(control(open_directory / "own" / "sock"), open_directory)
    assert f"others can write to {open_directory}, and listen in the daemon's place" in told
