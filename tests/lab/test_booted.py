"""The units in a system that was booted: what happens to mail when the configuration is broken.

The sequence is an administrator's: start, a slip of the pen, restart, look, mend, reload. Meanwhile
somebody asks, all the time, as Postfix would.
"""

import asyncio
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.evidence.report import EvidenceReport
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.sqlite import SqliteStore

from .booted import PROGRAM, BootedSystem
from .namespace import ROOT

pytestmark = pytest.mark.lab

SERVICE, SOCKET = "mtasts-resolver.service", "mtasts-resolver.socket"
UNITS = (SOCKET, SERVICE)
CONFIG = "etc/mtasts-resolver/config.yaml"
STATE = "var/lib/private/mtasts-resolver"
COMMAND = PROGRAM / "bin/mtasts-resolver"

GOOD = """\
dns: {servers: ["127.0.0.1:1"], timeout: 1s, dnssec: off}
https: {proxy: "http://me:secret@127.0.0.1:3128"}
"""
TYPO = GOOD.replace("timeout", "timeuot")
POLICY = "version: STSv1\nmode: enforce\nmx: mx.good.example\nmax_age: 604800\n"
SECURE = "OK secure match=mx.good.example servername=hostname"

MANY = 500  # lines: what the journal's lowest limit lets through is a tenth of it

# Asks again and again, over one connection after the other, and twice each time, as Postfix does.
ASKER = """
from mtasts_resolver.cli.errors import DaemonUnreachableError
from mtasts_resolver.cli.socketmap_client import ask
from mtasts_resolver.config import InetAddress
first = True
while True:
    try:
        reply = ask(InetAddress("127.0.0.1", 8461), "default", "good.example")
        print(reply.status, reply.text, flush=True)
        first = True
    except DaemonUnreachableError as error:
        if not first:
            print("UNREACHABLE", error, flush=True)
        first = not first
"""


class Asker:
    """Somebody who asks all the time, and what he was told."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.answers = 0
        self.others: list[str] = []
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.decode().strip() == SECURE:
                self.answers += 1
            else:
                self.others.append(line.decode().strip())

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def system(booted_system: BootedSystem, tmp_path: Path) -> Iterator[BootedSystem]:
    """The system with a policy in the daemon's store, and neither unit started."""
    system = booted_system
    (system.root / CONFIG).unlink(missing_ok=True)
    shutil.rmtree(system.root / STATE, ignore_errors=True)
    (tmp_path / "state").mkdir(mode=0o700)
    asyncio.run(store_policy(tmp_path / "state"))
    shutil.copytree(tmp_path / "state", system.root / STATE)
    yield system
    sys.stdout.write(system.run("journalctl", "--no-pager", "-n", "200", "-u", "mtasts-resolver*"))
    system.run("systemctl", "stop", *UNITS)
    system.run("systemctl", "reset-failed")
    system.run("journalctl", "--rotate", "--vacuum-size=1")


async def store_policy(directory: Path) -> None:
    store = SqliteStore(directory / "policies.sqlite", clock=SystemClock())
    await store.open()
    store.put(StoredPolicy("good.example", "1", POLICY, time.time(), time.time()))
    await store.close()


def configure(system: BootedSystem, text: str) -> None:
    (system.root / CONFIG).write_text(text)


@contextmanager
def asking(system: BootedSystem) -> Iterator[Asker]:
    asker = Asker(system.start(PROGRAM / "bin/python", "-c", ASKER))
    try:
        yield asker
    finally:
        asker.end()


def answers_go_on(system: BootedSystem, asker: Asker) -> None:
    before = asker.answers
    system.until(lambda: asker.answers > before + 10 or asker.others != [], "more answers")
    assert asker.others == []


def is_healthy(system: BootedSystem) -> None:
    for unit in UNITS:
        assert system.shows(unit, "ActiveState") == "active"
        assert system.shows(unit, "Result") == "success"


def journal(system: BootedSystem, *options: str, unit: str = SERVICE) -> list[str]:
    system.run("journalctl", "--sync")
    arguments = ("--no-pager", "--output=cat", f"--unit={unit}", *options)
    return system.run("journalctl", *arguments).splitlines()


@pytest.mark.threat("port-taken")
def test_a_typo_and_a_restart_do_not_hold_mail(system: BootedSystem) -> None:
    configure(system, GOOD)
    system.run("systemctl", "start", *UNITS)
    kept = system.root / STATE / "config-in-force.yaml"
    system.until(kept.exists, "the configuration to be kept")
    assert kept.read_text() == GOOD
    assert kept.stat().st_mode & 0o777 == 0o600  # it holds a password
    with asking(system) as asker:
        answers_go_on(system, asker)

        configure(system, TYPO)
        for _ in range(7):  # more often than systemd's usual limit of 5 in 10 s
            system.run("systemctl", "restart", SERVICE)
            answers_go_on(system, asker)
        is_healthy(system)
        assert "FAULTY" in system.shows(SERVICE, "StatusText")
        warnings = journal(system, "--priority=warning")
        assert any("did you mean 'timeout'?" in line for line in warnings)
        assert any("event=last-configuration-used" in line for line in warnings)
        assert kept.read_text() == GOOD

        code, said = system.outcome("systemctl", "reload", SERVICE)
        assert code != 0, said
        answers_go_on(system, asker)
        is_healthy(system)
        # Root sees what the daemon does not: the reload's check is made in the daemon's place.
        configure(system, f"{GOOD}store: {{url: 'sqlite:///srv/policies.sqlite'}}\n")
        code, said = system.outcome(COMMAND, "config", "check")
        assert (code, "ReadWritePaths=" in said) == (0, True)
        code, said = system.outcome("systemctl", "reload", SERVICE)
        assert code != 0, said
        errors = journal(system, "--priority=err")
        assert any("configuration-rejected" in line and "/srv" in line for line in errors)

        configure(system, GOOD)
        system.run("systemctl", "reload", SERVICE)
        system.until(
            lambda: "FAULTY" not in system.shows(SERVICE, "StatusText"), "the status to be good"
        )
        system.run("systemctl", "restart", SERVICE)
        answers_go_on(system, asker)
        is_healthy(system)
        assert "FAULTY" not in system.shows(SERVICE, "StatusText")


def test_a_first_start_that_fails_succeeds_as_soon_as_the_file_is_mended(
    system: BootedSystem,
) -> None:
    configure(system, TYPO)
    system.run("systemctl", "start", SOCKET)
    with asking(system) as asker:
        starts = f"{SERVICE}: Failed with result 'exit-code'."
        system.until(lambda: journal(system).count(starts) > 5, "several starts that fail")
        assert system.shows(SOCKET, "ActiveState") == "active"
        configure(system, GOOD)
        system.until(lambda: asker.answers > 0 or asker.others != [], "an answer")
        assert asker.others == []
    system.until(lambda: system.shows(SERVICE, "ActiveState") == "active", "the start to be over")
    is_healthy(system)


@pytest.mark.threat("rights")
def test_a_user_that_exists_only_meanwhile_owns_the_state(system: BootedSystem) -> None:
    configure(system, GOOD)
    system.run("systemctl", "start", *UNITS)
    pid = system.shows(SERVICE, "MainPID")
    status = system.run("cat", f"/proc/{pid}/status").splitlines()
    [uids] = [line.split()[1:] for line in status if line.startswith("Uid:")]
    assert len(set(uids)) == 1
    assert int(uids[0]) >= 61_184  # systemd's range for such users
    # systemd maps the owner on the disk to that user, for the service alone.
    files = [f"/var/lib/mtasts-resolver/{name}" for name in ("", "policies.sqlite")]
    its_view = ("nsenter", f"--target={pid}", "--mount", "--")
    owners = system.run(*its_view, "stat", "--format=%u", *files).split()
    assert owners == uids[:1] * len(files)
    assert system.outcome(COMMAND, "query", "good.example") == (0, f"{SECURE}\n")


@pytest.mark.threat("discoverer-taken")
def test_in_the_sandbox_the_discoverer_gives_up_what_it_does_not_need(system: BootedSystem) -> None:
    configure(system, GOOD)
    system.run("systemctl", "start", *UNITS)
    confined = "event=discoverer-confined by=landlock,seccomp"
    system.until(lambda: any(confined in line for line in journal(system)), confined)


def test_a_group_of_administrators_is_let_in_as_the_guide_says(system: BootedSystem) -> None:
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = guide.partition("## Let others see and steer it\n")[2].partition("\n## ")[0]
    (drop_in,) = re.findall(r"^```ini\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (keys,) = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    system.run("groupadd", "--force", "--system", "mail-admins")
    place = system.root / f"etc/systemd/system/{SERVICE}.d"
    place.mkdir()
    (place / "admins.conf").write_text(drop_in)
    configure(system, f"{GOOD}{keys}")
    group = system.run("getent", "group", "mail-admins").split(":")[2]
    status = (COMMAND, "status", "--json")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534")
    try:
        system.run("systemctl", "daemon-reload")
        system.run("systemctl", "start", *UNITS)
        assert system.outcome(*nobody, f"--groups={group}", *status)[0] == 0
        assert system.outcome(*nobody, "--clear-groups", *status)[0] == exit_codes.NOT_PERMITTED
        assert system.outcome(*status)[0] == 0
        system.run("systemctl", "restart", SERVICE)
        assert system.outcome(*nobody, f"--groups={group}", *status)[0] == 0
        # Neither root nor, at a reload, the daemon's user finds fault with what runs.
        assert system.outcome(COMMAND, "config", "check") == (0, f"/{CONFIG}: valid\n")
        system.run("systemctl", "reload", SERVICE)
        assert not journal(system, "--priority=warning")
        system.run("systemctl", "stop", *UNITS)
        assert not (system.root / "run/mtasts-resolver").exists()
    finally:
        shutil.rmtree(place)
        system.run("systemctl", "daemon-reload")


def test_the_journal_drops_no_line_of_the_answer_log(system: BootedSystem) -> None:
    """It would of a service that did not say otherwise; its limit is lowered, so that few do."""
    limit = system.root / "etc/systemd/journald.conf.d/limit.conf"
    limit.parent.mkdir()
    limit.write_text("[Journal]\nRateLimitBurst=10\n")
    talker = system.root / "etc/systemd/system/talker.service"
    talker.write_text(f"[Service]\nType=oneshot\nExecStart=seq {MANY}\n")
    try:
        system.run("systemctl", "restart", "systemd-journald")
        system.run("systemctl", "daemon-reload")
        system.run("systemctl", "start", talker.name)
        assert len(journal(system, unit=talker.name)) < MANY
        configure(system, f"{GOOD}log: {{answers: all}}\n")
        system.run("systemctl", "start", *UNITS)
        with asking(system) as asker:
            system.until(lambda: asker.answers > MANY or asker.others != [], "many answers")
        system.run("systemctl", "stop", *UNITS)
        lines = journal(system)
        (stopped,) = [line for line in lines if "event=stopped " in line]
        told = sum("event=answer key=good.example " in line for line in lines)
        assert told > MANY
        assert f" lookups={told} " in stopped
    finally:
        shutil.rmtree(limit.parent)
        talker.unlink()
        system.run("systemctl", "restart", "systemd-journald")


def test_the_copy_that_the_guide_makes_can_be_restored(system: BootedSystem) -> None:
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = guide.partition("## Back up\n")[2].partition("\n## ")[0]
    back_up, restore = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    configure(system, GOOD)
    system.run("systemctl", "start", *UNITS)
    with asking(system) as asker:
        answers_go_on(system, asker)
        system.run("sh", "-euc", back_up)
        answers_go_on(system, asker)
        is_healthy(system)
    system.run("systemctl", "stop", *UNITS)
    shutil.rmtree(system.root / STATE)
    system.run("systemctl", "start", *UNITS)
    assert SECURE not in system.outcome(COMMAND, "query", "good.example")[1]
    system.run("sh", "-euc", restore)
    assert system.outcome(COMMAND, "query", "good.example") == (0, f"{SECURE}\n")
    is_healthy(system)
    shutil.rmtree(system.root / "root" / "mtasts-resolver.backup")


def test_a_report_reads_the_journal(booted_system: BootedSystem) -> None:
    """What Postfix logs there, and no more than it; a plain user is told that it is not all."""
    system = booted_system
    peer = "mx.good.example[192.0.2.1]:25"
    session = (
        f"Verified TLS connection established to {peer}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384"
        " (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits)"
    )
    # Its last character is none that can be printed: journald writes all of it as a list of bytes.
    delivery = (
        f"4c8vgk2lXhzNcrX: to=<u@good.example>, relay={peer}, delay=1, delays=0/0/0/1, dsn=2.0.0,"
        " status=sent (250 2.0.0 Ok: \u00e9\x01)"
    )
    for words in (session, delivery):
        system.run("logger", "--priority=mail.info", "--tag=postfix/smtp", "--id=4009", words)
    system.run("logger", "--priority=daemon.info", "--tag=postfix/smtp", "--id=4009", delivery)
    system.run("journalctl", "--sync")
    command = (COMMAND, "report", "--elsewhere", "--journal", "--json")
    report = msgspec.json.decode(system.run(*command), type=EvidenceReport)
    assert (report.outbound.deliveries, report.outbound.encrypted) == (1, 1)
    assert [(row.name, row.count) for row in report.outbound.levels] == [("verified", 1)]
    assert report.lines_unknown == 0
    assert [(one.name, one.problem) for one in report.inputs] == [("journal", "")]
    status, wrote = system.outcome("setpriv", "--reuid=65534", "--clear-groups", *command)
    assert status != 0
    assert "you may not read the journal" in wrote
