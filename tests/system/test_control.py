"""The ways in to a running daemon: the control socket, and what is served over HTTP."""

import grp
import json
import os
import re
import shutil
import signal
import socket
from functools import partial
from pathlib import Path

import click.testing
import httpx
import pytest

import mtasts_resolver
from mtasts_resolver.base.privileges import said_as
from mtasts_resolver.cli import exit_codes, main
from mtasts_resolver.control import serving
from mtasts_resolver.control.client import ControlClient, RequestRefusedError
from mtasts_resolver.control.values.status import DaemonStatus
from mtasts_resolver.postfix.reply import Status
from tests.system.running import ENFORCED, PATIENCE, RunningDaemon

NOBODY = 65_534


def run(daemon: RunningDaemon, *arguments: str) -> click.testing.Result:
    command, *rest = arguments
    config = ("--config", str(daemon.config_file))
    return click.testing.CliRunner().invoke(main, [command, *config, *rest])


def status(daemon: RunningDaemon) -> DaemonStatus:
    with ControlClient(daemon.control) as client:
        return client.get(DaemonStatus, "status")


async def test_status_says_how_the_daemon_is(daemon: RunningDaemon) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.start()
    daemon.ask("good.example")
    found = status(daemon)
    assert found.pid == daemon.pid
    assert found.listening[0].address == daemon.address
    assert [(one.name, one.address) for one in found.ways_in] == [
        ("control", f"unix:{daemon.control}")
    ]
    assert (found.lookups.total, found.lookups.waited) == (1, 0)
    assert (found.policies.enforce, found.policies.failing) == (1, 0)
    assert found.configuration.file == str(daemon.config_file)
    assert found.store.trouble is None
    shown = run(daemon, "status")
    assert f"control unix:{daemon.control}" in " ".join(shown.output.split())
    assert "1 enforce, 0 testing, 0 none" in shown.output
    told = json.loads(run(daemon, "status", "--json").output)
    assert told["dane"] == {
        "dnssec": "off",
        "why": "dns.dnssec is off",
        **dict.fromkeys(("required", "partial", "unknown", "none"), 0),
    }


def test_a_faulty_configuration_shows_in_the_status(daemon: RunningDaemon) -> None:
    daemon.start()
    before = daemon.config_file.read_text()
    daemon.config_file.write_text(f"{before}nonsense: 1\n")
    reload(daemon)
    found = status(daemon)
    assert found.configuration.faulty
    assert found.recent[0].event == "configuration-rejected"
    assert "FAULTY" in run_on(daemon, "status")
    checked = run_on(daemon, "status", "--check")
    assert checked.startswith("MTA-STS WARNING - the configuration file is faulty; 0 policies")
    daemon.config_file.write_text(f"{before}user: nobody\n")
    reload(daemon)
    assert not status(daemon).configuration.faulty
    assert status(daemon).configuration.restart_needed == ("user",)


def reload(daemon: RunningDaemon) -> None:
    daemon.signal(signal.SIGHUP)
    daemon.notified("READY=1")


def run_on(daemon: RunningDaemon, *arguments: str) -> str:
    """Return what a command says that is told the socket alone."""
    command, *rest = arguments
    options = ("--control", str(daemon.control), "--config", "/nonexistent")
    return click.testing.CliRunner().invoke(main, [command, *options, *rest]).output


def test_a_daemon_that_runs_is_no_fault_of_its_configuration(daemon: RunningDaemon) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    daemon.configure(http={"address": f"127.0.0.1:{port}"})
    daemon.start()
    assert f"protocol=http address=127.0.0.1:{port}" in daemon.log
    checked = click.testing.CliRunner().invoke(
        main, ["config", "check", str(daemon.config_file), "--json"]
    )
    told = json.loads(checked.output)
    keys = {warning["key"] for warning in told["warnings"]}
    assert (told["valid"], keys & {"$.listen[0].address", "$.http.address"}) == (True, set())
    assert "listens there" not in checked.output


def test_monitoring_is_told_in_a_line_and_a_code(daemon: RunningDaemon) -> None:
    daemon.start()
    checked = run(daemon, "status", "--check")
    assert checked.exit_code == 0
    assert checked.output.startswith("MTA-STS OK - 0 policies, 0 failing, 0 look-ups | lookups=0c;")
    assert checked.output.count("\n") == 1


def test_a_daemon_that_is_down(daemon: RunningDaemon) -> None:
    shown = run(daemon, "status")
    assert shown.exit_code == exit_codes.UNAVAILABLE
    assert f"there is no control socket {daemon.control}" in shown.output
    assert run(daemon, "status", "--check").exit_code == 2
    told = json.loads(run(daemon, "status", "--json").output)
    assert told["exit_code"] == exit_codes.UNAVAILABLE
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(daemon.control))  # and nobody listens
    assert "nobody listens" in run(daemon, "status").output


def test_a_daemon_whose_program_was_replaced_says_that_it_is_to_be_restarted(
    daemon: RunningDaemon, tmp_path: Path
) -> None:
    program = tmp_path / "program" / "mtasts_resolver"
    shutil.copytree(Path(mtasts_resolver.__file__).parent, program)
    daemon.start(command=("env", "-C", str(program.parent)))
    api = program / "control" / "api" / "app.py"
    api.write_text(f"from mtasts_resolver.base import of_the_next_version\n{api.read_text()}")
    for _ in range(2):
        shown = run(daemon, "status")
        assert shown.exit_code == exit_codes.TEMPORARY
        assert "restart it (systemctl restart mtasts-resolver)" in shown.output
    assert run(daemon, "status", "--check").exit_code == 3
    assert daemon.ask("[192.0.2.1]").status is Status.NOTFOUND
    assert daemon.log.count("event=not-serving protocol=control") == 1


def test_the_socket_is_its_owners_and_leaves_with_the_daemon(daemon: RunningDaemon) -> None:
    daemon.start()
    assert daemon.control.stat().st_mode & 0o777 == 0o600
    status(daemon)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert not daemon.control.exists()
    assert "level=error" not in daemon.log


@pytest.mark.threat("control-stranger")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_stranger_gets_nothing_and_a_member_of_the_group_all(
    open_daemon: RunningDaemon,
) -> None:
    open_daemon.configure(control={"socket": str(open_daemon.control), "group": "mail"})
    open_daemon.start()
    assert open_daemon.control.stat().st_mode & 0o777 == 0o660
    assert as_user(NOBODY, [NOBODY], open_daemon.control) == "PermissionError"
    assert as_user(NOBODY, [grp.getgrnam("mail").gr_gid], open_daemon.control) == "connected"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_is_not_let_in_is_told_so_apart_from_wrong_usage(open_daemon: RunningDaemon) -> None:
    lookups = f"unix:{open_daemon.directory}/lookups"
    listener = {"protocol": "socketmap", "address": lookups, "mode": "0600"}
    open_daemon.configure(listen=[listener])
    open_daemon.start()
    control = ("--control", str(open_daemon.control))

    def tried(*arguments: str) -> str:
        ended = click.testing.CliRunner().invoke(main, [*arguments, "--json"])
        return f"{ended.exit_code} {ended.output}"

    for arguments in (
        ("status", *control),
        ("cache", "purge", "--yes", "good.example", *control),
        ("override", "list", *control),
        ("query", "good.example", "--server", lookups),
    ):
        tried(*arguments)  # as root, for nobody may not be able to read what is imported for it
        code, _, told = said_as("nobody", partial(tried, *arguments)).partition(" ")
        assert int(code) == exit_codes.NOT_PERMITTED, told
        assert json.loads(told)["exit_code"] == exit_codes.NOT_PERMITTED
        assert "is not for you" in json.loads(told)["error"]
    checked = said_as("nobody", partial(tried, "status", "--check", *control))
    assert checked.startswith("3 MTA-STS UNKNOWN - the control socket")


def as_user(uid: int, groups: list[int], path: Path) -> str:
    """Return what becomes of a connection to `path` that another user tries."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        outcome = "connected"
        try:
            os.setgroups(groups)
            os.setgid(groups[0])
            os.setuid(uid)
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(path))
        except BaseException as error:  # noqa: BLE001  told to whoever asked
            outcome = type(error).__name__
        os.write(theirs, outcome.encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as told:
        outcome = told.read()
    os.waitpid(pid, 0)
    return outcome


def test_what_is_not_understood_is_refused_with_the_reason(daemon: RunningDaemon) -> None:
    daemon.start()
    with ControlClient(daemon.control) as client:
        for path, params, words in (
            (("nowhere",), {}, "not found"),
            (("status",), {"colour": "red"}, "there is no parameter 'colour'"),
        ):
            with pytest.raises(RequestRefusedError, match=words):
                client.get(DaemonStatus, *path, **params)
        with pytest.raises(RequestRefusedError, match="method not allowed"):
            client.ask("POST", DaemonStatus, "status")


@pytest.mark.threat("page-slow")
def test_who_dawdles_is_shown_out_and_who_waits_is_let_in(daemon: RunningDaemon) -> None:
    daemon.start()
    crowd = [connected(daemon) for _ in range(serving.MAX_CONNECTIONS)]
    try:
        assert status(daemon).pid == daemon.pid
        for early in crowd:
            assert ended(early)
    finally:
        for sock in crowd:
            sock.close()


def connected(daemon: RunningDaemon) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    sock.connect(str(daemon.control))
    return sock


def ended(sock: socket.socket) -> bool:
    """Tell whether the daemon ends the connection."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


# -- over HTTP -------------------------------------------------------------------------------------


@pytest.fixture
def web(daemon: RunningDaemon) -> str:
    """The address at which a running daemon serves HTTP."""
    daemon.configure(http={"address": "127.0.0.1:0", "hosts": ["status.example"]})
    daemon.start()
    found = re.search(r"protocol=http address=(\S+)", daemon.log)
    assert found
    return f"http://{found[1]}"


def test_health(web: str) -> None:
    answer = httpx.get(f"{web}/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.threat("page-rebinding")
@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True),
        ("LOCALHOST:1", True),
        ("status.example", True),
        ("192.0.2.1:8463", True),
        ("[::1]:8463", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
        ("[::1", False),
        ("a b", False),
    ],
)
def test_only_names_of_ours_are_served(web: str, host: str, known: bool) -> None:
    assert httpx.get(f"{web}/healthz", headers={"Host": host}).is_success is known


def test_an_address_in_use_does_not_keep_the_daemon_from_answering(
    daemon: RunningDaemon,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        daemon.configure(http={"address": f"127.0.0.1:{other.getsockname()[1]}"})
        daemon.start()
        assert daemon.ask("[192.0.2.1]").status is Status.NOTFOUND
        assert "event=not-listening protocol=http" in daemon.log
        _, http = status(daemon).ways_in
        assert (http.name, http.address) == ("http", None)
        assert "another process listens there ('ss -lntp' names it)" in (http.trouble or "")
        checked = run(daemon, "status", "--check")
        assert checked.exit_code == 1
        assert checked.output.startswith(f"MTA-STS WARNING - http: {http.trouble}")
