"""The units that keep reports, in a system that was booted."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from .booted import PROGRAM, BootedSystem
from .namespace import ROOT

pytestmark = pytest.mark.lab

SERVICE, TIMER = "mtasts-resolver-report.service", "mtasts-resolver-report.timer"
DAEMON = ("mtasts-resolver.socket", "mtasts-resolver.service")
STATE = "var/lib/private/mtasts-resolver"
DROP_IN = f"etc/systemd/system/{SERVICE}.d"
COMMAND = PROGRAM / "bin/mtasts-resolver"
LOG = """\
{day} 10:00:00 mail postfix/smtp[100]: Trusted TLS connection established to mx.a.example\
[192.0.2.1]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
{day} 10:00:01 mail postfix/smtp[100]: 4Xyz12345zABC: to=<u@a.example>, relay=mx.a.example\
[192.0.2.1]:25, delay=1, delays=0/0/0.5/0.5, dsn=2.0.0, status=sent (250 ok)
"""
# What else this service could do to the daemon it must not be able to.
TRESPASS = """\
[Service]
ExecStart=
ExecStart=/bin/sh -c 'touch /var/lib/mtasts-resolver/policies.sqlite'
"""


@pytest.fixture
def system(booted_system: BootedSystem) -> Iterator[BootedSystem]:
    """The system with a log of yesterday that the group adm may read, and the daemon at work."""
    system = booted_system
    shutil.rmtree(system.root / STATE, ignore_errors=True)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    log = system.root / "var/log/mail.log"
    log.write_text(LOG.format(day=f"{yesterday:%b} {yesterday.day:2}"))
    system.run("chown", "root:adm", "/var/log/mail.log")
    log.chmod(0o640)
    drop_in(system, '[Service]\nEnvironment="LOGS=--journal /var/log/mail.log"\n')
    system.run("systemctl", "start", *DAEMON)
    yield system
    print(system.run("journalctl", "--no-pager", "-n", "100", "-u", "mtasts-resolver*"))  # noqa: T201
    shutil.rmtree(system.root / DROP_IN)
    system.run("systemctl", "daemon-reload")
    system.run("systemctl", "stop", TIMER, SERVICE, *DAEMON)
    system.run("systemctl", "reset-failed")


def drop_in(system: BootedSystem, text: str) -> None:
    (system.root / DROP_IN).mkdir(exist_ok=True)
    (system.root / DROP_IN / "test.conf").write_text(text)
    system.run("systemctl", "daemon-reload")


def test_reports_of_the_day_and_the_month_are_kept_and_verified(system: BootedSystem) -> None:
    system.run("systemctl", "start", SERVICE)
    assert system.shows(SERVICE, "Result") == "success"
    yesterday = datetime.now(UTC) - timedelta(days=1)
    name = f"{yesterday:%Y-%m-%d}"
    report = json.loads((system.root / STATE / "reports" / name / "report.json").read_bytes())
    assert report["outbound"]["encrypted"] == 1
    # The daemon, whose user this is, was asked what it knows.
    names = {one["kind"]: one["name"] for one in report["inputs"]}
    assert names == {
        "log": "/var/log/mail.log",
        "journal": "journal",
        "history": "/run/mtasts-resolver/control.sock",
    }
    code, said = system.outcome(COMMAND, "report", "verify")
    assert (code, said.partition(";")[0]) == (0, "2 reports, each as it was written")
    head = said.splitlines()[1].partition(", ")[2]
    journal = system.run("journalctl", "--no-pager", "-o", "cat", "-u", SERVICE)
    assert f", {head}\n" in journal
    # Once more changes nothing: it is kept.
    system.run("systemctl", "start", SERVICE)
    assert system.outcome(COMMAND, "report", "verify", "--head", head)[0] == 0
    assert f"{name} is kept already" in system.run("journalctl", "-o", "cat", "-u", SERVICE)
    (system.root / STATE / "reports" / name / "report.txt").write_text("All was well.\n")
    code, said = system.outcome(COMMAND, "report", "verify")
    assert (code, f"broken      {name}/report.txt: it was changed" in said) == (2, True)


def test_timer_starts_it_on_a_host_where_the_daemon_was_never_started(
    system: BootedSystem,
) -> None:
    system.run("systemctl", "stop", *DAEMON)
    shutil.rmtree(system.root / STATE)
    system.run("systemctl", "start", TIMER)
    assert system.shows(TIMER, "ActiveState") == "active"
    assert system.shows(TIMER, "Unit") == SERVICE
    soon = "[Timer]\nOnCalendar=\nOnActiveSec=0\nAccuracySec=1ms\nRandomizedDelaySec=0\n"
    place = system.root / f"etc/systemd/system/{TIMER}.d"
    place.mkdir()
    try:
        (place / "soon.conf").write_text(soon)
        system.run("systemctl", "daemon-reload")
        system.run("systemctl", "restart", TIMER)
        chain = system.root / STATE / "reports" / "SHA256CHAIN"
        system.until(chain.exists, "the first report")
        system.run("systemctl", "start", *DAEMON)  # the directory is its own, too
    finally:
        shutil.rmtree(place)
        system.run("systemctl", "stop", TIMER)
        system.run("systemctl", "daemon-reload")


def test_newest_report_is_handed_to_postfix(system: BootedSystem) -> None:
    """By the drop-in: sendmail(1) is outside the sandbox, and the report is read as root."""
    owner = ("-o", "postfix", "-g", "postdrop", "-m", "1730")  # as Postfix makes it at its start
    system.run("install", "-d", *owner, "/var/spool/postfix/maildrop")
    shutil.copy(ROOT / "systemd" / f"{SERVICE}.d" / "mail.conf", system.root / DROP_IN)
    system.run("systemctl", "daemon-reload")
    system.run("systemctl", "start", SERVICE)
    said = system.run("journalctl", "--no-pager", "-o", "cat", "-u", SERVICE)
    assert "to postmaster\n" in said[said.index("mailed: ") :]
    (mail,) = (system.root / "var/spool/postfix/maildrop").iterdir()
    head = system.outcome(COMMAND, "report", "verify")[1].splitlines()[1].partition(", ")[2]
    assert head.encode() in mail.read_bytes()
    mail.unlink()


@pytest.mark.threat("report-service")
def test_it_writes_nothing_of_the_daemons(system: BootedSystem) -> None:
    drop_in(system, TRESPASS)
    code, _ = system.outcome("systemctl", "start", SERVICE)
    assert code != 0
    said = system.run("journalctl", "--no-pager", "-o", "cat", "-u", SERVICE)
    assert "Read-only file system" in said
