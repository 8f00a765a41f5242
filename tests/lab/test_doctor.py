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


@pytest.mark.finding("chroot-resolv-conf-stale", "chroot-file-stale")
def test_the_lines_bring_the_chroot_up_to_date(doctor: Doctor) -> None:
    start(doctor, "postfix")
    queue = doctor.path("var/spool/postfix/etc")
    (queue / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    (queue / "services").unlink()
    found = doctor.findings()
    for code in ("chroot-resolv-conf-stale", "chroot-file-stale"):
        doctor.mend(found[code])
    assert not {"chroot-resolv-conf-stale", "chroot-file-stale"} & set(doctor.findings())
    assert (queue / "resolv.conf").read_text() == doctor.path("etc/resolv.conf").read_text()


@pytest.mark.finding("store-disk-nearly-full")
def test_a_disk_that_is_nearly_full(doctor: Doctor) -> None:
    start(doctor)
    state = "/var/lib/private/mtasts-resolver"
    doctor.system.run("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", state)
    try:
        assert "store-disk-nearly-full" in doctor.findings()
    finally:
        doctor.system.run("umount", state)
    assert "store-disk-nearly-full" not in doctor.findings()


@pytest.mark.finding(
    *("file-writable-by-others", "configuration-shows-password", "proxy-unreachable")
)
def test_who_can_read_and_write_the_configuration(doctor: Doctor) -> None:
    file = doctor.path(CONFIG)
    file.write_text("https: {proxy: 'http://me:secret@127.0.0.1:3128'}\n")
    file.chmod(0o666)
    found = doctor.findings()
    doctor.mend(found["file-writable-by-others"])
    assert "configuration-shows-password" in found
    assert "secret" not in found["proxy-unreachable"]["about"]
    assert file.stat().st_mode & 0o777 == 0o664
    found = doctor.findings()
    assert "file-writable-by-others" not in found
    file.chmod(0o640)
    assert "configuration-shows-password" not in doctor.findings()


@pytest.mark.finding("clock-behind", "no-time-service")
def test_a_clock_that_nobody_keeps(doctor: Doctor) -> None:
    mark = doctor.path("run/systemd/container")
    said = mark.read_text()
    mark.unlink()
    try:
        assert "no-time-service" in doctor.findings()
        # What was written later than now has been written before.
        doctor.system.run("touch", "-d", "+2 days", "/var/lib/dpkg/status")
        assert "clock-behind" in doctor.findings()
    finally:
        mark.write_text(said)
        doctor.system.run("touch", "/var/lib/dpkg/status")
    assert not {"clock-behind", "no-time-service"} & set(doctor.findings())


@pytest.mark.finding("resolver-fails", "resolver-not-validating", "daemon-without-dane")
def test_what_resolv_conf_names(doctor: Doctor) -> None:
    doctor.path("etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    assert "resolver-fails" in doctor.findings()
    with resolver(doctor):
        assert not {"resolver-fails", "resolver-not-validating"} & set(doctor.findings())
    with resolver(doctor, modules=NOT_VALIDATING):
        start(doctor)
        doctor.system.until(lambda: "daemon-without-dane" in doctor.findings(), "its first probe")
        found = doctor.findings()
    assert "does not authenticate" in found["resolver-not-validating"]["found"]
    assert "resolver-fails" not in found


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
    assert {"daemon", "no file: the defaults"} <= unseen
    # It answers this user, which says nothing of Postfix's.
    assert OURS.partition(" = ")[2] in unseen
    doctor.path("etc/postfix/main.cf").chmod(0o600)
    assert doctor.report(by=by)["exit_code"] == exit_codes.TEMPORARY


def put_certificate(doctor: Doctor, certificate: trustme.LeafCert) -> None:
    pems = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
    doctor.path("etc/postfix/mx.pem").write_bytes(pems)
    doctor.path("etc/postfix/mx.key").write_bytes(certificate.private_key_pem.bytes())
