"""What is said of clock, chroot, units and sockets: values in, findings out."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from mtasts_resolver.config import InetAddress, UnixAddress
from mtasts_resolver.doctor.certificates import ShownCertificate
from mtasts_resolver.doctor.daemon import Reach, SeenDaemon, judge_daemon
from mtasts_resolver.doctor.host import (
    CLOCK_TOLERANCE,
    CopyState,
    SeenClock,
    SeenCopy,
    SeenResolver,
    SeenSpace,
    SeenSystem,
    judge_system,
)
from mtasts_resolver.doctor.sockets import PolicySocket, TriedSocket
from mtasts_resolver.doctor.units import SANDBOX, SeenUnit, SeenUnits, judge_units
from mtasts_resolver.findings import Finding, Severity

NOW = 1_800_000_000.0
RUNS = {
    **SANDBOX,
    "LoadState": "loaded",
    "ActiveState": "active",
    "UnitFileState": "enabled",
    "Restart": "always",
    "NeedDaemonReload": "no",
    "Result": "success",
    "NRestarts": "0",
}


def by_code(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {finding.code: finding for finding in findings}


def system(*copies: SeenCopy, **clock: object) -> dict[str, Finding]:
    kept = SeenClock(now=NOW, newest_file="/a", newest=NOW, time_services=("chronyd",))
    return by_code(
        judge_system(
            SeenSystem(
                clock=replace(kept, **clock),
                resolver=SeenResolver(servers=("127.0.0.1",), authenticated=True),
                copies=copies,
                space=SeenSpace(directory="/s", free=1 << 40),
            )
        )
    )


@pytest.mark.parametrize(
    ("clock", "code"),
    [
        ({}, None),
        ({"newest": NOW + CLOCK_TOLERANCE}, None),
        ({"newest": NOW + CLOCK_TOLERANCE + 1}, "clock-behind"),
        ({"time_services": ()}, "no-time-service"),
        ({"time_services": (), "kept_outside": True}, None),
        ({"time_services": (), "unseen": "hidden"}, "not-looked-at"),
    ],
)
def test_the_clock(clock: dict[str, object], code: str | None) -> None:
    assert set(system(**clock)) == {"ok", *([code] if code else [])}


def copy(name: str, state: CopyState, queue: str = "/q") -> SeenCopy:
    return SeenCopy(queue=queue, original=f"/etc/{name}", copy=f"{queue}/etc/{name}", state=state)


def test_what_is_stale_in_a_chroot_is_told_once_with_all_its_lines() -> None:
    found = system(
        copy("hosts", "missing"), copy("services", "differs"), copy("resolv.conf", "same")
    )
    assert "chroot-resolv-conf-stale" not in found
    assert found["chroot-file-stale"].commands == (
        "install -D -m 644 /etc/hosts /q/etc/hosts",
        "install -D -m 644 /etc/services /q/etc/services",
    )
    assert "not-looked-at" in system(copy("hosts", "unseen"))
    (line,) = system(copy("resolv.conf", "differs", "/a b"))["chroot-resolv-conf-stale"].commands
    assert line.endswith("'/a b/etc/resolv.conf'")


NOT_STARTED = {"ActiveState": "activating", "ExecMainStatus": "238"}


def units(service: Mapping[str, str], socket: Mapping[str, str] = RUNS) -> SeenUnits:
    return SeenUnits(
        service=SeenUnit(name="s", properties=RUNS | dict(service)),
        socket=SeenUnit(name="t", properties=RUNS | dict(socket)),
    )


@pytest.mark.parametrize(
    ("service", "socket", "codes"),
    [
        ({}, {}, set()),
        ({"UnitFileState": "disabled"}, {"UnitFileState": "disabled"}, {"unit-not-enabled"}),
        # The socket unit starts it.
        ({"UnitFileState": "disabled"}, {}, set()),
        ({"Restart": "on-failure"}, {}, {"unit-not-restarted"}),
        ({"PrivateDevices": "no"}, {}, {"unit-sandbox-open"}),
        ({"NeedDaemonReload": "yes"}, {}, {"unit-changed-on-disk"}),
        ({}, {"ActiveState": "inactive"}, {"socket-unit-inactive"}),
        ({}, {"LoadState": "not-found"}, {"socket-unit-inactive"}),
        # Of one that does not run others tell.
        ({"ActiveState": "failed", "UnitFileState": "disabled"}, {}, set()),
    ],
)
def test_units(service: dict[str, str], socket: dict[str, str], codes: set[str]) -> None:
    assert set(by_code(judge_units(units(service, socket)))) - {"ok"} == codes


def test_the_sandbox_is_that_of_the_unit() -> None:
    unit = (Path(__file__).parents[3] / "systemd/mtasts-resolver.service").read_text()
    for name, value in SANDBOX.items():
        assert f"\n{name}={value}\n" in unit


def test_a_drop_in_is_named_though_it_does_no_harm() -> None:
    found = by_code(judge_units(units({"DropInPaths": "/etc/x.conf"})))
    assert found["ok"].found == "enabled, with /etc/x.conf"


def daemon(reach: Reach, seen: SeenUnits, *sockets: TriedSocket) -> dict[str, Finding]:
    told = SeenDaemon(
        reach=reach,
        failure="nobody listens",
        program_version="1",
        config_file="/c",
        listen=(UnixAddress("s"),),
        units=seen,
        sockets=sockets,
    )
    return by_code(judge_daemon(told))


@pytest.mark.parametrize(
    ("seen", "found", "commands"),
    [
        (SeenUnits(), "nobody listens", 0),
        (units({"LoadState": "not-found"}), "there is no unit", 0),
        (units({}), "is active, but nobody listens", 0),
        (units({"ActiveState": "failed", "Result": "exit-code"}), "has failed (exit-code)", 1),
        (units({"ActiveState": "activating", "NRestarts": "3"}), "(started again 3 times)", 1),
        (units({"Result": "exit-code", **NOT_STARTED, "ExecMainStatus": "1"}), "(exit-code)", 1),
        (units({"Result": "exit-code", **NOT_STARTED}), "(238/STATE_DIRECTORY)", 1),
        (units({"ActiveState": "inactive"}), "is inactive", 1),
    ],
)
def test_a_daemon_that_is_down(seen: SeenUnits, found: str, commands: int) -> None:
    finding = daemon("down", seen)["daemon-not-running"]
    assert found in finding.found
    assert finding.action
    assert len(finding.commands) == commands


def test_another_program_listens_where_the_daemon_is_to() -> None:
    """Nothing is to be typed at once: what is there would go on, or Postfix be without answers."""
    down = units({"ActiveState": "inactive"}, {"ActiveState": "failed"})
    there = daemon("down", down, tried("answered"))["daemon-not-running"]
    assert there.found == "another program listens at unix:s"
    assert "migrate" in there.action
    assert not there.commands
    elsewhere = daemon("down", down, tried("silent"))["daemon-not-running"]
    assert elsewhere.commands
    # It is the daemon's own socket, which systemd holds: the next question starts it.
    held = units({"ActiveState": "inactive"})
    assert daemon("down", held, tried("answered"))["daemon-not-running"].commands


def test_a_daemon_that_cannot_be_asked() -> None:
    assert set(daemon("denied", units({}))) == {"ok", "not-looked-at"}
    assert daemon("refused", units({}))["daemon-trouble"].found == "nobody listens"
    assert daemon("stranger", units({}))["control-socket-untrusted"].severity is Severity.WARNING


def tried(
    outcome: Literal["answered", "silent", "denied", "untried"],
    *,
    as_postfix: bool = True,
    user: str = "postfix",
) -> TriedSocket:
    socket = PolicySocket(
        table="socketmap:unix:s:default",
        protocol="socketmap",
        address=UnixAddress("s") if user else InetAddress("127.0.0.1", 1),
        map_name="default",
        instance="",
        user=user,
        directory="/q",
        chroot=True,
    )
    return TriedSocket(socket=socket, outcome=outcome, said="why", as_postfix=as_postfix)


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (tried("answered"), None),
        (tried("answered", as_postfix=False), "not-looked-at"),
        (tried("untried"), "not-looked-at"),
        (tried("denied"), "socket-denied"),
        # What a plain user may not do, Postfix's user may.
        (tried("denied", as_postfix=False), "not-looked-at"),
        (tried("silent"), "socket-silent"),
        # No Postfix asks there: that the daemon is down is said already.
        (tried("silent", user=""), None),
    ],
)
def test_sockets(one: TriedSocket, code: str | None) -> None:
    found = set(daemon("refused", units({}), one)) - {"ok", "daemon-trouble"}
    assert found == ({code} if code else set())


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("mx.example", True),
        ("MX.example.", True),
        ("a.wild.example", True),
        ("wild.example", False),
        ("a.b.wild.example", False),
        ("other.example", False),
    ],
)
def test_whom_a_certificate_names(name: str, fits: bool) -> None:
    shown = ShownCertificate(
        names=("mx.example", "*.wild.example"),
        issuer="",
        not_before=0.0,
        not_after=NOW,
        chain="trusted",
    )
    assert shown.is_for(name) is fits
