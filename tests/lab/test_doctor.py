"""`doctor` on a Debian 13 that was booted: what it finds there, and what its own lines mend.

Postfix is the distribution's, with the configuration that its package makes; the daemon's units are
installed, and not started.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from mtasts_resolver.cli import exit_codes

from .booted import PROGRAM, BootedSystem
from .doctored import COMMAND, CONFIG, SERVICE, SOCKET, Doctor, as_installed, resolver
from .unbound import NOT_VALIDATING

pytestmark = pytest.mark.lab

OURS = "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:tlsrpt"


@pytest.fixture
def doctor(booted_system: BootedSystem) -> Iterator[Doctor]:
    with as_installed(booted_system) as doctor:
        yield doctor


@contextmanager
def drop_in(doctor: Doctor, text: str) -> Iterator[None]:
    place = doctor.path(f"etc/systemd/system/{SERVICE}.d")
    place.mkdir()
    (place / "ours.conf").write_text(text)
    doctor.system.run("systemctl", "daemon-reload")
    try:
        yield
    finally:
        shutil.rmtree(place)
        doctor.system.run("systemctl", "daemon-reload")


def postconf(doctor: Doctor, *settings: str) -> None:
    options = () if settings[0].startswith("-") else ("-e",)
    doctor.system.run("postconf", *options, *settings)


def start(doctor: Doctor, *units: str) -> None:
    doctor.system.run("systemctl", "start", *(units or (SOCKET, SERVICE)))


@pytest.mark.finding("unit-not-enabled")
def test_the_lines_start_the_daemon_now_and_at_each_boot(doctor: Doctor) -> None:
    codes = {"daemon-not-running", "unit-not-enabled", "socket-unit-inactive", "socket-silent"}
    found = doctor.findings()
    assert found["daemon-not-running"]["found"] == f"{SERVICE} is inactive"
    doctor.mend(found["daemon-not-running"])
    assert not codes & set(doctor.findings())
    doctor.system.run("systemctl", "disable", SOCKET, SERVICE)
    found = doctor.findings()
    doctor.mend(found["unit-not-enabled"])
    # The question alone, as one of Postfix's, has systemd start it.
    doctor.system.run("systemctl", "stop", SERVICE)
    assert not codes & set(doctor.findings())


def test_a_daemon_that_cannot_start_is_told_of_as_such(doctor: Doctor) -> None:
    doctor.path(CONFIG).write_text("nonsense: true\n")
    assert doctor.system.outcome("systemctl", "start", SERVICE)[0] != 0

    found = doctor.findings()
    assert "has failed" in found["daemon-not-running"]["found"]
    assert "nonsense" in found["configuration-rejected"]["found"]


@pytest.mark.finding(
    *("socket-unit-inactive", "unit-sandbox-open", "unit-not-restarted", "unit-changed-on-disk")
)
def test_units_other_than_they_are_shipped(doctor: Doctor) -> None:
    # What DynamicUser= brings along cannot be taken away.
    open_to_all = "[Service]\nRestart=no\nPrivateDevices=no\nMemoryDenyWriteExecute=no\n"
    codes = {"unit-sandbox-open", "unit-not-restarted", "socket-unit-inactive"}
    with drop_in(doctor, open_to_all):
        start(doctor, SERVICE)
        found = doctor.findings()
        assert codes <= set(found)
        assert "PrivateDevices" in found["unit-sandbox-open"]["found"]
        assert f"{SERVICE}.d/ours.conf" in found["unit-sandbox-open"]["found"]
        doctor.path(f"etc/systemd/system/{SERVICE}").touch()
        found = doctor.findings()
        doctor.mend(found["unit-changed-on-disk"])
    doctor.mend(found["socket-unit-inactive"])
    assert not {*codes, "unit-changed-on-disk"} & set(doctor.findings())


@pytest.mark.finding("unit-not-as-shipped", "program-installed-twice")
def test_a_package_behind_an_installation_by_hand(doctor: Doctor) -> None:
    """What is in the administrator's places hides what the package has brought."""
    codes = {"unit-not-as-shipped", "program-installed-twice"}
    ours, by_hand = doctor.path("usr/lib/systemd/system"), doctor.path("etc/systemd/system")
    program, typed = doctor.path("usr/bin/mtasts-resolver"), doctor.path("usr/local/bin")
    kept = {name: (by_hand / name).read_text() for name in (SERVICE, SOCKET)}
    try:
        for name in kept:
            shutil.copy(by_hand / name, ours / name)
        shutil.copy(doctor.path(str(COMMAND)), program)
        (by_hand / SOCKET).unlink()
        (by_hand / SERVICE).write_text(kept[SERVICE].replace(str(COMMAND), "/opt/of-old"))
        doctor.system.run("systemctl", "daemon-reload")
        assert doctor.system.outcome("systemctl", "start", SERVICE)[0] != 0
        doctor.system.run("systemctl", "enable", SERVICE)
        found = doctor.findings()
        assert codes <= set(found)
        assert f"/etc/systemd/system/{SERVICE} is in force" in found["unit-not-as-shipped"]["found"]
        for code in sorted(codes):
            doctor.mend(found[code])
        found = doctor.findings()
        assert not codes & set(found)
        assert "daemon-not-running" not in found
        assert doctor.system.shows(SERVICE, "FragmentPath") == f"/usr/lib/systemd/system/{SERVICE}"
        assert doctor.system.shows(SERVICE, "UnitFileState") == "enabled"
    finally:
        doctor.system.run("systemctl", "stop", SOCKET, SERVICE)
        doctor.system.run("systemctl", "disable", SERVICE)
        program.unlink()
        (typed / "mtasts-resolver").unlink(missing_ok=True)
        (typed / "mtasts-resolver").symlink_to(COMMAND)
        for name, text in kept.items():
            (ours / name).unlink()
            (by_hand / name).write_text(text)
        doctor.system.run("systemctl", "daemon-reload")


AMISS = {
    *("store-disk-nearly-full", "file-writable-by-others", "configuration-shows-password"),
    *("proxy-unreachable", "no-time-service", "resolver-fails"),
    *("chroot-resolv-conf-stale", "chroot-file-stale"),
}
LATER = {"clock-behind", "resolver-not-validating", "daemon-without-dane"}


@pytest.mark.finding(*AMISS, *LATER)
def test_what_daemon_and_postfix_stand_on(doctor: Doctor) -> None:
    start(doctor, "postfix", SERVICE)  # systemd makes the state directory
    doctor.system.run("systemctl", "stop", SOCKET, SERVICE)
    state = "/var/lib/private/mtasts-resolver"
    doctor.system.run("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", state)
    file, mark = doctor.path(CONFIG), doctor.path("run/systemd/container")
    container = mark.read_text()
    try:
        mark.unlink()
        file.write_text("https: {proxy: 'http://me:secret@127.0.0.1:3128'}\n")
        file.chmod(0o666)
        doctor.path("etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        queue = doctor.path("var/spool/postfix/etc")
        (queue / "resolv.conf").write_text("nameserver 192.0.2.53\n")
        (queue / "services").unlink()
        found = doctor.findings()
        assert AMISS & set(found) == AMISS
        assert not LATER & set(found)
        assert "secret" not in str(found)
        for code in ("file-writable-by-others", "chroot-resolv-conf-stale", "chroot-file-stale"):
            doctor.mend(found[code])
        assert file.stat().st_mode & 0o777 == 0o664
        # What was written later than now has been written before.
        doctor.system.run("touch", "-d", "+2 days", "/var/lib/dpkg/status")
        with resolver(doctor, modules=NOT_VALIDATING):
            start(doctor)
            found = doctor.findings()
        assert LATER & set(found) == LATER
        assert "does not authenticate" in found["resolver-not-validating"]["found"]
        assert not {"chroot-file-stale", "file-writable-by-others", "resolver-fails"} & set(found)
    finally:
        doctor.system.run("systemctl", "stop", SOCKET, SERVICE)
        mark.write_text(container)
        file.unlink()
        doctor.system.run("touch", "/var/lib/dpkg/status")
        doctor.system.run("umount", state)
    with resolver(doctor):
        start(doctor)
        assert not (AMISS | LATER) & set(doctor.findings())


@pytest.mark.finding("fetches-all-fail", "trial-fetch-failed")
def test_https_to_the_outside(doctor: Doctor) -> None:
    domains = [f"d{number}.example" for number in range(5)]
    records = [(f"_mta-sts.{domain}", "TXT", '"v=STSv1; id=1;"') for domain in domains]
    records += [(f"mta-sts.{domain}", "A", "127.0.0.1") for domain in domains]
    doctor.path(CONFIG).write_text("https: {allow_networks: [127.0.0.0/8], timeout: 2s}\n")
    with resolver(doctor, *records):
        start(doctor)
        for domain in domains:
            doctor.system.outcome(COMMAND, "query", domain)
        found = doctor.findings("--try", "d0.example")
    assert "all 5 fetches failed" in found["fetches-all-fail"]["found"]
    assert "refused" in found["trial-fetch-failed"]["found"]


@pytest.mark.finding("daemon-other-version")
def test_a_program_that_was_upgraded_under_the_daemon(doctor: Doctor) -> None:
    start(doctor)
    (package,) = doctor.path(str(PROGRAM)).glob("lib/python3*/site-packages/mtasts_resolver")
    file = package / "__init__.py"
    text = file.read_text()
    file.write_text(text + '\n__version__ = "99.0"\n')
    try:
        found = doctor.findings()
        assert "99.0" in found["daemon-other-version"]["found"]
        doctor.mend(found["daemon-other-version"])
        doctor.system.until(lambda: "daemon-not-running" not in doctor.findings(), "its restart")
        assert "daemon-other-version" not in doctor.findings()
    finally:
        file.write_text(text)
        doctor.system.run("systemctl", "restart", SERVICE)


@pytest.mark.finding(
    *("starttls-not-offered", "starttls-fails", "mx-name-not-in-certificate"),
    *("inbound-not-listening", "postfix-not-running"),
)
def test_port_25_is_asked_as_a_sender_asks(doctor: Doctor) -> None:
    authority = trustme.CA()
    put_certificate(doctor, authority.issue_cert("mx.good.example"))
    files = (
        "smtpd_tls_cert_file = /etc/postfix/mx.pem",
        "smtpd_tls_key_file = /etc/postfix/mx.key",
    )
    postconf(doctor, *files, "mydestination = good.example", "smtpd_tls_loglevel = 1")
    postconf(doctor, "inet_interfaces = all", "smtpd_tls_security_level = may")
    codes = {"starttls-not-offered", "starttls-fails", "mx-name-not-in-certificate"}
    mx = ("good.example", "MX", "10 mx.good.example.")
    with resolver(doctor, mx, ("mx.good.example", "A", "127.0.0.1")):
        master = doctor.path("etc/postfix/master.cf").read_text()
        postconf(doctor, "-M#", "smtp/inet")
        doctor.mend(doctor.findings()["postfix-not-running"])
        doctor.path("etc/postfix/master.cf").write_text(master)
        found = doctor.findings()
        assert "inbound-not-listening" in found, found
        assert "postfix-not-running" not in found
        doctor.system.run("postfix", "reload")
        found = doctor.findings()
        assert not codes & set(found), found
        put_certificate(doctor, authority.issue_cert("old.good.example"))
        doctor.system.run("postfix", "reload")
        found = doctor.findings()
        assert codes & set(found) == {"mx-name-not-in-certificate"}
        assert "mx.good.example" in found["mx-name-not-in-certificate"]["found"]
        # What no client of today speaks.
        postconf(doctor, "smtpd_tls_protocols = >=TLSv1, <=TLSv1.1")
        doctor.system.run("postfix", "reload")
        assert codes & set(doctor.findings()) == {"starttls-fails", "mx-name-not-in-certificate"}
        postconf(doctor, "smtpd_tls_key_file = /etc/postfix/none.key")
        doctor.system.run("postfix", "reload")
        assert "454" in doctor.findings()["starttls-fails"]["found"]
        postconf(doctor, "smtpd_discard_ehlo_keywords = starttls")
        doctor.system.run("postfix", "reload")
        assert "starttls-not-offered" in doctor.findings()


@pytest.mark.finding("not-looked-at")
def test_a_plain_user_is_told_what_could_not_be_looked_at(doctor: Doctor) -> None:
    postconf(doctor, OURS)
    start(doctor)
    by = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
    unseen = {
        finding["about"]
        for section in doctor.report(by=by)["sections"]
        for finding in section["findings"]
        if finding["code"] == "not-looked-at"
    }
    assert {"daemon", "what the configuration names", "whether Postfix runs", "systemd"} <= unseen
    # It answers this user, which says nothing of Postfix's.
    table = OURS.partition(" = ")[2]
    assert f"{table} for user postfix, chrooted to /var/spool/postfix" in unseen
    doctor.path("etc/postfix/main.cf").chmod(0o600)
    assert doctor.report(by=by)["exit_code"] == exit_codes.TEMPORARY


def put_certificate(doctor: Doctor, certificate: trustme.LeafCert) -> None:
    pems = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
    doctor.path("etc/postfix/mx.pem").write_bytes(pems)
    doctor.path("etc/postfix/mx.key").write_bytes(certificate.private_key_pem.bytes())
