"""The systemd units, as systemd's own tools see them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mtasts_resolver.config import Config
from mtasts_resolver.daemon.run import DRAIN_TIMEOUT, OPEN_FILES
from mtasts_resolver.daemon.systemd import PROTOCOLS
from mtasts_resolver.server.listeners import BACKLOG
from mtasts_resolver.store.sqlite import CLOSE_TIMEOUT

UNITS = Path(__file__).parents[2] / "systemd"
SERVICE = "mtasts-resolver.service"
REPORT = "mtasts-resolver-report.service"
PROGRAM = "/opt/mtasts-resolver/venv/bin/mtasts-resolver"
MAX_EXPOSURE = 15  # tenths: systemd-analyze calls the best units 0 and the worst 100

analysed = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze"
)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A copy of the units, whose program exists: systemd-analyze looks."""
    copy = tmp_path / "units"
    shutil.copytree(UNITS, copy)
    for name in (SERVICE, REPORT):
        service = copy / name
        text = service.read_text()
        assert text.count(PROGRAM) == 2
        service.write_text(text.replace(PROGRAM, "/bin/true"))
    mail = copy / f"{REPORT}.d" / "mail.conf"
    mail.write_text(mail.read_text().replace(PROGRAM, "/bin/true"))
    return copy


def verify(units: Path) -> tuple[int, str]:
    files = [path for path in sorted(units.iterdir()) if path.is_file()]
    return analyse("verify", "--recursive-errors=yes", "--man=no", *files)


def rate(units: Path, service: str = SERVICE) -> tuple[int, str]:
    threshold = f"--threshold={MAX_EXPOSURE}"
    return analyse("security", "--offline=true", threshold, units / service)


def analyse(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"LC_ALL": "C"},
    )
    return done.returncode, done.stdout


def settings(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"(?m)^(\w+)=(.*)$", path.read_text()):
        found.setdefault(name, []).append(value)
    return found


@analysed
def test_systemd_has_nothing_to_say_about_the_units(units: Path) -> None:
    assert verify(units) == (0, "")


@analysed
@pytest.mark.parametrize(
    ("name", "wrong", "complaint"),
    [
        (SERVICE, "[Service]\nWatchdogSeconds=30\n", "Unknown key"),
        (SERVICE, "[Service]\nExecStartPre=/nonexistent/program\n", "not executable"),
        ("mtasts-resolver.socket", "[Socket]\nListenStream=no such address\n", "no such address"),
        (
            "mtasts-resolver.socket.d/postfix-unix.conf",
            "[Socket]\nSocketMode=9\n",
            "Failed to parse",
        ),
    ],
)
def test_systemd_would_notice_a_wrong_unit(
    name: str, wrong: str, complaint: str, units: Path
) -> None:
    with (units / name).open("a") as unit:
        unit.write(wrong)
    _, said = verify(units)
    assert complaint in said


@pytest.mark.threat("rights")
@analysed
@pytest.mark.parametrize("service", [SERVICE, REPORT])
def test_the_service_is_sandboxed(units: Path, service: str) -> None:
    code, said = rate(units, service)
    assert code == 0, said


@pytest.mark.threat("rights")
@analysed
def test_a_weaker_sandbox_would_be_noticed(units: Path) -> None:
    service = units / SERVICE
    service.write_text(
        re.sub(r"(?m)^(CapabilityBoundingSet|SystemCall.*)=.*$", "", service.read_text())
    )
    code, _ = rate(units)
    assert code != 0


def test_the_service_fits_the_daemon() -> None:
    service = settings(UNITS / SERVICE)
    [check, hang_up] = service["ExecReload"]
    assert service["ExecStart"] == [f"{PROGRAM} serve"]
    assert check == f"{PROGRAM} config check"
    assert "kill -HUP" in hang_up
    assert service["LimitNOFILE"] == [str(OPEN_FILES)]
    assert int(service["TimeoutStopSec"][0]) > DRAIN_TIMEOUT + CLOSE_TIMEOUT


@pytest.mark.threat("port-taken")
def test_neither_service_nor_socket_ever_gives_up() -> None:
    files = [path for path in UNITS.iterdir() if path.is_file() and "-report" not in path.name]
    units = [settings(path) for path in files]
    assert [unit["StartLimitIntervalSec"] for unit in units] == [["0"]] * 3
    triggers = [unit["TriggerLimitIntervalSec"] for unit in units if "Backlog" in unit]
    assert triggers == [["0"]] * 2
    [service] = [unit for unit in units if "ExecStart" in unit]
    assert service["Restart"] == ["always"]
    assert not any(name.startswith("RestartPrevent") for name in service)


def test_the_sockets_fit_the_daemon() -> None:
    sockets = {path.name: settings(path) for path in UNITS.glob("*.socket")}
    assert {tuple(socket["FileDescriptorName"]) for socket in sockets.values()} == {
        (protocol,) for protocol in PROTOCOLS
    }
    assert {tuple(socket["Backlog"]) for socket in sockets.values()} == {(str(BACKLOG),)}
    [default] = Config().listen
    passed = sockets["mtasts-resolver.socket"]
    assert [str(default.address)] == [f"inet:{address}" for address in passed["ListenStream"]]
    assert [default.protocol] == passed["FileDescriptorName"]
