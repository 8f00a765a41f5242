"""What the DNS says, asked of a real unbound."""

from pathlib import Path

import dns.rdatatype
import pytest
from dns.rdtypes.ANY.TXT import TXT

from mtasts_resolver.config import NameServer
from mtasts_resolver.discovery.dns.answer import MAX_NEGATIVE_TTL, DnsStatus
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import (
    DnsConfigError,
    DnsServerError,
    DnsTimeoutError,
    NoRecordError,
)
from mtasts_resolver.discovery.record import lookup_record
from mtasts_resolver.discovery.trace import Trace
from tests.unit.discovery.servers import unused_port


async def test_found_records_have_the_ttl_of_the_zone(unbound: NameServer) -> None:
    answer = await DnsClient([unbound]).query("both.provider.example", "A")
    assert answer.status is DnsStatus.FOUND
    assert sorted(record.to_text() for record in answer.records) == ["192.0.2.1", "192.0.2.2"]
    assert answer.ttl == 1800
    assert answer.question == answer.canonical_name == "both.provider.example"
    assert [*answer.servers] == [unbound]
    assert not answer.authenticated


@pytest.mark.parametrize(
    ("name", "rdtype", "first"),
    [
        ("both.provider.example", "AAAA", "2001:db8::1"),
        ("provider.example", "MX", "10 mx.provider.example."),
        ("_25._tcp.mx.provider.example", dns.rdatatype.TLSA, "3 1 1 " + "ab" * 32),
    ],
)
async def test_every_type_that_dane_needs(
    unbound: NameServer, name: str, rdtype: str, first: str
) -> None:
    answer = await DnsClient([unbound]).query(name, rdtype)
    assert [record.to_text() for record in answer.records] == [first]


async def test_nodata_lives_as_long_as_the_soa_minimum(unbound: NameServer) -> None:
    answer = await DnsClient([unbound]).query("_mta-sts.empty.provider.example", "TXT")
    assert (answer.status, answer.records, answer.ttl) == (DnsStatus.NODATA, (), 450)


async def test_nxdomain_lives_as_long_as_the_soa_minimum(unbound: NameServer) -> None:
    answer = await DnsClient([unbound]).query("_mta-sts.nowhere.provider.example", "TXT")
    assert (answer.status, answer.records, answer.ttl) == (DnsStatus.NXDOMAIN, (), 450)


async def test_a_name_that_dns_cannot_hold_does_not_exist() -> None:
    client = DnsClient([NameServer("127.0.0.1", unused_port())])
    domain = ".".join(["a" * 49] * 5)
    assert len(domain) < 253 < len("_mta-sts." + domain)
    answer = await client.query("_mta-sts." + domain, "TXT")
    assert (answer.status, answer.ttl) == (DnsStatus.NXDOMAIN, MAX_NEGATIVE_TTL)
    answer = await client.query("a" * 64 + ".example", "TXT")
    assert answer.status is DnsStatus.NXDOMAIN


async def test_a_truncated_answer_is_asked_for_over_tcp(unbound: NameServer) -> None:
    answer = await DnsClient([unbound]).query("_mta-sts.big.provider.example", "TXT")
    (record,) = answer.records
    assert isinstance(record, TXT)
    assert b"".join(record.strings) == b"x" * 2000


async def test_servfail_names_the_question_and_the_server(unbound: NameServer) -> None:
    with pytest.raises(DnsServerError) as caught:
        await DnsClient([unbound]).query("_mta-sts.broken.example", "TXT")
    assert str(caught.value) == f"TXT _mta-sts.broken.example: {unbound} says SERVFAIL"


async def test_refused_names_the_question_and_the_server(unbound: NameServer) -> None:
    with pytest.raises(DnsServerError) as caught:
        await DnsClient([unbound]).query("_mta-sts.refused.example", "TXT")
    assert str(caught.value) == f"TXT _mta-sts.refused.example: {unbound} says REFUSED"


async def test_a_server_that_is_down_is_passed_over(unbound: NameServer) -> None:
    answer = await DnsClient([NameServer("127.0.0.1", unused_port()), unbound]).query(
        "both.provider.example", "A"
    )
    assert [*answer.servers] == [unbound]


async def test_without_resolv_conf_there_is_nobody_to_ask(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    with pytest.raises(DnsConfigError) as caught:
        await DnsClient(resolv_conf=path).query("x.example", "TXT")
    assert str(caught.value) == (
        f"TXT x.example: there is no name server to ask: {path}: no such file or directory"
    )


async def test_resolv_conf_is_read_again_while_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtasts_resolver.discovery.dns.servers.RESOLV_CONF_CHECK", 0.0)
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 127.83.9.1\n")
    client = DnsClient(resolv_conf=path)
    for address in ("127.83.9.1", "127.83.9.2", "127.83.9.33"):
        path.write_text(f"search example\nnameserver {address}\n")
        with pytest.raises((DnsServerError, DnsTimeoutError), match=f" {address}: connection"):
            await client.query("x.example", "TXT")


@pytest.mark.row("R4")
async def test_strings_of_a_record_are_concatenated(unbound: NameServer) -> None:
    found = await lookup_record(DnsClient([unbound]), "split.provider.example")
    assert found == ("20260101T000000", 3600)


@pytest.mark.row("R5")
@pytest.mark.parametrize(
    ("domain", "ttl"),
    [("alias.provider.example", 300), ("alone.example", 600)],
    ids=["whole chain", "the CNAME alone"],
)
async def test_a_cname_is_followed(unbound: NameServer, domain: str, ttl: int) -> None:
    found = await lookup_record(DnsClient([unbound]), domain)
    assert found == ("20260101T000000", ttl)
    answer = await DnsClient([unbound]).query(f"_mta-sts.{domain}", "TXT")
    assert answer.canonical_name == "_mta-sts.provider.example"


async def test_a_cname_to_nowhere_is_absence(unbound: NameServer) -> None:
    answer = await DnsClient([unbound]).query("_mta-sts.dangling.provider.example", "TXT")
    assert (answer.status, answer.ttl) == (DnsStatus.NXDOMAIN, 300)
    assert answer.canonical_name == "_mta-sts.nowhere.provider.example"


@pytest.mark.parametrize(
    ("domain", "reason", "absent", "ttl"),
    [
        (
            "nowhere.provider.example",
            "_mta-sts.nowhere.provider.example does not exist",
            True,
            450,
        ),
        (
            "empty.provider.example",
            "_mta-sts.empty.provider.example has no TXT record",
            True,
            450,
        ),
        ("other.provider.example", "no TXT record begins with 'v=STSv1;'", True, 3600),
        pytest.param(
            "two.provider.example",
            "2 TXT records begin with 'v=STSv1;', one is allowed",
            False,
            3600,
            marks=pytest.mark.row("R2"),
        ),
        pytest.param(
            "broken.provider.example",
            "the policy record is invalid: the field 'id=not-an-id' is malformed",
            False,
            3600,
            marks=pytest.mark.row("R3"),
        ),
    ],
)
async def test_why_there_is_no_usable_record(
    unbound: NameServer, domain: str, reason: str, absent: bool, ttl: float
) -> None:
    with pytest.raises(NoRecordError) as caught:
        await lookup_record(DnsClient([unbound]), domain)
    assert str(caught.value) == reason
    assert (caught.value.absent, caught.value.ttl) == (absent, ttl)


async def test_a_trace_shows_the_records(unbound: NameServer) -> None:
    trace = Trace()
    await lookup_record(DnsClient([unbound]), "provider.example", trace)
    with pytest.raises(NoRecordError):
        await lookup_record(DnsClient([unbound]), "two.provider.example", trace)
    with pytest.raises(DnsServerError):
        await lookup_record(DnsClient([unbound]), "broken.example", trace)
    assert [(step.name, step.ok, step.outcome) for step in trace.steps] == [
        ("TXT _mta-sts.provider.example", True, "id 20260101T000000, for 600 s"),
        (
            "TXT _mta-sts.two.provider.example",
            False,
            "2 TXT records begin with 'v=STSv1;', one is allowed",
        ),
        (
            "TXT _mta-sts.broken.example",
            False,
            f"TXT _mta-sts.broken.example: {unbound} says SERVFAIL",
        ),
    ]
    assert trace.steps[0].details == ("v=STSv1; id=20260101T000000;",)
    assert sorted(trace.steps[1].details) == ["v=STSv1; id=1", "v=STSv1; id=2"]
