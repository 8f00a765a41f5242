"""DANE at MX hosts, from made-up DNS answers: rows D1 to D6. Real ones are the lab's."""

import asyncio
import socket
import threading
from collections.abc import Iterable

import dns.rdata
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from trustme import CA

from mtasts_resolver.discovery import dane, services
from mtasts_resolver.discovery.dane import FAILURE_LIFETIME, MAX_LIFETIME, discover_dane
from mtasts_resolver.discovery.dns.answer import DnsStatus
from mtasts_resolver.discovery.services import Services
from mtasts_resolver.discovery.tlsa import is_usable
from mtasts_resolver.discovery.trace import Trace
from mtasts_resolver.policy import Dane, NextHop, Outcome
from tests.unit.discovery.zone import Zone

DOMAIN = "good.example"
HOP = NextHop(DOMAIN)
MX1, MX2 = "mx1.good.example", "mx2.good.example"
SHA256, SHA512 = "00" * 32, "00" * 64
GOOD = f"3 1 1 {SHA256}"
PKIX = f"1 1 1 {SHA256}"


def zone(*exchanges: str, secure: bool = True) -> Zone:
    """Return a zone whose domain has these MX hosts, most preferred first."""
    records = [f"{10 * number} {name}." for number, name in enumerate(exchanges, start=1)]
    return Zone().add(DOMAIN, "MX", *records, secure=secure)


async def status(of: Zone) -> Dane:
    return (await discover_dane(of, HOP)).finding.status


async def outcomes(of: Zone) -> list[Outcome]:
    return [host.outcome for host in (await discover_dane(of, HOP)).finding.hosts]


@pytest.mark.row("D1")
async def test_every_host_with_usable_records_is_required() -> None:
    assert await status(zone(MX1, MX2).host(MX1, GOOD).host(MX2, GOOD)) is Dane.REQUIRED


@pytest.mark.row("D1")
async def test_some_hosts_with_records_are_partial() -> None:
    assert await status(zone(MX1, MX2).host(MX1, GOOD).host(MX2)) is Dane.PARTIAL
    assert await status(zone(MX1, MX2).host(MX1, GOOD).host(MX2, PKIX)) is Dane.PARTIAL
    assert await status(zone(MX1).host(MX1, PKIX)) is Dane.PARTIAL
    assert await status(zone(MX1, MX2).host(MX1, PKIX).fail(MX2, "A")) is Dane.PARTIAL


async def test_no_records_are_none() -> None:
    assert await status(zone(MX1, MX2).host(MX1).host(MX2)) is Dane.NONE


@pytest.mark.row("D2")
async def test_a_failed_look_up_is_not_absence_and_concerns_its_host_alone() -> None:
    name = f"_25._tcp.{MX2}"
    assert await status(zone(MX2).host(MX2).fail(name, "TLSA")) is Dane.UNKNOWN
    # One broken host among good ones does not defer the whole domain: Postfix skips it.
    assert await status(zone(MX1, MX2).host(MX1, GOOD).host(MX2).fail(name, "TLSA")) is (
        Dane.REQUIRED
    )
    assert await status(zone(MX1, MX2).host(MX1).host(MX2).fail(name, "TLSA")) is Dane.UNKNOWN


@pytest.mark.row("D8")
async def test_a_host_that_cannot_be_found_holds_up_no_other() -> None:
    lost = zone(MX1, MX2).host(MX1).fail(MX2, "A")
    found = await discover_dane(lost, HOP)
    assert [host.outcome for host in found.finding.hosts] == [Outcome.ABSENT, Outcome.UNFOUND]
    assert found.finding.status is Dane.PARTIAL
    assert f"host {MX2}: SERVFAIL" in found.finding.reason
    assert found.lifetime == FAILURE_LIFETIME
    assert await status(lost.host(MX1, GOOD)) is Dane.REQUIRED
    assert await status(lost.host(MX1, PKIX)) is Dane.PARTIAL


@pytest.mark.row("D8")
async def test_where_no_host_can_be_found_or_a_tlsa_look_up_fails_nothing_is_known() -> None:
    assert await status(zone(MX1, MX2).fail(MX1, "A").fail(MX2, "A")) is Dane.UNKNOWN
    assert await status(zone(MX1, MX2).fail(MX1, "A")) is Dane.UNKNOWN  # MX2 has no address
    tlsa = f"_25._tcp.{MX2}"
    for hosts in (zone(MX1, MX2), zone(MX1, MX2, "mx3.good.example").host("mx3.good.example")):
        both = hosts.fail(MX1, "A").host(MX2).fail(tlsa, "TLSA")
        found = await discover_dane(both, HOP)
        assert found.finding.status is Dane.UNKNOWN
        assert found.finding.reason.startswith(f"host {MX2}")  # it is the one that matters
        assert found.finding.code == "dns-server-failure"
    nowhere = await discover_dane(zone(MX1).fail(MX1, "A"), HOP)
    assert nowhere.finding.code == "dns-server-failure"


@pytest.mark.row("D2")
async def test_a_failed_mx_look_up_is_unknown() -> None:
    found = await discover_dane(Zone().fail(DOMAIN, "MX"), HOP)
    assert found.finding.status is Dane.UNKNOWN
    assert found.finding.code == "dns-server-failure"
    assert "SERVFAIL" in found.finding.reason
    assert found.lifetime == FAILURE_LIFETIME


@pytest.mark.row("D3")
async def test_insecure_mx_records_are_none_whatever_the_hosts_publish() -> None:
    unsigned = zone(MX1, secure=False).host(MX1, GOOD)
    assert await status(unsigned) is Dane.NONE
    assert unsigned.asked == [(DOMAIN, "MX")]


@pytest.mark.row("D4")
async def test_tlsa_is_asked_only_for_hosts_with_secure_addresses() -> None:
    insecure = zone(MX1).host(MX1, GOOD, secure=False)
    assert await outcomes(insecure) == [Outcome.ABSENT]
    assert not [name for name, rdtype in insecure.asked if rdtype == "TLSA"]


@pytest.mark.row("D4")
async def test_insecure_tlsa_records_are_none() -> None:
    forged = zone(MX1).host(MX1).add(f"_25._tcp.{MX1}", "TLSA", GOOD, secure=False)
    assert await status(forged) is Dane.NONE


@pytest.mark.row("D4")
async def test_a_secure_alias_is_expanded_then_its_own_name_is_tried() -> None:
    target = "host.other.example"
    alias = zone(MX1).add(MX1, "A", "192.0.2.1", target=target)
    assert await status(alias) is Dane.NONE
    assert [name for name, rdtype in alias.asked if rdtype == "TLSA"] == [
        f"_25._tcp.{target}",
        f"_25._tcp.{MX1}",
    ]
    alias.add(f"_25._tcp.{MX1}", "TLSA", GOOD)
    assert await status(alias) is Dane.REQUIRED
    alias.add(f"_25._tcp.{target}", "TLSA", PKIX)
    assert await status(alias) is Dane.PARTIAL  # the target's records are the ones that count
    alias.add(f"_25._tcp.{target}", "TLSA", PKIX, secure=False)
    assert await status(alias) is Dane.REQUIRED  # unsigned ones do not, as though there were none
    alias.fail(f"_25._tcp.{target}", "TLSA")
    assert await status(alias) is Dane.UNKNOWN  # and a failure there is no absence


@pytest.mark.row("D4")
async def test_a_secure_alias_to_an_insecure_zone_is_asked_by_its_own_name() -> None:
    alias = zone(MX1).add(MX1, "A", "192.0.2.1", target="host.other.example", secure=False)
    alias.add(f"_25._tcp.{MX1}", "TLSA", GOOD)
    alias.add(MX1, "CNAME", "host.other.example.")
    assert await status(alias) is Dane.REQUIRED
    alias.add(MX1, "CNAME", "host.other.example.", secure=False)
    assert await status(alias) is Dane.NONE


@pytest.mark.row("D5")
async def test_without_mx_records_the_domain_is_its_own_host() -> None:
    implicit = Zone().add(DOMAIN, "MX", status=DnsStatus.NODATA).host(DOMAIN, GOOD)
    assert await status(implicit) is Dane.REQUIRED
    unsigned = Zone().add(DOMAIN, "MX", status=DnsStatus.NODATA, secure=False).host(DOMAIN, GOOD)
    assert await status(unsigned) is Dane.NONE


@pytest.mark.row("D5")
async def test_a_null_mx_takes_no_mail() -> None:
    null = Zone().add(DOMAIN, "MX", "0 .").host(DOMAIN, GOOD)
    assert await status(null) is Dane.NONE
    assert null.asked == [(DOMAIN, "MX")]


async def test_a_domain_that_does_not_exist_is_none() -> None:
    assert await status(Zone()) is Dane.NONE


async def test_a_host_without_an_address_counts_for_nothing() -> None:
    assert await outcomes(zone(MX1, MX2).host(MX1, GOOD)) == [Outcome.USABLE, Outcome.UNREACHABLE]
    assert await status(zone(MX1, MX2).host(MX1, GOOD)) is Dane.REQUIRED
    assert await status(zone(MX1)) is Dane.NONE


@pytest.mark.row("K5")
async def test_the_port_says_where_the_tlsa_records_are() -> None:
    at_587 = zone(MX1).host(MX1, GOOD, port=587)
    for port, status in (("587", Dane.REQUIRED), ("25", Dane.NONE), ("465", Dane.NONE)):
        found = await discover_dane(at_587, NextHop(DOMAIN, port))
        assert found.finding.status is status
        assert [host.name for host in found.finding.hosts] == [MX1]
        assert at_587.asked[-1] == (f"_{port}._tcp.{MX1}", "TLSA")


@pytest.mark.row("K5")
async def test_a_host_in_brackets_is_asked_itself() -> None:
    both = zone(MX1).host(MX1, GOOD, port=587).host(DOMAIN)
    hop = NextHop(DOMAIN, "587", is_host=True)
    found = await discover_dane(both, hop)
    assert found.finding[:2] == (Dane.NONE, "no host has TLSA records")
    assert both.asked == [(DOMAIN, "A"), (f"_587._tcp.{DOMAIN}", "TLSA")]
    both.host(DOMAIN, GOOD, port=587)
    assert (await discover_dane(both, hop)).finding.status is Dane.REQUIRED


@pytest.mark.row("K5", "D4")
async def test_a_host_in_brackets_needs_a_secure_address_and_may_be_an_alias() -> None:
    hop, target = NextHop(DOMAIN, "587", is_host=True), "host.other.example"
    insecure = Zone().host(DOMAIN, GOOD, port=587).add(DOMAIN, "A", "192.0.2.1", secure=False)
    assert (await discover_dane(insecure, hop)).finding.status is Dane.NONE
    alias = Zone().add(DOMAIN, "A", "192.0.2.1", target=target)
    alias.add(f"_587._tcp.{target}", "TLSA", GOOD)
    assert (await discover_dane(alias, hop)).finding.status is Dane.REQUIRED


@pytest.mark.row("K5", "D2")
async def test_a_host_in_brackets_is_unknown_where_it_cannot_be_found() -> None:
    hop = NextHop(DOMAIN, is_host=True)
    assert (await discover_dane(Zone().fail(DOMAIN, "A"), hop)).finding.status is Dane.UNKNOWN
    assert (await discover_dane(Zone(), hop)).finding.status is Dane.NONE


@pytest.mark.row("K5")
async def test_a_service_has_the_port_that_this_host_knows_it_by() -> None:
    """As Postfix does, and with the same name in the configuration it fails there, too."""
    zone = Zone().host(DOMAIN, GOOD, port=socket.getservbyname("pop3s", "tcp"))
    hop = NextHop(DOMAIN, "pop3s", is_host=True)
    assert (await discover_dane(zone, hop)).finding.status is Dane.REQUIRED
    found = await discover_dane(zone, NextHop(DOMAIN, "no-such-service", is_host=True))
    assert found.finding.status is Dane.UNKNOWN
    assert "no-such-service is not in services(5)" in found.finding.reason
    assert found.finding.code == "service-unknown"
    assert found.lifetime == FAILURE_LIFETIME


@pytest.mark.row("K5")
async def test_services_that_do_not_answer_hold_up_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with a directory server in nsswitch.conf(5) that is down; it returns in the end."""
    asked: list[str] = []
    returns = threading.Event()

    def getservbyname(name: str, protocol: str) -> int:
        asked.append(f"{name}/{protocol}")
        returns.wait(60)
        return 587

    monkeypatch.setattr(socket, "getservbyname", getservbyname)
    monkeypatch.setattr(services, "SERVICES_TIMEOUT", 0.3)
    known, zone = Services(), Zone().host(DOMAIN, GOOD, port=587)
    hop = NextHop(DOMAIN, "submission", is_host=True)
    try:
        found = await asyncio.gather(*(discover_dane(zone, hop, None, known) for _ in range(20)))
        assert {each.finding.status for each in found} == {Dane.UNKNOWN}
        assert "submission could not be looked up in time" in found[0].finding.reason
        assert found[0].finding.code == "service-timeout"
        assert found[0].lifetime == FAILURE_LIFETIME
        assert len(asked) <= 1  # none where the thread had not begun by then
    finally:
        returns.set()
    monkeypatch.setattr(services, "SERVICES_TIMEOUT", 60.0)
    for _ in range(3):
        again = await discover_dane(zone, hop, None, known)
        assert again.finding.status is Dane.REQUIRED
    assert len(asked) <= 2  # the second where the first was given up before it was known


async def test_one_address_family_that_fails_does_not_hide_the_other() -> None:
    assert await status(zone(MX1).host(MX1, GOOD).fail(MX1, "AAAA")) is Dane.REQUIRED
    six = zone(MX1).host(MX1, GOOD).add(MX1, "AAAA", "2001:db8::1")
    assert await status(six.fail(MX1, "A")) is Dane.REQUIRED
    assert await status(zone(MX1).fail(MX1, "AAAA")) is Dane.UNKNOWN
    assert await status(zone(MX1).fail(MX1, "A")) is Dane.UNKNOWN


@pytest.mark.parametrize(
    ("four", "six"),
    [(DnsStatus.FOUND, False), (DnsStatus.NODATA, True), (DnsStatus.NXDOMAIN, True)],
)
async def test_the_second_address_family_is_asked_for_where_the_first_is_missing(
    four: DnsStatus, six: bool
) -> None:
    both = zone(MX1).add(f"_25._tcp.{MX1}", "TLSA", GOOD).add(MX1, "AAAA", "2001:db8::1")
    both.add(MX1, "A", *["192.0.2.1"] * (four is DnsStatus.FOUND), status=four)
    assert await status(both) is Dane.REQUIRED
    assert ((MX1, "AAAA") in both.asked) is six


async def test_a_record_that_cannot_be_read_is_there_and_unusable() -> None:
    broken = zone(MX1).host(MX1).add(f"_25._tcp.{MX1}", "TLSA", malformed=1)
    assert await outcomes(broken) == [Outcome.UNUSABLE]
    broken.add(f"_25._tcp.{MX1}", "TLSA", GOOD, malformed=1)
    assert await outcomes(broken) == [Outcome.USABLE]


async def test_hosts_come_by_preference_once_and_not_without_end() -> None:
    names = [f"mx{number}.good.example" for number in range(30)]
    many = zone(*reversed(names), names[0])
    found = await discover_dane(many, HOP)
    assert [host.name for host in found.finding.hosts] == names[:9:-1]
    assert len(found.finding.hosts) == dane.MAX_MX_HOSTS


@pytest.mark.parametrize(
    ("ttls", "lifetime"),
    [((700, 800, 900), 700), ((900, 800, 700), 700), ((9_000, 8_000, 7_000), MAX_LIFETIME)],
)
async def test_a_finding_lives_as_long_as_its_shortest_part(
    ttls: tuple[float, float, float], lifetime: float
) -> None:
    mx, address, tlsa = ttls
    timed = Zone().add(DOMAIN, "MX", f"10 {MX1}.", ttl=mx)
    timed.add(MX1, "A", "192.0.2.1", ttl=address)
    timed.add(MX1, "AAAA", status=DnsStatus.NODATA, ttl=address)
    timed.add(f"_25._tcp.{MX1}", "TLSA", GOOD, ttl=tlsa)
    assert (await discover_dane(timed, HOP)).lifetime == lifetime


async def test_every_host_is_shown_in_a_trace() -> None:
    trace = Trace()
    await discover_dane(zone(MX1, MX2).host(MX1, GOOD, PKIX).fail(MX2, "A"), HOP, trace)
    by_name = {step.name: step for step in trace.steps}
    assert by_name[f"MX {DOMAIN} (DANE)"].details == (MX1, MX2)
    assert by_name[f"DANE {MX1}"].outcome == "usable TLSA records"
    assert by_name[f"DANE {MX1}"].details == (f"TLSA _25._tcp.{MX1}: 3 1 1, 1 1 1 (unusable)",)
    assert not by_name[f"DANE {MX2}"].ok
    assert "SERVFAIL" in by_name[f"DANE {MX2}"].details[0]


def certificate_and_key() -> tuple[str, str]:
    """Return a certificate and its public key, as hexadecimal DER."""
    pem = CA().issue_cert(MX1).cert_chain_pems[0].bytes()
    certificate = load_pem_x509_certificate(pem)
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return certificate.public_bytes(Encoding.DER).hex(), key.hex()


CERTIFICATE, KEY = certificate_and_key()


def parameters() -> Iterable[tuple[str, bool]]:
    for usage in range(4):
        usable = usage in (2, 3)
        for selector in (0, 1):
            yield f"{usage} {selector} 1 {SHA256}", usable
            yield f"{usage} {selector} 2 {SHA512}", usable
        yield f"{usage} 0 0 {CERTIFICATE}", usable
        yield f"{usage} 1 0 {KEY}", usable  # SPKI in full: rare, and as good as any
    yield f"3 2 1 {SHA256}", False
    yield f"3 1 3 {SHA256}", False
    yield f"4 1 1 {SHA256}", False
    yield f"255 1 1 {SHA256}", False
    yield f"3 0 0 {KEY}", False
    yield f"3 1 0 {CERTIFICATE}", False
    yield f"3 0 0 {CERTIFICATE[:-2]}", False
    yield "3 1 0 00", False


@pytest.mark.row("D6")
@pytest.mark.parametrize(
    ("text", "usable"), list(parameters()), ids=lambda value: str(value)[:10].strip()
)
def test_which_records_are_usable(text: str, usable: bool) -> None:
    assert is_usable(dns.rdata.from_text("IN", "TLSA", text)) is usable
