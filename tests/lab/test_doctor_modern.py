"""What `doctor` finds with Postfix 3.10: TLSRPT, and the comparison of MX hosts with patterns."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from mtasts_resolver.config import parse_address
from mtasts_resolver.doctor.configuration import judge_reading
from mtasts_resolver.doctor.instance import PostfixReading
from mtasts_resolver.doctor.looking import look_around
from mtasts_resolver.doctor.outbound import judge_outbound
from mtasts_resolver.doctor.reading import read_postfix
from mtasts_resolver.doctor.surroundings import LookupPlace
from mtasts_resolver.findings import Finding, Severity
from tests.system.postfixes import settle
from tests.system.test_doctor_outbound import CA_FILE, US, codes, judged, lookups
from tests.system.test_postfix_examples import EXAMPLES

from . import debian13
from .modernpostfix import ModernPostfix, modern_postfix

pytestmark = pytest.mark.lab

GOOD = {
    "smtp_tls_policy_maps": US + "tlsrpt",
    "smtp_tls_security_level": "dane",
    "smtp_dns_support_level": "dnssec",
    "smtp_tls_CAfile": CA_FILE,
    "smtp_tls_mandatory_protocols": ">=TLSv1.2",
    "smtp_tls_session_cache_database": "btree:${data_directory}/smtp_scache",
    "smtp_tls_loglevel": "1",
}
COLLECTOR = "run/tlsrpt.sock"
REPORTING = {"smtp_tlsrpt_enable": "yes", "smtp_tlsrpt_socket_name": COLLECTOR}


@contextmanager
def kept(file: Path) -> Iterator[None]:
    """Have a file be again what it was."""
    before = file.read_bytes()
    yield
    file.write_bytes(before)


@pytest.fixture
def postfix(request: pytest.FixtureRequest, open_directory: Path) -> Iterator[ModernPostfix]:
    root = None if debian13.is_host() else request.getfixturevalue("debian13_root")
    with modern_postfix(root, open_directory) as postfix:
        yield postfix


def found(postfix: ModernPostfix, parameters: dict[str, str], *, built_in: bool = True) -> set[str]:
    """Return what is found; what Postfix is linked with is seen in its root, and not from here."""
    instance = postfix.read(GOOD | parameters)
    around, hops = look_around(instance, lookups())
    around = replace(around, reports_built_in=built_in)
    return codes(list(judge_outbound(instance, around, hops)))


def test_a_good_set_up_is_clean(postfix: ModernPostfix) -> None:
    assert found(postfix, {}) == set()


def test_one_round_of_advice_names_the_map_for_it(postfix: ModernPostfix) -> None:
    findings = judged(postfix.read({}))
    (missing,) = (one for one in findings if one.code == "policy-map-missing")
    assert missing.commands[0].endswith(f"'smtp_tls_policy_maps = {US}tlsrpt'")


@pytest.mark.finding("mx-patterns-ignored")
@pytest.mark.finding("plain-map-since-3.10")
@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"smtp_tls_enforce_sts_mx_patterns": "no"}, "mx-patterns-ignored"),
        ({"smtp_tls_policy_maps": US + "default"}, "plain-map-since-3.10"),
    ],
)
def test_what_the_policy_is_not_used_for(
    parameters: dict[str, str], code: str, postfix: ModernPostfix
) -> None:
    assert found(postfix, parameters) == {code}


@pytest.mark.finding("tlsrpt-without-socket-name")
@pytest.mark.finding("tlsrpt-not-built-in")
@pytest.mark.finding("tlsrpt-without-policies")
def test_what_keeps_reports_from_being_right(postfix: ModernPostfix) -> None:
    enabled = {"smtp_tlsrpt_enable": "yes"}
    assert found(postfix, enabled) == {"tlsrpt-without-socket-name"}
    assert found(postfix, enabled, built_in=False) == {"tlsrpt-not-built-in"}
    plain = {"smtp_tls_policy_maps": US + "default"}
    assert found(postfix, REPORTING | plain) >= {"tlsrpt-without-policies"}


def test_debians_postfix_is_built_for_reports(postfix: ModernPostfix) -> None:
    instance = postfix.read(GOOD)
    shared = f"{postfix.root or ''}{instance.value('shlib_directory')}"
    instance = replace(instance, values={**instance.values, "shlib_directory": shared})
    around, _ = look_around(instance, lookups())
    assert around.reports_built_in is True


@pytest.mark.finding("tlsrpt-socket-unusable")
def test_the_collectors_socket(postfix: ModernPostfix) -> None:
    """It is looked for in the queue directory, as smtp(8) does, chrooted or not."""

    def finding() -> Finding | None:
        instance = postfix.read(GOOD | REPORTING)
        around, hops = look_around(instance, lookups())
        around = replace(around, reports_built_in=True)
        findings = judge_outbound(instance, around, hops)
        return next((one for one in findings if one.code == "tlsrpt-socket-unusable"), None)

    place = postfix.directory / "spool" / COLLECTOR
    absent = finding()
    assert absent is not None
    assert f"{place}: no such file or directory" in absent.found
    place.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.bind(str(place))
        stream.listen()
        wrong = finding()
    assert wrong is not None
    assert "wrong type for socket" in wrong.found
    place.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as collector:
        collector.bind(str(place))
        place.chmod(0o600)
        closed = finding()
        assert closed is not None
        assert "the user postfix may not write to it" in closed.found
        place.chmod(0o666)
        assert finding() is None
    refused = finding()
    assert refused is not None
    assert "connection refused" in refused.found


@pytest.mark.parametrize(
    "name",
    [
        "main.cf.postfix-3.10",
        "main.cf.ism-0572-opportunistic-tls",
        "main.cf.chroot-unix-socket",
        "main.cf.local-overrides",
    ],
)
def test_the_examples_are_clean(name: str, postfix: ModernPostfix) -> None:
    text = (EXAMPLES / name).read_text().replace(":default\n", ":tlsrpt\n")
    if name in ("main.cf.chroot-unix-socket", "main.cf.local-overrides"):
        text = (EXAMPLES / "main.cf.postfix-3.10").read_text() + text
    instance = postfix.read_text(text)
    if (root := postfix.root) is not None:
        etc = root / postfix.directory.relative_to("/") / "etc"
        (etc / "tls_policy").write_text((EXAMPLES / "tls_policy").read_text())
        settle(etc)
    (postfix.directory / "etc").mkdir(exist_ok=True)
    (postfix.directory / "etc/tls_policy").write_text("")
    unix = parse_address(f"unix:{postfix.directory}/spool/mtasts/socketmap")
    findings = judged(instance, lookups({"https": {}}, LookupPlace("socketmap", unix)))
    assert [one for one in findings if one.severity != Severity.OK] == []


if not debian13.is_host():  # where it is, this machine's own Postfix stays as it is

    def test_every_enabled_instance_is_read(postfix: ModernPostfix) -> None:
        """One that postmulti(1) makes is not enabled at first."""
        root = postfix.root
        assert root is not None

        def postmulti(*arguments: str) -> None:
            subprocess.run(["chroot", root, "postmulti", *arguments], check=True, timeout=60)

        def read() -> PostfixReading:
            settle(root / "etc/postfix")
            settle(root / "etc/postfix-out")
            return read_postfix(environ={"PATH": postfix.path})

        with kept(root / "etc/postfix/main.cf"):
            postmulti("-e", "init")
            postmulti("-I", "postfix-out", "-e", "create")
            reading = read()
            assert [one.config_directory for one in reading.instances] == ["/etc/postfix"]
            assert [one.code for one in judge_reading(reading)] == ["postfix-instance-not-enabled"]
            postmulti("-i", "postfix-out", "-e", "enable")
            reading = read()
            postmulti("-i", "postfix-out", "-e", "disable")
            postmulti("-i", "postfix-out", "-e", "destroy")
        assert list(judge_reading(reading)) == []
        first, second = reading.instances
        assert (first.label, second.label) == ("", "postfix-out")
        assert second.queue_directory == "/var/spool/postfix-out"
        # It takes no mail from outside, as postmulti(1) makes it, and sends some.
        assert {one.type for one in second.services} == {"unix", "unix-dgram"}
        assert all("-c /etc/postfix-out" in line for one in judged(second) for line in one.commands)
