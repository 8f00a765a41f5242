"""What `doctor` finds wrong with how Postfix sends mail: the real one, as postconf(1) reads it.

What it advises is done, too, and then the finding is gone.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mtasts_resolver.config import UnixAddress, parse_config
from mtasts_resolver.doctor.catalogue import CATALOGUE
from mtasts_resolver.doctor.instance import PostfixInstance
from mtasts_resolver.doctor.looking import look_around
from mtasts_resolver.doctor.outbound import judge_outbound
from mtasts_resolver.doctor.surroundings import LookupPlace, OurLookups, SmartHostPolicy
from mtasts_resolver.findings import Finding, Severity
from mtasts_resolver.policy import NextHop

from .postfixes import HAS_POSTFIX, IS_MODERN, lines, read_one, settle, write_postfix

pytestmark = pytest.mark.skipif(not HAS_POSTFIX, reason="Postfix is not installed")

ROOT = Path(__file__).parents[2]
# One authority, which is quick to load, of the package ca-certificates.
CA_FILE = "/etc/ssl/certs/ISRG_Root_X1.pem"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
US = "socketmap:inet:127.0.0.1:8461:"
MAP = "tlsrpt" if IS_MODERN else "default"

# What the guide has for this machine's version.
GOOD = {
    "smtp_tls_policy_maps": US + MAP,
    "smtp_tls_security_level": "dane",
    "smtp_dns_support_level": "dnssec",
    "smtp_tls_CAfile": CA_FILE,
    "smtp_tls_mandatory_protocols": ">=TLSv1.2",
    "smtp_tls_session_cache_database": "btree:${data_directory}/smtp_scache",
    "smtp_tls_loglevel": "1",
}


def lookups(config: Mapping[str, Any] | None = None, *places: LookupPlace) -> OurLookups:
    text = json.dumps(
        {"https": {"ca_file": CA_FILE}, **(config or {})}
    ).encode()  # which is YAML, too
    return OurLookups.configured(parse_config(text, "config.yaml").config, places, validates=True)


def no_policy(_: NextHop) -> None:
    return None


def judged(
    instance: PostfixInstance,
    ours: OurLookups | None = None,
    find_policy: Callable[[NextHop], SmartHostPolicy | None] = no_policy,
) -> list[Finding]:
    around, hops = look_around(instance, ours or lookups(), find_policy)
    return list(judge_outbound(instance, around, hops))


def codes(findings: list[Finding]) -> set[str]:
    return {finding.code for finding in findings}


def do(finding: Finding, etc: Path) -> None:
    for command in finding.commands:
        assert command.startswith(f"postconf -c {etc} "), command
        done = subprocess.run(
            ["sh", "-euc", command], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, ""), command
    settle(etc)


# What is changed in GOOD, and what is added to master.cf. Where there are commands, they mend it.
MENDED = [
    ("policy-map-missing", {"smtp_tls_policy_maps": ""}, ""),
    ("policy-map-missing", {"smtp_tls_policy_maps": "socketmap:inet:127.0.0.1:8460:default"}, ""),
    ("service-without-policy-map", {}, "x unix - - n - - smtp -o smtp_tls_policy_maps="),
    ("policy-map-malformed", {"smtp_tls_policy_maps": "socketmap:inet:127.0.0.1:8461"}, ""),
    ("policy-map-malformed", {"smtp_tls_policy_maps": "socketmap:inet:localhost:http:x"}, ""),
    ("other-policy-server-first", {"smtp_tls_policy_maps": f"tcp:127.0.0.1:8642 {US}{MAP}"}, ""),
    ("table-answers-everything", {"smtp_tls_policy_maps": f"static:may, {US}{MAP}"}, ""),
    ("per-site-table-ignored", {"smtp_tls_per_site": "inline:{a=MUST}"}, ""),
    ("plain-text-without-policy", {"smtp_tls_security_level": "none"}, ""),
    ("plain-text-without-policy", {"smtp_tls_security_level": ""}, ""),
    ("service-in-plain-text", {}, "x unix - - n - - smtp -o smtp_tls_security_level=none"),
    ("security-level-unknown", {"smtp_tls_security_level": "encypt"}, ""),
    ("obsolete-tls-switch", {"smtp_tls_security_level": "", "smtp_use_tls": "yes"}, ""),
    ("dane-without-dnssec", {"smtp_dns_support_level": ""}, ""),
    ("dane-without-dnssec", {}, "x unix - - n - - smtp -o smtp_dns_support_level=enabled"),
    ("dane-turned-off", {"smtp_host_lookup": "native"}, ""),
    ("dane-turned-off", {"smtp_dns_resolver_options": "res_defnames"}, ""),
    ("dane-turned-off", {"ignore_mx_lookup_error": "yes"}, ""),
    ("insecure-mx-without-dane", {"smtp_tls_dane_insecure_mx_policy": "may"}, ""),
    (
        "wrapper-mode-without-encryption",
        {},
        "x unix - - n - - smtp -o smtp_tls_wrappermode=yes -o smtp_tls_security_level=may",
    ),
    ("no-authorities", {"smtp_tls_CAfile": ""}, ""),
    ("no-authorities", {"smtp_tls_CAfile": "", "tls_append_default_CA": "yes"}, ""),
    ("authorities-unusable", {"smtp_tls_CAfile": "/nowhere/ca.pem"}, ""),
    ("authorities-unusable", {"smtp_tls_CAfile": "/etc/hostname"}, ""),
    ("authorities-unusable", {"smtp_tls_CAfile": "/dev/zero"}, ""),
    ("authorities-unusable", {"smtp_tls_CAfile": "", "smtp_tls_CApath": "/nowhere"}, ""),
    (
        "authorities-outside-chroot",
        {"smtp_tls_CAfile": "", "smtp_tls_CApath": "/etc/ssl/certs"},
        "",
    ),
    ("trust-anchors-instead-of-authorities", {"smtp_tls_trust_anchor_file": CA_FILE}, ""),
    ("outdated-tls-for-policies", {"smtp_tls_mandatory_protocols": ">=TLSv1"}, ""),
    ("outdated-tls-for-policies", {"smtp_tls_mandatory_protocols": "!SSLv2, !SSLv3"}, ""),
    ("only-newest-tls-for-policies", {"smtp_tls_mandatory_protocols": ">=TLSv1.3"}, ""),
    ("no-tls-version-left", {"smtp_tls_mandatory_protocols": "!TLSv1.2 !TLSv1.3"}, ""),
    ("no-tls-version-left", {"smtp_tls_mandatory_protocols": "TLSv1, TLSv1.1"}, ""),
    ("tls-versions-unknown", {"smtp_tls_mandatory_protocols": ">=TLSv12"}, ""),
    ("tls-versions-unknown", {"smtp_tls_mandatory_protocols": ">=TLSv1.0"}, ""),
    ("plain-text-instead-of-tls-1.2", {"smtp_tls_protocols": ">=TLSv1.3"}, ""),
    ("weak-ciphers", {"smtp_tls_mandatory_ciphers": "null"}, ""),
    ("weak-ciphers", {"smtp_tls_ciphers": "export"}, ""),
    ("usual-ciphers-excluded", {"smtp_tls_exclude_ciphers": "aNULL, ECDHE"}, ""),
    ("tls-not-logged", {"smtp_tls_loglevel": "0"}, ""),
    ("tls-logged-in-full", {"smtp_tls_loglevel": "3"}, ""),
    ("no-tls-session-cache", {"smtp_tls_session_cache_database": ""}, ""),
    ("connection-reuse-without-tlsproxy", {"smtp_tls_connection_reuse": "yes"}, ""),
    ("server-name-invalid", {"smtp_tls_servername": "not/a/name"}, ""),
    ("server-name-for-everyone", {"smtp_tls_servername": "mx.example.org"}, ""),
    (
        "fingerprint-digest-weak",
        {},
        """x unix - - n - - smtp
             -o smtp_tls_security_level=fingerprint
             -o smtp_tls_fingerprint_cert_match=00:11
             -o smtp_tls_fingerprint_digest=md5""",
    ),
]


@pytest.mark.parametrize(
    ("code", "parameters", "service"),
    [pytest.param(*row, marks=pytest.mark.finding(row[0])) for row in MENDED],
)
def test_what_is_advised_mends_it(
    code: str, parameters: dict[str, str], service: str, tmp_path: Path
) -> None:
    etc = write_postfix(tmp_path, lines(GOOD | parameters), service)
    found = [finding for finding in judged(read_one(etc)) if finding.code == code]
    assert found
    for finding in found:
        assert finding.commands
        do(finding, etc)
    instance = read_one(etc)
    assert code not in codes(judged(instance))
    assert instance.warnings == ()


def test_a_good_set_up_is_clean(tmp_path: Path) -> None:
    etc = write_postfix(tmp_path, lines(GOOD))
    assert judged(read_one(etc)) == []


def test_one_round_of_advice_is_enough(tmp_path: Path) -> None:
    """A Postfix as it is installed, with the lines that are printed for it and nothing else."""
    etc = write_postfix(tmp_path, "")
    for finding in judged(read_one(etc)):
        do(finding, etc)
    after = read_one(etc)
    assert judged(after) == []
    assert {name: after.written[name] for name in GOOD} == GOOD


def found_once(code: str, findings: list[Finding]) -> Finding:
    (finding,) = (finding for finding in findings if finding.code == code)
    return finding


@pytest.mark.finding("reporting-map-before-3.10")
def test_a_map_whose_answers_this_version_rejects(tmp_path: Path) -> None:
    main = GOOD | {"smtp_tls_policy_maps": f"{US}tlsrpt"}
    etc = write_postfix(tmp_path, lines(main))
    instance = read_one(etc)
    if IS_MODERN:  # nothing but its version matters
        instance = replace(instance, version_text="3.9.1")
    finding = found_once("reporting-map-before-3.10", judged(instance))
    assert finding.severity == Severity.ERROR
    assert finding.commands == (f"postconf -c {etc} -e 'smtp_tls_policy_maps = {US}default'",)


@pytest.mark.finding("dane-without-validation")
def test_a_level_of_danes_takes_a_resolver_that_validates(tmp_path: Path) -> None:
    instance = read_one(write_postfix(tmp_path, lines(GOOD)))
    without = replace(lookups(), validates=False)
    finding = found_once("dane-without-validation", judged(instance, without))
    assert finding.severity == Severity.WARNING
    elsewhere = replace(lookups({"dns": {"servers": ["192.0.2.53"]}}), validates=False)
    assert judged(instance, elsewhere) == []
    main = GOOD | {"smtp_tls_security_level": "may"}
    assert judged(read_one(write_postfix(tmp_path, lines(main))), without) == []


@pytest.mark.finding("plain-map-since-3.10")
@pytest.mark.finding("mx-patterns-not-compared")
@pytest.mark.finding("postfix-too-old")
def test_what_a_version_makes_of_a_map(tmp_path: Path) -> None:
    instance = read_one(
        write_postfix(tmp_path, lines(GOOD | {"smtp_tls_policy_maps": US + "QUERY"}))
    )
    modern = replace(instance, version_text="3.10.4")
    finding = found_once("plain-map-since-3.10", judged(modern))
    assert f"{US}tlsrpt" in finding.commands[0]
    assert "postfix-too-old" in codes(judged(replace(instance, version_text="3.3.22")))
    assert "postfix-too-old" not in codes(
        judged(
            replace(instance, version_text="3.3.22"), lookups({"maps": {"default": {"sni": False}}})
        )
    )
    values = {k: v for k, v in instance.values.items() if k != "smtp_tls_enforce_sts_mx_patterns"}
    values["smtp_tls_policy_maps"] = US + "tlsrpt"
    assert "mx-patterns-not-compared" in codes(judged(replace(modern, values=values)))


@pytest.mark.finding("map-type-unknown")
def test_a_type_of_table_that_this_postfix_has_not(tmp_path: Path) -> None:
    main = GOOD | {"smtp_tls_policy_maps": f"nosuchtype:/etc/x, {US}{MAP}"}
    finding = found_once("map-type-unknown", judged(read_one(write_postfix(tmp_path, lines(main)))))
    assert "nosuchtype" in finding.found


@pytest.mark.finding("local-table-first")
@pytest.mark.finding("policy-table-unusable")
def test_a_table_of_ones_own(tmp_path: Path) -> None:
    policy = tmp_path / "tls_policy"
    main = GOOD | {"smtp_tls_policy_maps": f"texthash:{policy}, {US}{MAP}"}
    etc = write_postfix(tmp_path, lines(main))
    (finding,) = judged(read_one(etc))
    assert (finding.code, finding.severity) == ("policy-table-unusable", Severity.ERROR)
    policy.write_text("a.example may\nb.example encrypt\n")
    settle(tmp_path)
    (finding,) = judged(read_one(etc))
    assert (finding.code, finding.severity) == ("local-table-first", Severity.OK)
    assert "with 2 keys" in finding.found


def test_a_database_that_postmap_has_not_made(tmp_path: Path) -> None:
    policy = tmp_path / "tls_policy"
    policy.write_text("a.example may\n")
    settle(tmp_path)
    main = GOOD | {"smtp_tls_policy_maps": f"hash:{policy}, {US}{MAP}"}
    etc = write_postfix(tmp_path, lines(main))
    finding = found_once("policy-table-unusable", judged(read_one(etc)))
    assert f"postmap hash:{policy}" in finding.action
    subprocess.run(["postmap", f"hash:{policy}"], check=True, timeout=60)
    assert "with 1 key" in found_once("local-table-first", judged(read_one(etc))).found


@pytest.mark.finding("policy-map-in-composite")
def test_a_table_in_a_table(tmp_path: Path) -> None:
    main = GOOD | {"smtp_tls_policy_maps": f"unionmap:{{inline:{{a=b}},{US}{MAP}}}"}
    assert codes(judged(read_one(write_postfix(tmp_path, lines(main))))) == {
        "policy-map-in-composite"
    }


@pytest.mark.finding("policy-map-not-allowed")
def test_a_table_through_proxymap(tmp_path: Path) -> None:
    """main.cf's is allowed by Postfix's default; that of a service is not."""
    proxied = {"smtp_tls_policy_maps": f"proxy:{US}{MAP}"}
    etc = write_postfix(tmp_path, lines(GOOD | proxied))
    assert judged(read_one(etc)) == []
    service = f"x unix - - y - - smtp -o smtp_tls_policy_maps=proxy:{US}{MAP}\n"
    etc = write_postfix(tmp_path, lines(GOOD), service)
    assert codes(judged(read_one(etc))) == {"policy-map-not-allowed"}


SOCKET = "/mtasts/socketmap"


@pytest.mark.finding("policy-socket-outside-chroot")
@pytest.mark.parametrize(
    ("path", "chroot", "found"),
    [
        ("mtasts/socketmap", "y", set()),
        ("mtasts/socketmap", "n", set()),
        (SOCKET, "y", set()),
        ("{spool}" + SOCKET, "n", set()),
        ("{spool}" + SOCKET, "y", {"policy-socket-outside-chroot"}),
        (SOCKET, "n", {"service-without-policy-map"}),
    ],
)
def test_a_unix_socket(path: str, chroot: str, found: set[str], tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    ours = lookups({}, LookupPlace("socketmap", UnixAddress(f"{spool}{SOCKET}")))
    table = f"socketmap:unix:{path.format(spool=spool)}:{MAP}"
    service = f"x unix - - {chroot} - - smtp -o smtp_tls_policy_maps={table}\n"
    etc = write_postfix(tmp_path, lines(GOOD), service)
    findings = judged(read_one(etc), ours)
    assert codes(findings) == found
    for finding in findings:
        do(finding, etc)
    assert judged(read_one(etc), ours) == []


@pytest.mark.parametrize(
    ("table", "config"),
    [
        (
            "tcp:127.0.0.1:8462",
            {"listen": [{"protocol": "tcp_table", "address": "inet:127.0.0.1:8462"}]},
        ),
        (
            "tcp:localhost:8462",
            {"listen": [{"protocol": "tcp_table", "address": "inet:0.0.0.0:8462"}]},
        ),
        (
            "socketmap:inet:[::1]:8461:default",
            {"listen": [{"protocol": "socketmap", "address": "inet:[::1]:8461"}]},
        ),
        ("socketmap:inet:localhost:8461:Default", {}),
        ("socketmap:inet:8461:default", {}),
    ],
)
def test_other_spellings_of_where_we_are(
    table: str, config: Mapping[str, Any], tmp_path: Path
) -> None:
    main = GOOD | {"smtp_tls_policy_maps": table}
    found = codes(judged(read_one(write_postfix(tmp_path, lines(main))), lookups(config)))
    assert found <= {"plain-map-since-3.10"}


@pytest.mark.finding("map-not-configured")
@pytest.mark.finding("map-only-observes")
@pytest.mark.finding("level-weakened-by-dane")
@pytest.mark.finding("dane-overridden-by-policies")
@pytest.mark.parametrize(
    ("name", "options", "level", "found"),
    [
        ("defalt", {}, "may", {"map-not-configured"}),
        ("default", {"answer": "observe"}, "may", {"map-only-observes"}),
        ("default", {}, "encrypt", {"level-weakened-by-dane"}),
        ("default", {"dane": "only"}, "encrypt", set()),
        ("default", {"dane": False}, "dane", {"dane-overridden-by-policies"}),
        ("default", {"dane": False}, "may", set()),
    ],
)
def test_what_a_map_is_for(
    name: str, options: Mapping[str, Any], level: str, found: set[str], tmp_path: Path
) -> None:
    main = GOOD | {"smtp_tls_policy_maps": US + name, "smtp_tls_security_level": level}
    instance = read_one(write_postfix(tmp_path, lines(main)))
    findings = judged(instance, lookups({"maps": {"default": options}}))
    assert codes(findings) - {"plain-map-since-3.10"} == found


def test_without_dane_dnssec_is_not_needed(tmp_path: Path) -> None:
    main = GOOD | {"smtp_tls_security_level": "may", "smtp_dns_support_level": ""}
    instance = read_one(write_postfix(tmp_path, lines(main)))
    maps = {name: {"dane": False, "tlsrpt": name == "tlsrpt"} for name in ("default", "tlsrpt")}
    assert judged(instance, lookups({"maps": maps})) == []


@pytest.mark.finding("level-for-few-hosts")
@pytest.mark.parametrize("level", ["secure", "verify", "dane-only"])
def test_a_level_that_few_hosts_satisfy(level: str, tmp_path: Path) -> None:
    """It may be meant: no line takes it away. With a smart host it is the right one."""
    main = GOOD | {"smtp_tls_security_level": level}
    finding = found_once(
        "level-for-few-hosts", judged(read_one(write_postfix(tmp_path, lines(main))))
    )
    assert finding.commands == ()
    for name, value in (("relayhost", "[mx.example]"), ("default_transport", "smtp:[mx.example]")):
        etc = write_postfix(tmp_path, lines(main | {name: value}))
        assert "level-for-few-hosts" not in codes(judged(read_one(etc)))


def test_a_level_that_resembles_none_is_not_guessed(tmp_path: Path) -> None:
    main = GOOD | {"smtp_tls_security_level": "yes"}
    etc = write_postfix(tmp_path, lines(main))
    assert found_once("security-level-unknown", judged(read_one(etc))).commands == ()


def test_one_line_mends_all_that_is_wrong_with_the_tables(tmp_path: Path) -> None:
    tables = f"static:may, socketmap:inet:127.0.0.1:8461, tcp:127.0.0.1:8642, {US}default"
    etc = write_postfix(tmp_path, lines(GOOD | {"smtp_tls_policy_maps": tables}))
    findings = judged(read_one(etc))
    assert codes(findings) >= {
        "table-answers-everything",
        "policy-map-malformed",
        "other-policy-server-first",
    }
    said = {finding.commands for finding in findings if finding.severity != Severity.NOTE}
    assert said == {(f"postconf -c {etc} -e 'smtp_tls_policy_maps = {US}default'",)}


def test_where_nobody_listens_no_line_names_a_place(tmp_path: Path) -> None:
    etc = write_postfix(tmp_path, lines(GOOD | {"smtp_tls_policy_maps": ""}))
    (finding,) = judged(read_one(etc), lookups({"listen": []}))
    assert (finding.code, finding.commands) == ("policy-map-missing", ())


@pytest.mark.finding("fingerprints-missing")
def test_a_level_without_its_fingerprints(tmp_path: Path) -> None:
    service = "x unix - - n - - smtp -o smtp_tls_security_level=fingerprint\n"
    found = judged(read_one(write_postfix(tmp_path, lines(GOOD), service)))
    assert codes(found) == {"fingerprints-missing", "level-weakened-by-dane"}


@pytest.mark.finding("authorities-fewer-than-ours")
@pytest.mark.finding("authorities-beyond-ours")
def test_other_authorities_than_the_daemons(tmp_path: Path) -> None:
    etc = write_postfix(tmp_path, lines(GOOD))
    whole = {"https": {"ca_file": BUNDLE}}
    finding = found_once("authorities-fewer-than-ours", judged(read_one(etc), lookups(whole)))
    assert "are missing among Postfix's 1" in finding.found
    do(finding, etc)
    assert judged(read_one(etc), lookups(whole)) == []
    finding = found_once("authorities-beyond-ours", judged(read_one(etc)))
    assert finding.severity == Severity.NOTE


JUDGE_AS_NOBODY = """\
import os, sys
from pathlib import Path
from mtasts_resolver.doctor.reading import read_postfix
from tests.system.test_doctor_outbound import judged
(instance,) = read_postfix(Path(sys.argv[1])).instances
judged(instance)  # whatever is imported late
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for finding in judged(instance):
    print(finding.code)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to become another user")
@pytest.mark.finding("authorities-not-seen")
def test_authorities_that_root_alone_may_read(open_directory: Path) -> None:
    """Postfix reads them as root, so that nothing is wrong."""
    file = open_directory / "ca.pem"
    file.write_bytes(Path(CA_FILE).read_bytes())
    file.chmod(0o600)
    etc = write_postfix(open_directory, lines(GOOD | {"smtp_tls_CAfile": str(file)}))
    assert judged(read_one(etc)) == []
    done = subprocess.run(
        [sys.executable, "-c", JUDGE_AS_NOBODY, etc],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["authorities-not-seen"]


def test_the_systems_authorities_may_be_added(tmp_path: Path) -> None:
    etc = write_postfix(tmp_path, lines(GOOD | {"tls_append_default_CA": "yes"}))
    assert judged(read_one(etc), lookups({"https": {}})) == []


def test_a_directory_of_authorities_in_the_chroot(tmp_path: Path) -> None:
    main = GOOD | {"smtp_tls_CAfile": "", "smtp_tls_CApath": "/etc/ssl/certs"}
    etc = write_postfix(tmp_path, lines(main))
    ours = lookups({"https": {}})
    jail = tmp_path / "spool/etc/ssl/certs"
    jail.parent.mkdir(parents=True)
    subprocess.run(["cp", "-rL", "/etc/ssl/certs", jail.parent], check=True, timeout=60)
    assert judged(read_one(etc), ours) == []


@pytest.mark.finding("smart-host-outside-its-policy")
@pytest.mark.parametrize(
    ("parameter", "value", "held"),
    [
        ("relayhost", "[relay.example]:587", True),
        ("relayhost", "[mx.relay.example]", False),
        ("relayhost", "relay.example", True),
        ("smtp_fallback_relay", "[relay.example]", True),
        ("default_transport", "smtp:[relay.example]:25", True),
        ("transport_maps", "inline:{{a.example=relay:[relay.example]}}", True),
        ("transport_maps", "inline:{{a.example=uucp:[relay.example]}}", False),
        ("sender_dependent_relayhost_maps", "inline:{{@a.example=[relay.example]:587}}", True),
        (
            "sender_dependent_default_transport_maps",
            "inline:{{@a.example=smtp:[relay.example]}}",
            True,
        ),
    ],
)
def test_a_smart_host_that_its_policy_does_not_name(
    parameter: str, value: str, held: bool, tmp_path: Path
) -> None:
    def find_policy(hop: NextHop) -> SmartHostPolicy:
        hosts = (hop.domain,) if hop.is_host else ("out.relay.example",)
        return SmartHostPolicy(mode="enforce", mx=("mx.relay.example",), hosts=hosts)

    value = value.replace("{{", "{").replace("}}", "}")
    etc = write_postfix(tmp_path, lines(GOOD | {parameter: value}))
    found = judged(read_one(etc), None, find_policy)
    assert codes(found) == ({"smart-host-outside-its-policy"} if held else set())
    for finding in found:
        assert finding.about.endswith(parameter)
        if value == "relay.example":
            # Nobody is to trust what DNS alone says, and least of all by a line to be copied.
            assert not finding.commands
            assert "MX records" in finding.action
        else:
            assert "mtasts-resolver override add" in finding.commands[0]
    testing = SmartHostPolicy(mode="testing", mx=("mx.relay.example",), hosts=("relay.example",))
    assert judged(read_one(etc), None, lambda _: testing) == []


def test_one_chrooted_service_is_enough(tmp_path: Path) -> None:
    """It uses main.cf's tables, though it has an address of its own."""
    spool = tmp_path / "spool"
    ours = lookups({}, LookupPlace("socketmap", UnixAddress(f"{spool}{SOCKET}")))
    main = GOOD | {"smtp_tls_policy_maps": f"socketmap:unix:{spool}{SOCKET}:{MAP}"}
    services = ["smtp unix - - n - - smtp", "relay unix - - n - - smtp", "lmtp unix - - n - - lmtp"]
    own = "x unix - - {} - - smtp -o smtp_bind_address=192.0.2.1"
    for chroot, found in (("n", set()), ("y", {"policy-socket-outside-chroot"})):
        master_cf = "\n".join([*services, own.format(chroot), ""])
        instance = read_one(write_postfix(tmp_path, lines(main), master_cf))
        assert codes(judged(instance, ours)) == found


def test_what_is_wrong_is_told_once(tmp_path: Path) -> None:
    """The services that set something else are not told of again."""
    services = "x unix - - y - - smtp -o smtp_bind_address=192.0.2.1\n"
    etc = write_postfix(tmp_path, lines(GOOD | {"smtp_tls_CAfile": ""}), services)
    (finding,) = judged(read_one(etc))
    assert finding.about.endswith("smtp_tls_CAfile")


@pytest.mark.parametrize(
    "content_filter", ["filter:[127.0.0.1]:10024", "filter:localhost:10024", "filter:unix:/run/x"]
)
def test_a_content_filter_on_this_host_needs_no_policy(content_filter: str, tmp_path: Path) -> None:
    """As amavis has it, and others."""
    services = """\
filter unix - - n - 2 smtp
  -o smtp_tls_security_level=none -o smtp_tls_policy_maps= -o disable_dns_lookups=yes
scan inet n - n - - smtpd -o content_filter=second:[127.0.0.1]:10026
second unix - - n - 2 smtp -o smtp_tls_security_level=none
amavis unix - - n - 2 smtp -o smtp_data_done_timeout=1200 -o disable_dns_lookups=yes
"""
    etc = write_postfix(tmp_path, lines(GOOD | {"content_filter": content_filter}), services)
    assert judged(read_one(etc)) == []
    etc = write_postfix(tmp_path, lines(GOOD | {"content_filter": "filter:mx.example"}), services)
    assert "service-without-policy-map" in codes(judged(read_one(etc)))


def test_dns_that_is_turned_off_in_main_cf(tmp_path: Path) -> None:
    etc = write_postfix(tmp_path, lines(GOOD | {"disable_dns_lookups": "yes"}))
    finding = found_once("dane-turned-off", judged(read_one(etc)))
    assert finding.about.endswith("disable_dns_lookups")


def test_lmtp_is_judged_where_it_asks_us_alone(tmp_path: Path) -> None:
    etc = write_postfix(tmp_path, lines(GOOD))
    assert judged(read_one(etc)) == []
    etc = write_postfix(tmp_path, lines(GOOD | {"lmtp_tls_policy_maps": US + MAP}))
    assert {finding.about.rpartition(": ")[2] for finding in judged(read_one(etc))} >= {
        "lmtp_tls_CAfile",
        "lmtp_dns_support_level",
    }


def test_hostile_values_are_shown_bounded_and_printable(tmp_path: Path) -> None:
    evil = "\x1b]0;x\x07\u202e`x`" + "y" * 5_000
    main = GOOD | {"smtp_tls_policy_maps": f"texthash:/{evil} {US}{MAP}", "relayhost": evil}
    main |= {"smtp_tls_CAfile": f"/{evil}", "shlib_directory": f"/{evil}"}
    main |= {"smtp_tlsrpt_enable": "yes", "smtp_tlsrpt_socket_name": evil}
    service = f"x unix - - n - - smtp -o {{ smtp_tls_security_level = {evil} }}\n"
    findings = judged(read_one(write_postfix(tmp_path, lines(main), service)))
    assert {"authorities-unusable", "policy-table-unusable"} <= codes(findings)
    for finding in findings:
        for words in (finding.about, finding.found, finding.action):
            assert words.isprintable()
            assert len(words) < 1_000


def test_no_code_stands_for_two_kinds() -> None:
    found = [kind.code for kind in CATALOGUE]
    assert len(set(found)) == len(found)
