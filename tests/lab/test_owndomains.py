"""An own domain in the lab: checked by the daemon, changed by its owner, and told of."""

import json
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest

from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.owndomains import OwnDomainDetails
from mtasts_resolver.findings import Severity
from mtasts_resolver.knowledge.pacing import PAUSE_BETWEEN
from tests.test_contrib import reported

from .booted import PROGRAM, BootedSystem
from .checkhosts import MODEL
from .lab import Lab
from .namespace import ROOT
from .published import policy
from .steps import new_document, new_id
from .stream import until

pytestmark = pytest.mark.lab

DOMAIN = MODEL.name


@pytest.fixture
def directory() -> Iterator[Path]:
    """Return a directory that others can be let into, as pytest's own cannot."""
    with TemporaryDirectory() as name:
        yield Path(name)


def checked(lab: Lab) -> OwnDomainDetails:
    """Have the daemon check the domain now."""
    with ControlClient(lab.daemon.control) as client:
        return client.ask("POST", OwnDomainDetails, "own-domains", DOMAIN, "check")


def program(directory: Path) -> Path:
    """Return a program that the daemon's user can run, and that keeps what it is told."""
    directory.chmod(0o711)
    told = directory / "told"
    told.touch()
    told.chmod(0o666)
    path = directory / "tell"
    path.write_text(f'#!/bin/sh\n{{ cat; echo; echo "$1"; id -un; }} >>{told}\n')
    path.chmod(stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
    return path


def test_what_its_owner_changes_is_a_change_and_what_is_wrong_is_told(
    fresh_lab: Lab, directory: Path
) -> None:
    lab = fresh_lab
    tell = program(directory)
    lab.daemon.settings = {"own_domains": [DOMAIN], "notify": [str(tell), "{severity}: {summary}"]}
    try:
        lab.daemon.start()
        until(lambda: "ready" in "".join(lab.daemon.log.since(0)), "the daemon is ready")
        first = checked(lab)
        assert first.findings == () or first.severity in (Severity.OK, Severity.NOTE), (
            first.findings
        )
        assert first.certificate_expires is not None
        hosts = {host.name for host in first.observed.mx_hosts} if first.observed else set()
        assert hosts == {"mx1.model.example", "mx2.model.example"}

        new_document(policy("enforce", "mx1.model.example"))(lab, DOMAIN)
        new_id(lab, DOMAIN)
        time.sleep(PAUSE_BETWEEN)  # waits for nothing: no check by command comes sooner
        second = checked(lab)
        assert second.severity is Severity.ERROR
        assert any("mx2.model.example" in finding.about for finding in second.findings)

        changes = history(lab)
        assert {(change["subject"], change["event"]) for change in changes} >= {
            ("own-policy", "changed"),
            ("own-record", "changed"),
            ("own-policy", "found"),
        }
        (changed,) = (c for c in changes if (c["subject"], c["event"]) == ("own-policy", "changed"))
        assert "-mx: mx2.model.example" in changed["difference"]

        told = directory / "told"
        until(lambda: told.read_text().count("\n") >= 3, "the program was run")
        report, summary, user = told.read_text().splitlines()
        assert summary.endswith(f"{DOMAIN}: record, policy changed")
        assert user == "nobody"
        assert [change["what"] for change in json.loads(report)["domains"][0]["changes"]] == [
            "record",
            "policy",
        ]
    finally:
        lab.daemon.settings = {}


# Runs, as the daemon would, what `notify` could name.
RUNNER = """
import sys, threading
from mtasts_resolver.owndomains.program import run_bounded
given = open("/etc/mtasts-resolver/report.json", "rb").read()
for argv in (
    ["/usr/local/bin/mail-report", "a@own.example", "root@localhost"],
    ["/usr/sbin/sendmail", "-f", "a@own.example", "root"],
):
    print(argv[0], run_bounded(argv, given, {}, threading.Event()), flush=True)
"""


def test_in_the_units_sandbox_a_mail_goes_out_by_smtp_and_not_by_sendmail(
    booted_system: BootedSystem,
) -> None:
    system, root = booted_system, booted_system.root
    mail_report = root / "usr/local/bin/mail-report"
    drop_in = root / "run/systemd/system/mtasts-resolver.service.d/notify.conf"
    shutil.copy(ROOT / "contrib/notify/mail-report", mail_report)
    (root / "etc/mtasts-resolver/report.json").write_bytes(msgspec.json.encode(reported()))
    (root / "opt/runner.py").write_text(RUNNER)
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text(f"[Service]\nExecStartPre={PROGRAM}/bin/python /opt/runner.py\n")
    try:
        system.run("systemctl", "daemon-reload")
        system.run("systemctl", "start", "postfix")  # which else would wait for our unit
        system.run("systemctl", "start", "mtasts-resolver.service")
        told = system.run("journalctl", "--no-pager", "--output=cat", "-u", "mtasts-resolver")
        by_smtp, by_sendmail = (line for line in told.splitlines() if " Ended(" in line)
        assert by_smtp == "/usr/local/bin/mail-report Ended(reason='', said='')"
        assert by_sendmail.startswith("/usr/sbin/sendmail Ended(reason='exit status")
        inbox = root / "var/mail/root"
        system.until(inbox.exists, "the mail")
        mail = inbox.read_text()
    finally:
        drop_in.unlink()
        system.run("systemctl", "daemon-reload")
        system.run("systemctl", "stop", "mtasts-resolver.socket", "mtasts-resolver.service")
        system.run("systemctl", "stop", "postfix")
    assert "Subject: [error] own.example: error mx-broken" in mail


def history(lab: Lab) -> list[dict[str, Any]]:
    told = json.loads(lab.daemon.command("history", DOMAIN, "--json"))
    return list(told["changes"])
