"""`doctor` beside a real daemon, and a configuration of Postfix that the real postconf(1) reads."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mtasts_resolver.cli import exit_codes
from mtasts_resolver.config import UnixAddress
from tests.system.postfixes import HAS_POSTFIX, write_postfix
from tests.system.running import PATIENCE, RunningDaemon
from tests.system.test_control import NOBODY
from tests.system.test_ways_in import somebody_listens

pytestmark = pytest.mark.skipif(not HAS_POSTFIX, reason="Postfix is not installed")

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
# Nobody else can reach its port 25, so nothing is to be said of it.
MAIN_CF = "inet_interfaces = loopback-only\nsmtp_tls_policy_maps = {}\n"


class Told:
    """What `doctor` printed as JSON."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        assert done.stderr == ""
        self.exit_code = done.returncode
        self.report: dict[str, Any] = json.loads(done.stdout)
        assert self.report["exit_code"] == self.exit_code
        self.findings: list[dict[str, Any]] = [
            finding for section in self.report["sections"] for finding in section["findings"]
        ]

    @property
    def codes(self) -> set[str]:
        return {finding["code"] for finding in self.findings}

    def about(self, code: str) -> dict[str, Any]:
        """Return the one finding of a kind."""
        (found,) = (finding for finding in self.findings if finding["code"] == code)
        return found

    def well(self, about: str) -> str:
        """Return what is well about something."""
        return next(
            str(finding["found"])
            for finding in self.findings
            if finding["code"] == "ok" and about in finding["about"]
        )


def run_doctor(
    daemon: RunningDaemon, *options: str, tables: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command for the daemon and a Postfix that asks `tables`."""
    asked = f"socketmap:{daemon.address}:default" if tables is None else tables
    etc = write_postfix(daemon.directory, MAIN_CF.format(asked))
    return subprocess.run(
        [
            *(sys.executable, "-m", "mtasts_resolver", "doctor", "--postfix-config", str(etc)),
            *("--config", str(daemon.config_file), "--control", str(daemon.control), *options),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def doctor(daemon: RunningDaemon, tables: str | None = None) -> Told:
    return Told(run_doctor(daemon, "--json", tables=tables))


@pytest.mark.finding("override-weakens", "daemon-dane-off", "map-unknown")
def test_what_an_administrator_has_decided_is_noted(daemon: RunningDaemon) -> None:
    skipped = {"a.example": {"action": "skip", "reason": "their certificate"}}
    daemon.configure(overrides=skipped)
    daemon.start()
    daemon.ask("b.example", "nonsense")
    told = doctor(daemon)
    assert {"override-weakens", "daemon-dane-off", "map-unknown"} <= told.codes
    assert "runs, pid" in told.well("daemon")
    assert "NOTFOUND" in told.well("socketmap:")


def test_what_can_be_typed_alone(daemon: RunningDaemon) -> None:
    """And what no command mends, on standard error: one place is for a shell, the other is read."""
    told = doctor(daemon, tables="")
    done = run_doctor(daemon, "--commands", "--offline", tables="")
    assert (done.returncode, told.exit_code) == (exit_codes.ERRORS_FOUND, exit_codes.ERRORS_FOUND)
    etc = daemon.directory / "etc"
    joined = done.stdout.replace(" \\\n   ", "")
    assert joined.splitlines() == told.report["commands"]
    assert joined.startswith(f"postconf -c {etc} -e 'smtp_tls_policy_maps = socketmap:")
    assert "error: daemon: " in done.stderr


def test_offline_nobody_else_is_asked(daemon: RunningDaemon) -> None:
    told = Told(run_doctor(daemon, "--json", "--offline"))
    unseen = [one["about"] for one in told.findings if one["code"] == "not-looked-at"]
    assert "/etc/resolv.conf" in unseen
    done = run_doctor(daemon, "--offline", "--try", "enforced.example")
    assert (done.returncode, done.stdout) == (exit_codes.USAGE, "")
    done = run_doctor(daemon, "--commands", "--json")
    assert "--commands, --fix and --json" in done.stdout


@pytest.mark.finding("daemon-not-running", "socket-silent")
def test_a_daemon_that_is_down(daemon: RunningDaemon) -> None:
    told = doctor(daemon)
    assert {"daemon-not-running", "socket-silent"} <= told.codes
    assert told.exit_code == exit_codes.ERRORS_FOUND
    assert told.report["severity"] == "error"


@pytest.mark.finding(
    *("daemon-restart-needed", "configuration-rejected", "daemon-worry", "configuration-doubtful"),
)
def test_a_configuration_that_is_not_in_force(daemon: RunningDaemon) -> None:
    daemon.start()
    daemon.configure(dns={"servers": ["127.0.0.1:2"], "timeout": "1s"})
    daemon.signal(signal.SIGHUP)
    daemon.notified("READY=1")
    told = doctor(daemon)
    assert "dns.servers" in told.about("daemon-restart-needed")["found"]
    assert "configuration-rejected" not in told.codes
    # A file that root sees, and that the systemd unit would hide.
    assert ("configuration-doubtful" in told.codes) == (os.geteuid() == 0)
    daemon.configure(nonsense=True)
    daemon.signal(signal.SIGHUP)
    daemon.notified("READY=1")
    told = doctor(daemon)
    assert "nonsense" in told.about("configuration-rejected")["found"]
    assert "faulty" in told.about("daemon-worry")["found"]


@pytest.mark.finding("daemon-trouble")
def test_name_servers_that_do_not_answer(daemon: RunningDaemon) -> None:
    daemon.configure(dns={"servers": ["127.0.0.1:1"], "timeout": "1s"})
    daemon.start()
    told = doctor(daemon)
    assert told.about("daemon-trouble")["found"].startswith("dns:")


@needs_root
@pytest.mark.finding("socket-denied", "socket-silent")
def test_the_socket_is_asked_as_postfix_would(open_daemon: RunningDaemon) -> None:
    daemon = open_daemon
    (daemon.directory / "spool/mtasts").mkdir(parents=True)
    inside, outside = daemon.directory / "spool/mtasts/socketmap", daemon.directory / "outside"
    closed = daemon.directory / "spool/closed"
    listen = [
        {"protocol": "socketmap", "address": str(UnixAddress(str(inside)))},
        {"protocol": "socketmap", "address": str(UnixAddress(str(outside)))},
        {"protocol": "socketmap", "address": str(UnixAddress(str(closed))), "mode": "0600"},
        {"protocol": "tcp_table", "address": daemon.address},
    ]
    daemon.configure(listen=listen)
    daemon.start()
    # Debian's smtp(8) is chrooted; proxymap(8) is not.
    tables = [
        "socketmap:unix:mtasts/socketmap:default",
        f"proxy:socketmap:unix:{outside}:default",
        f"tcp:127.0.0.1:{daemon.port}",
    ]
    told = doctor(daemon, " ".join(tables))
    assert not {"socket-denied", "socket-silent"} & told.codes
    for table in tables:
        assert told.well(table) == (
            "answers user postfix: NOTFOUND"
            if "proxy" in table
            else f"answers user postfix, chrooted to {daemon.directory}/spool: NOTFOUND"
        )
    told = doctor(daemon, f"socketmap:unix:{outside}:default")
    assert told.about("socket-silent")["found"].endswith(f"{daemon.directory}/spool it answers")
    told = doctor(daemon, "socketmap:unix:closed:default")
    assert "user postfix" in told.about("socket-denied")["found"]


@pytest.mark.threat("port-stolen")
@needs_root
@pytest.mark.finding("control-socket-untrusted")
def test_somebody_in_the_daemons_place(open_daemon: RunningDaemon) -> None:
    daemon = open_daemon
    daemon.directory.chmod(0o777)
    with somebody_listens(daemon.control, NOBODY):
        told = doctor(daemon)
    assert "control-socket-untrusted" in told.codes


@pytest.mark.parametrize("answer", [b"17:TEMP out of order,", b"17:OK secure match=a,"])
@pytest.mark.finding("socket-answers-otherwise")
def test_another_policy_server_where_postfix_asks(answer: bytes, daemon: RunningDaemon) -> None:
    with socket.create_server(("127.0.0.1", daemon.port)) as server:
        Thread(target=answer_once, args=(server, answer)).start()
        told = doctor(daemon)
    assert answer[3:-1].decode() in told.about("socket-answers-otherwise")["found"]


def answer_once(server: socket.socket, answer: bytes) -> None:
    with server.accept()[0] as connection:
        connection.recv(100)
        connection.sendall(answer)


def test_a_script_and_nothing_else_is_printed(daemon: RunningDaemon) -> None:
    done = run_doctor(daemon, "--fix")
    assert done.stderr == ""
    assert done.returncode == exit_codes.ERRORS_FOUND
    assert done.stdout.startswith("#!/bin/sh\n")
    checked = subprocess.run(["sh", "-n"], input=done.stdout, text=True, check=False)
    assert checked.returncode == 0
    for wrong in (("--fix", "--json"), ("--try", "a..b"), ("--try", "")):
        assert run_doctor(daemon, *wrong).returncode == exit_codes.USAGE


def test_in_a_pipe_it_is_plain_and_problems_stand_alone(daemon: RunningDaemon) -> None:
    daemon.start()
    whole, problems = (run_doctor(daemon, *options) for options in ((), ("--problems",)))
    assert "\033" not in whole.stdout
    assert "\nok  " in whole.stdout
    assert "\nok  " not in problems.stdout
    assert whole.stderr == problems.stderr == ""
