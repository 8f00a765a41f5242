"""What `doctor` says would become of mail becomes of it: a fault is judged, and a mail is sent."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from mtasts_resolver.config import UnixAddress, parse_config
from mtasts_resolver.doctor.looking import look_around
from mtasts_resolver.doctor.outbound import judge_outbound
from mtasts_resolver.doctor.surroundings import LookupPlace, OurLookups
from mtasts_resolver.findings import Finding

from .faulty import CHROOTED, FaultyPostfix
from .lab import Lab
from .postfix import SOCKETMAP

pytestmark = pytest.mark.lab

ENFORCED, WRONG, NO_POLICY = "enforced.example", "wrong-name.example", "no-record.example"
DANE = "tlsa-right.example"
US = f"socketmap:{SOCKETMAP}:default"
TLS = "TLS connection established"


@dataclass
class Fault:
    """What is set for a service, what `doctor` calls it, and what becomes of a mail."""

    code: str
    """Empty: nothing is wrong."""
    set: dict[str, str]
    to: str = ENFORCED
    status: str = "deferred"
    log: str = ""
    """What the log says."""
    unlogged: str = field(default="", kw_only=True)
    """What it does not say."""


CONFIGURATION = "client TLS configuration problem"
NOT_VERIFIED = "Server certificate not verified"
IN_A_DIRECTORY = {"smtp_tls_CAfile": "", "smtp_tls_CApath": "@hashed@"}
ABSOLUTE = {"smtp_tls_policy_maps": "socketmap:unix:@socket@:default"}

FAULTS = {
    "sound": Fault("", {"smtp_tls_loglevel": "1"}, status="sent", log=f"Verified {TLS}"),
    "nobody": Fault("no-authorities", {"smtp_tls_CAfile": ""}, log=NOT_VERIFIED),
    "appended": Fault(
        "no-authorities",
        {"smtp_tls_CAfile": "", "tls_append_default_CA": "yes"},
        log=NOT_VERIFIED,
    ),
    "lost": Fault(
        "authorities-unusable",
        {"smtp_tls_CAfile": "/nowhere.pem"},
        log="our TLS engine is unavailable",
    ),
    "lostplain": Fault(
        "authorities-unusable",
        {"smtp_tls_CAfile": "/nowhere.pem"},
        NO_POLICY,
        "sent",
        unlogged=TLS,
    ),
    "hashed": Fault("", IN_A_DIRECTORY, status="sent", log=f"Verified {TLS}"),
    "jailed": Fault(
        "authorities-outside-chroot", IN_A_DIRECTORY | {CHROOTED: "y"}, log=NOT_VERIFIED
    ),
    "anchored": Fault(
        "trust-anchors-instead-of-authorities",
        {"smtp_tls_trust_anchor_file": "@other_ca@"},
        log=NOT_VERIFIED,
    ),
    "versionless": Fault(
        "no-tls-version-left",
        {"smtp_tls_mandatory_protocols": "!TLSv1.2, !TLSv1.3"},
        log="Cannot start TLS",
    ),
    "misnamed": Fault(
        "tls-versions-unknown",
        {"smtp_tls_mandatory_protocols": ">=TLSv1.0"},
        log="Invalid TLS protocol list",
    ),
    "servername": Fault(
        "server-name-invalid", {"smtp_tls_servername": "no/name"}, NO_POLICY, log=CONFIGURATION
    ),
    "reused": Fault(
        "connection-reuse-without-tlsproxy",
        {"smtp_tls_connection_reuse": "yes"},
        log="connect to private/tlsproxy service",
    ),
    "tableless": Fault(
        "policy-table-unusable",
        {"smtp_tls_policy_maps": f"texthash:/nowhere, {US}"},
        log=CONFIGURATION,
    ),
    "typeless": Fault(
        "map-type-unknown", {"smtp_tls_policy_maps": f"nosuch:/x, {US}"}, log=CONFIGURATION
    ),
    "mixed": Fault(
        "policy-map-in-composite",
        {"smtp_tls_policy_maps": f"unionmap:{{static:may,{US}}}"},
        log=CONFIGURATION,
    ),
    "everything": Fault(
        "table-answers-everything",
        {"smtp_tls_policy_maps": f"static:may, {US}"},
        WRONG,
        "sent",
    ),
    "unasked": Fault("service-without-policy-map", {"smtp_tls_policy_maps": ""}, WRONG, "sent"),
    "absolute": Fault("", ABSOLUTE, status="sent", log=f"Verified {TLS}"),
    "absolutejailed": Fault(
        "policy-socket-outside-chroot", ABSOLUTE | {CHROOTED: "y"}, log=CONFIGURATION
    ),
    "insecuredns": Fault(
        "dane-without-dnssec",
        {"smtp_dns_support_level": "enabled"},
        DANE,
        log="dane-only configured with dnssec lookups disabled",
    ),
    "ignored": Fault(
        "dane-turned-off",
        {"ignore_mx_lookup_error": "yes"},
        DANE,
        log="dane-only configured with MX lookup errors ignored",
    ),
    "searched": Fault(
        "dane-turned-off",
        {"smtp_dns_resolver_options": "res_dnsrch"},
        DANE,
        log="dns resolver options incompatible with dane-only TLS",
    ),
    "wrapped": Fault(
        "wrapper-mode-without-encryption",
        {"smtp_tls_wrappermode": "yes", "smtp_tls_security_level": "may"},
        NO_POLICY,
        log="smtp_tls_wrappermode requires",
    ),
    "plain": Fault(
        "service-in-plain-text",
        {"smtp_tls_security_level": "none"},
        NO_POLICY,
        "sent",
        unlogged=TLS,
    ),
    "printless": Fault(
        "fingerprints-missing",
        {"smtp_tls_security_level": "fingerprint"},
        NO_POLICY,
        log=CONFIGURATION,
    ),
}


@dataclass
class Mailed:
    """What is found of the services, and where their mail went."""

    postfix: FaultyPostfix
    findings: list[Finding]

    def codes(self, name: str) -> set[str]:
        """Return what is found of one service."""
        about = f" of {name}/unix"
        return {finding.code for finding in self.findings if finding.about.endswith(about)}


@pytest.fixture(scope="module")
def mailed(emptied_lab: Lab) -> Iterator[Mailed]:
    """Have a mail on its way by each service, all at once."""
    lab = emptied_lab
    lab.daemon.start()
    services = {name: fault.set for name, fault in FAULTS.items()}
    with FaultyPostfix(lab, lab.directory / "faulty", services) as postfix:
        for name, fault in FAULTS.items():
            postfix.post(fault.to, name)
        config = json.dumps({"https": {"ca_file": str(lab.ca_file)}}).encode()
        place = LookupPlace("socketmap", UnixAddress(str(lab.postfix.unix_socket)))
        ours = OurLookups.configured(parse_config(config, "").config, (place,), validates=True)
        instance = postfix.read()
        around, hops = look_around(instance, ours)
        yield Mailed(postfix, list(judge_outbound(instance, around, hops)))


@pytest.mark.parametrize("name", FAULTS)
def test_mail_fares_as_doctor_says(name: str, mailed: Mailed) -> None:
    fault, found = FAULTS[name], mailed.codes(name)
    assert fault.code in found if fault.code else not found
    status, log = mailed.postfix.fate(name)
    assert status == fault.status
    assert any(fault.log in line for line in log)
    assert not fault.unlogged or not any(fault.unlogged in line for line in log)
