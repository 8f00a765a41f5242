"""The lab itself: that it is what the scenarios take it for, and that nothing of it is left."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from .changes import CHANGES
from .checkhosts import CHECKED, KEPT_ID, MODEL
from .dane import DANE_SCENARIOS
from .ends import secure
from .internet import DOMAINS, GOOD, STEERED, UNPUBLISHED, WRONG_NAME
from .lab import Lab
from .lookedover import LOOKED_OVER
from .namespace import ROOT
from .postfix import SOCKETMAP, TCP_TABLE, Sender
from .relays import RELAY_SCENARIOS
from .steady import STEADY
from .stream import PATIENCE

pytestmark = pytest.mark.lab

DIES = """
import sys, time
from pathlib import Path
from tests.lab.namespace import Namespace

namespace = Namespace(Path(sys.argv[1]))
namespace.start("sleep", "600")
print(namespace.run("readlink", "/proc/self/ns/pid"), flush=True)
time.sleep(600)
"""


def test_resolver_validates(lab: Lab) -> None:
    answer = lab.namespace.run("dig", "@127.0.0.1", "enforced.example", "MX")
    assert "flags: qr rd ra ad;" in answer
    assert "good.mx.example." in answer


def test_one_name_fails_and_its_zone_stays_well(lab: Lab) -> None:
    name = "_mta-sts.expired.example"
    lab.dns.set_broken(name)
    assert "SERVFAIL" in lab.namespace.run("dig", "@127.0.0.1", name, "TXT")
    assert " ad;" in lab.namespace.run("dig", "@127.0.0.1", "expired.example", "MX")
    lab.dns.set_broken(name, broken=False)
    assert " ad;" in lab.namespace.run("dig", "@127.0.0.1", name, "TXT")


def test_nothing_leaves_the_namespace(lab: Lab) -> None:
    links = lab.namespace.run("ip", "-brief", "link")
    assert [line.split()[0] for line in links.splitlines()] == ["lo"]
    assert "unreachable" in lab.namespace.run("ip", "route", "get", "203.0.113.9", check=False)


@pytest.mark.usefixtures("lab_can_run")
def test_namespace_dies_with_a_killed_run(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DIES, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT
    ) as run:
        assert run.stdout is not None
        inside = run.stdout.readline().decode().strip()
        members = {pid: os.pidfd_open(pid) for pid in processes_of(inside)}
        run.kill()
    assert len(members) == 2  # PID 1, and sleep
    for descriptor in members.values():
        ended, _, _ = select.select([descriptor], [], [], PATIENCE)
        os.close(descriptor)
        assert ended


@pytest.mark.parametrize(
    "table",
    [f"socketmap:{SOCKETMAP}:default", f"socketmap:{SOCKETMAP}:any-name", f"tcp:{TCP_TABLE}"],
)
def test_postmap_gets_the_same_answer(steady_lab: Lab, table: str) -> None:
    answer = steady_lab.postfix.look_up("second-good.example", table)
    assert answer == f"{secure(WRONG_NAME, GOOD).removeprefix('OK ')}\n"
    assert steady_lab.postfix.look_up("no-record.example", table) == ""


def test_mail_waits_while_the_daemon_is_down(fresh_lab: Lab) -> None:
    mark = fresh_lab.hosts.events.mark()
    delivery = fresh_lab.postfix.send("enforced.example")
    assert delivery.status == "deferred"
    assert fresh_lab.hosts.since(mark) == ([], [])


def test_chrooted_smtp_is_chrooted(steady_lab: Lab) -> None:
    steady_lab.postfix.send("no-record.example", Sender.CHROOTED)
    # A process may end meanwhile, of which readlink(1) complains.
    roots = steady_lab.namespace.run("sh", "-c", "readlink /proc/[0-9]*/root || true")
    assert str(steady_lab.postfix.queue) in roots.splitlines()


def test_every_domain_has_a_scenario() -> None:
    """A row of the internet that no mail visits proves nothing."""
    scenarios = (*STEADY, *DANE_SCENARIOS, *RELAY_SCENARIOS, *CHANGES)
    visited = {scenario.policy_domain for scenario in scenarios}
    elsewhere = {domain.name for domain in (*STEERED, UNPUBLISHED, *CHECKED)}
    assert {domain.name for domain in DOMAINS} - elsewhere <= visited


def test_every_domain_that_is_checked_has_its_findings() -> None:
    rows = {row.domain for row in LOOKED_OVER}
    assert {domain.name for domain in CHECKED} - rows == {MODEL.name, KEPT_ID.name}


def processes_of(pid_namespace: str) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str((process / "ns/pid").readlink()) == pid_namespace:
                found.append(int(process.name))
        except OSError:
            continue  # it ended while we looked
    return found
