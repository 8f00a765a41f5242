"""What the DNS client makes of name servers that are silent, broken or hostile."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from dns.rdtypes.ANY.TXT import TXT
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.config import NameServer
from mtasts_resolver.discovery.dns.answer import (
    MAX_CNAMES,
    MAX_NEGATIVE_TTL,
    MAX_TTL,
    MIN_TTL,
    DnsAnswer,
    DnsStatus,
)
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.dns.exchange import STRAY_PAUSE, STRAYS_AT_ONCE
from mtasts_resolver.discovery.dns.message import EDNS_PAYLOAD, Query, Response, read_response
from mtasts_resolver.discovery.errors import (
    DnsAnswerError,
    DnsError,
    DnsServerError,
    DnsTimeoutError,
)
from mtasts_resolver.discovery.tlsa import is_usable
from tests.unit.discovery.servers import Handler, name_server, respond

AA = int(dns.flags.AA)
SHORT = 1.0  # seconds: the whole time of a query that is to run out
LONG = 60.0  # seconds: of one that is not
NAME = "_mta-sts.x.example"
TXT_RECORD = f'{NAME}. 300 IN TXT "v=STSv1; id=1"'
SOA = "x.example. 900 IN SOA ns.x.example. hostmaster.x.example. 1 2 3 4 {minimum}"


def good(query: dns.message.Message) -> dns.message.Message:
    return respond(query, TXT_RECORD)


def silent(_: dns.message.Message) -> None:
    return None


def texts(answer: DnsAnswer) -> list[bytes]:
    return [b"".join(record.strings) for record in answer.records if isinstance(record, TXT)]


async def ask(handler: Handler, name: str = NAME, rdtype: str = "TXT") -> DnsAnswer:
    async with name_server(handler) as server:
        return await DnsClient([server.address], timeout=LONG).query(name, rdtype)


async def test_the_question_asks_what_dnssec_proved_and_for_a_small_answer() -> None:
    async with name_server(good) as server:
        client = DnsClient([server.address])
        for _ in range(8):
            assert texts(await client.query(NAME, "TXT")) == [b"v=STSv1; id=1"]
    query = server.queries[0]
    assert query.flags == dns.flags.RD | dns.flags.AD
    assert query.ednsflags == 0
    assert query.payload == EDNS_PAYLOAD
    # RFC 5452 §9.2: ids and ports cannot be guessed. That eight are equal by chance is past belief.
    assert len({query.id for query in server.queries}) > 1
    assert len({port for _, port in server.clients}) > 1


@pytest.mark.parametrize("flags", [0, int(dns.flags.AD)])
async def test_what_dnssec_proved_is_told(flags: int) -> None:
    answer = await ask(lambda query: respond(query, TXT_RECORD, flags=flags))
    assert answer.authenticated is bool(flags)


async def test_a_chain_is_proved_only_as_a_whole() -> None:
    def handler(query: dns.message.Message) -> dns.message.Message:
        if str(query.question[0].name) == f"{NAME}.":
            return respond(query, f"{NAME}. 300 IN CNAME t.example.", flags=dns.flags.AD)
        return respond(query, 't.example. 300 IN TXT "text"')

    answer = await ask(handler)
    assert answer.status is DnsStatus.FOUND
    assert not answer.authenticated
    assert len(answer.servers) == 2


@pytest.mark.threat("dns-costly")
@pytest.mark.parametrize(("served", "expected"), [(0, MIN_TTL), (61, 61), (2**31 - 1, MAX_TTL)])
async def test_the_ttl_of_an_answer_is_bounded(served: int, expected: float) -> None:
    assert (await ask(lambda q: respond(q, f"{NAME}. {served} IN TXT x"))).lifetime == expected


async def test_the_shortest_ttl_of_a_chain_counts() -> None:
    records = (f"{NAME}. 500 IN CNAME t.example.", "t.example. 400 IN TXT x")
    assert (await ask(lambda q: respond(q, *records))).ttl == 400
    records = (f"{NAME}. 400 IN CNAME t.example.", "t.example. 500 IN TXT x")
    assert (await ask(lambda q: respond(q, *records))).ttl == 400


@pytest.mark.parametrize(
    ("authority", "expected"),
    [
        ((), MIN_TTL),
        ((SOA.format(minimum=5),), MIN_TTL),
        ((SOA.format(minimum=600),), 600),
        ((SOA.format(minimum=3_000),), 900),
        ((SOA.format(minimum=10**9).replace("900", str(10**9)),), MAX_NEGATIVE_TTL),
    ],
    ids=["no SOA", "short", "minimum", "TTL of the SOA", "long"],
)
@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
async def test_the_ttl_of_an_absence_is_bounded(
    rcode: dns.rcode.Rcode, authority: tuple[str, ...], expected: float
) -> None:
    answer = await ask(lambda query: respond(query, rcode=rcode, authority=authority))
    absent = DnsStatus.NODATA if rcode == dns.rcode.NOERROR else DnsStatus.NXDOMAIN
    assert (answer.status, answer.lifetime) == (absent, expected)


@pytest.mark.row("R5")
async def test_a_cname_alone_is_followed_to_the_end() -> None:
    last = MAX_CNAMES

    def handler(query: dns.message.Message) -> dns.message.Message:
        name = str(query.question[0].name)
        number = int(name.partition(".")[0][1:]) if name.startswith("c") else 0
        if number == last:
            return respond(query, f"{name} 300 IN TXT end")
        return respond(query, f"{name} 300 IN CNAME c{number + 1}.example.")

    answer = await ask(handler)
    assert texts(answer) == [b"end"]
    assert answer.canonical_name == f"c{last}.example"
    last += 1
    with pytest.raises(DnsAnswerError, match="a chain of more than 12 CNAMEs, or a loop"):
        await ask(handler)


@pytest.mark.threat("dns-costly")
@pytest.mark.row("R5")
@pytest.mark.parametrize(
    "records",
    [
        (f"{NAME}. 300 IN CNAME {NAME}.",),
        (f"{NAME}. 300 IN CNAME t.example.", f"t.example. 300 IN CNAME {NAME}."),
    ],
)
async def test_a_loop_of_cnames_ends(records: tuple[str, ...]) -> None:
    with pytest.raises(DnsAnswerError, match=f"TXT {NAME}: a chain of more than 12 CNAMEs"):
        await ask(lambda query: respond(query, *records))


async def test_silence_is_a_timeout_that_names_the_server() -> None:
    async with name_server(silent) as server:
        with pytest.raises(DnsTimeoutError) as caught:
            await DnsClient([server.address], timeout=SHORT).query(NAME, "TXT")
    assert str(caught.value) == f"TXT {NAME}: {server.address} did not answer in time"


async def test_a_lost_datagram_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtasts_resolver.discovery.dns.exchange.RESEND_AFTER", (0.01, 0.01))
    seen: list[int] = []

    def second(query: dns.message.Message) -> dns.message.Message | None:
        seen.append(query.id)
        return good(query) if len(seen) == 2 else None

    async with name_server(second) as server:
        assert texts(await DnsClient([server.address]).query(NAME, "TXT"))


async def test_a_silent_server_does_not_take_all_the_time() -> None:
    async with name_server(silent) as first, name_server(good) as second:
        client = DnsClient([first.address, second.address], timeout=SHORT)
        answer = await client.query(NAME, "TXT")
    assert [*answer.servers] == [second.address]
    assert first.questions


async def test_a_slow_server_may_still_win() -> None:
    release = asyncio.Event()

    def late(query: dns.message.Message) -> None:
        slow = respond(query, TXT_RECORD)
        asyncio.get_running_loop().create_task(answer_late(slow, first.clients[-1]))

    async def answer_late(message: dns.message.Message, client: tuple[str, int]) -> None:
        await release.wait()
        first.send(message, client)

    def second_asked(query: dns.message.Message) -> None:
        release.set()

    async with name_server(late) as first, name_server(second_asked) as second:
        answer = await DnsClient([first.address, second.address]).query(NAME, "TXT")
    assert [*answer.servers] == [first.address]
    assert second.questions


async def test_every_failure_is_told() -> None:
    def refuse(query: dns.message.Message) -> dns.message.Message:
        return respond(query, rcode=dns.rcode.REFUSED)

    def fail(query: dns.message.Message) -> dns.message.Message:
        response = respond(query, rcode=dns.rcode.SERVFAIL)
        response.use_edns(options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "no\nkeys")])
        return response

    async with (
        name_server(refuse) as one,
        name_server(silent) as two,
        name_server(fail) as three,
    ):
        client = DnsClient([one.address, two.address, three.address], timeout=SHORT)
        with pytest.raises(DnsServerError) as caught:
            await client.query(NAME, "TXT")
    assert set(str(caught.value).removeprefix(f"TXT {NAME}: ").split("; ")) == {
        f"{one.address} says REFUSED",
        f"{two.address} did not answer in time",
        f"{three.address} says SERVFAIL (dnssec bogus: no\\nkeys)",
    }


def other_id(query: dns.message.Message) -> bytes:
    wire = good(query).to_wire()
    return struct.pack("!H", query.id ^ 1) + wire[2:]


def other_question(query: dns.message.Message) -> dns.message.Message:
    question = dns.message.make_query("evil.example", "TXT", id=query.id)
    return respond(question, 'evil.example. 300 IN TXT "evil"')


def no_response(query: dns.message.Message) -> bytes:
    return query.to_wire()


def cut(query: dns.message.Message) -> bytes:
    return good(query).to_wire()[:-3]


def trailing(query: dns.message.Message) -> bytes:
    return good(query).to_wire() + b"junk"


Forge = Callable[[dns.message.Message], "dns.message.Message | bytes"]
FORGERIES = [other_id, other_question, no_response, lambda _: b"\xff"]
MALFORMED = [cut, trailing]


@pytest.mark.parametrize("forge", MALFORMED)
async def test_a_malformed_answer_is_the_end(forge: Forge) -> None:
    async with name_server(forge) as server:
        with pytest.raises(DnsAnswerError) as caught:
            await DnsClient([server.address], timeout=LONG).query(NAME, "TXT")
    assert str(caught.value) == f"TXT {NAME}: {server.address} sent a malformed answer"


@pytest.mark.parametrize("forge", FORGERIES)
async def test_garbage_is_no_answer(forge: Forge) -> None:
    async with name_server(forge) as server:
        with pytest.raises(DnsTimeoutError) as caught:
            await DnsClient([server.address], timeout=SHORT).query(NAME, "TXT")
    assert str(caught.value) == (
        f"TXT {NAME}: {server.address} did not answer in time, but something else came"
    )


@pytest.mark.threat("dns-off-path")
async def test_any_number_of_forgeries_does_not_keep_the_answer_out() -> None:
    """They come in slices, so that the socket's buffer holds them all."""
    slices = 8

    def flood(query: dns.message.Message) -> None:
        asyncio.get_running_loop().create_task(forge(query, server.clients[-1]))

    async def forge(query: dns.message.Message, client: tuple[str, int]) -> None:
        for _ in range(slices):
            for _ in range(STRAYS_AT_ONCE):
                server.send(other_id(query), client)
            await asyncio.sleep(0.05)
        server.send(good(query), client)

    async with name_server(flood) as server:
        answer = await DnsClient([server.address], timeout=LONG).query(NAME, "TXT")
    assert texts(answer) == [b"v=STSv1; id=1"]


@pytest.mark.threat("dns-off-path")
async def test_id_and_port_of_a_question_cannot_be_foreseen() -> None:
    """Both are of 16 bits or nearly so; that a few are the same is chance."""
    async with name_server(good) as server:
        client = DnsClient([server.address])
        for _ in range(40):
            await client.query(NAME, "TXT")
    ids = [query.id for query in server.queries]
    ports = [port for _, port in server.clients]
    for values in (ids, ports):
        assert len(set(values)) > 30
        steps = {after - before for before, after in pairwise(values)}
        assert len(steps) > 30


@pytest.mark.threat("dns-off-path")
async def test_a_flood_is_not_read_as_fast_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def count(data: bytes, query: Query) -> Response:
        nonlocal read
        read += 1
        return read_response(data, query)

    monkeypatch.setattr("mtasts_resolver.discovery.dns.exchange.read_response", count)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        client = DnsClient([NameServer(*server.getsockname())], timeout=SHORT)
        question = asyncio.create_task(client.query(NAME, "TXT"))
        wire, peer = await asyncio.to_thread(server.recvfrom, 512)
        forgery = other_id(dns.message.from_wire(wire))
        while not question.done():
            for _ in range(STRAYS_AT_ONCE):
                server.sendto(forgery, peer)
            await asyncio.sleep(0)
    with pytest.raises(DnsTimeoutError):
        await question
    queries = 2  # with EDNS, and without
    assert 0 < read <= queries * STRAYS_AT_ONCE * (SHORT / STRAY_PAUSE + 4)


@pytest.mark.parametrize("forge", FORGERIES)
async def test_a_forgery_does_not_keep_the_answer_out(
    forge: Forge,
) -> None:
    def handler(query: dns.message.Message) -> dns.message.Message:
        server.send(forge(query), server.clients[-1])
        return good(query)

    async with name_server(handler) as server:
        answer = await DnsClient([server.address]).query(NAME, "TXT")
    assert texts(answer) == [b"v=STSv1; id=1"]


def truncated(query: dns.message.Message) -> dns.message.Message:
    return respond(query, flags=dns.flags.TC)


@pytest.mark.parametrize(
    ("over_tcp", "what"),
    [
        (lambda _: b"", "sent what is no answer to the question"),
        (cut, "sent a malformed answer"),
        (other_id, "sent what is no answer to the question"),
        (silent, "closed the connection"),
        (lambda q: respond(q, rcode=dns.rcode.SERVFAIL), "says SERVFAIL"),
    ],
)
async def test_tcp_may_fail_as_well(over_tcp: Handler, what: str) -> None:
    async with name_server(truncated, over_tcp) as server:
        with pytest.raises((DnsServerError, DnsAnswerError)) as caught:
            await DnsClient([server.address]).query(NAME, "TXT")
    assert str(caught.value) == f"TXT {NAME}: {server.address} {what}"
    assert server.tcp_questions[0] == f"{NAME} TXT"


STUFFINGS = {
    "CNAMEs": [f"x{{}}.{NAME}. 300 IN CNAME y.{NAME}."],
    "TXT": [f'{NAME}. 300 IN TXT "x{{}}"'],
    "bytes": [f'{NAME}. 300 IN TXT "{{}}{"x" * 150}"'],
}


@pytest.mark.parametrize("stuffing", STUFFINGS.values(), ids=STUFFINGS)
async def test_an_answer_beyond_all_bounds_fails_and_is_the_domains_own(
    stuffing: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is read, however long it is."""

    def handler(query: dns.message.Message) -> dns.message.Message:
        return respond(query, *(line.format(number) for number in range(300) for line in stuffing))

    read: list[object] = []
    monkeypatch.setattr(dns.rdata, "from_wire", lambda *arguments: read.append(arguments))
    async with name_server(truncated, handler) as server:
        with pytest.raises(DnsAnswerError, match="answered with more than") as caught:
            await DnsClient([server.address], timeout=LONG).query(NAME, "TXT")
    assert not caught.value.outage
    assert server.tcp_questions == [f"{NAME} TXT"]
    assert read == []


@pytest.mark.parametrize("broken", [silent, lambda q: respond(q, rcode=dns.rcode.SERVFAIL)])
@pytest.mark.parametrize(("top", "outage"), [("example.", False), ("other.", True)])
async def test_an_outage_is_told_from_a_domain_whose_own_servers_fail(
    broken: Handler, top: str, outage: bool
) -> None:
    def handler(query: dns.message.Message) -> "dns.message.Message | bytes | None":
        if query.question[0].name.to_text() == top:
            return respond(query, f"{top} 300 IN SOA a. b. 1 2 3 4 5")
        return broken(query)

    async with name_server(handler) as server:
        client = DnsClient([server.address], timeout=0.3)
        for _ in range(3):
            with pytest.raises(DnsError) as caught:
                await client.query(NAME, "TXT")
            assert caught.value.outage is outage
    witnesses = [
        query for query in server.queries if query.question[0].name.to_text() != NAME + "."
    ]
    assert len({query.id for query in witnesses}) <= 2  # one question, with EDNS and without


REFERRAL = "example. 60 IN NS ns.example."


async def test_a_referral_is_no_absence() -> None:
    """As from an unbound that serves the root to its clients."""
    async with name_server(lambda query: respond(query, authority=(REFERRAL,))) as server:
        with pytest.raises(
            DnsServerError, match="does not resolve, but refers to others"
        ) as caught:
            await DnsClient([server.address]).query(NAME, "TXT")
    assert caught.value.outage


@pytest.mark.parametrize(
    ("authority", "flags"),
    [((REFERRAL, SOA.format(minimum=60)), 0), ((REFERRAL,), AA)],
)
async def test_an_absence_may_name_the_servers_of_its_zone(
    authority: tuple[str, ...], flags: int
) -> None:
    absent = await ask(lambda query: respond(query, authority=authority, flags=flags))
    assert absent.status is DnsStatus.NODATA


async def test_ipv6_servers_are_asked() -> None:
    async with name_server(truncated, good, host="::1") as server:
        answer = await DnsClient([server.address]).query(NAME, "TXT")
    assert texts(answer) == [b"v=STSv1; id=1"]
    assert answer.servers[0] == server.address


def with_rdata(query: dns.message.Message, rdtype: int, *rdatas: bytes) -> bytes:
    """Return a response with such RDATA, well-formed or not."""
    wire = bytearray(respond(query).to_wire())
    opt = bytes(wire[-11:])
    records = b"".join(
        b"\xc0\x0c" + struct.pack("!HHIH", rdtype, 1, 300, len(rdata)) + rdata for rdata in rdatas
    )
    wire[6:8] = struct.pack("!H", len(rdatas))
    return bytes(wire[:-11]) + records + opt


# The second has a digest of the wrong length, which dnspython itself sees from 2.8 on.
BAD_TLSA = (b"\x03\x01", b"\x03\x01\x01\x00")


@pytest.mark.parametrize("bad", BAD_TLSA)
async def test_one_malformed_tlsa_record_leaves_the_others(bad: bytes) -> None:
    good = b"\x03\x01\x01" + bytes(32)
    answer = await ask(lambda query: with_rdata(query, 52, bad, good), rdtype="TLSA")
    assert answer.status is DnsStatus.FOUND
    usable = [record.to_text() for record in answer.records if is_usable(record)]
    assert usable == [f"3 1 1 {'00' * 32}"]
    assert len(answer.records) + answer.malformed == 2


@pytest.mark.parametrize("bad", BAD_TLSA)
async def test_malformed_tlsa_records_alone_are_no_absence(bad: bytes) -> None:
    answer = await ask(lambda query: with_rdata(query, 52, bad), rdtype="TLSA")
    assert answer.status is DnsStatus.FOUND
    assert len(answer.records) + answer.malformed == 1
    assert not any(map(is_usable, answer.records))


async def test_an_answer_of_malformed_tlsa_records_is_soon_asked_again() -> None:
    answer = await ask(lambda query: with_rdata(query, 52, b"\x03\x01"), rdtype="TLSA")
    assert (answer.records, answer.lifetime) == ((), MIN_TTL)


async def test_a_malformed_txt_record_spoils_the_answer() -> None:
    # RFC 8461 §3.1 counts the records: one that cannot be read must not go unseen.
    with pytest.raises(DnsAnswerError, match="sent a malformed answer"):
        await ask(lambda query: with_rdata(query, 16, b"\x01a", b"\xffa"))


async def test_records_of_other_names_and_classes_do_not_count() -> None:
    records = ('evil.example. 300 IN TXT "evil"', f'{NAME}. 300 CH TXT "evil"')
    assert (await ask(lambda query: respond(query, *records))).status is DnsStatus.NODATA


@pytest.mark.threat("dns-garbage")
@given(data=st.data())
def test_whatever_a_server_sends_only_declared_errors_come_out(data: st.DataObject) -> None:
    rdtype = data.draw(st.sampled_from(["TXT", "TLSA", "MX"]))

    def handler(query: dns.message.Message) -> bytes:
        seed = respond(
            query,
            f"{NAME}. 300 IN CNAME t.example.",
            't.example. 300 IN TXT "v=STSv1; id=1"',
            f"t.example. 300 IN TLSA 3 1 1 {'00' * 32}",
            authority=(SOA.format(minimum=60),),
        ).to_wire()
        wire = bytearray(seed)
        for position, value in changes:
            wire[2 + position % (len(wire) - 2)] = value
        return bytes(wire[: len(wire) - cut_off]) + appended

    changes = data.draw(
        st.lists(st.tuples(st.integers(0, 511), st.integers(0, 255)), min_size=1, max_size=6)
    )
    cut_off = data.draw(st.sampled_from([0, 0, 0, 1, 7, 40]))
    appended = data.draw(st.sampled_from([b"", b"", b"\x00", b"\xc0\x0c"]))

    async def scenario() -> None:
        async with name_server(handler) as server:
            with suppress(DnsError):
                answer = await DnsClient([server.address], timeout=0.05).query(NAME, rdtype)
                assert MIN_TTL <= answer.lifetime <= MAX_TTL

    asyncio.run(scenario())


async def test_a_stray_at_the_very_deadline_does_not_extend_it() -> None:
    """Python 3.11's asyncio.wait_for loses a cancellation that comes with a result."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        client = DnsClient([NameServer(*server.getsockname())], timeout=0.05)
        query = asyncio.create_task(client.query(NAME, "TXT"))
        _, peer = await asyncio.to_thread(server.recvfrom, 512)
        server.sendto(b"garbage", peer)
        time.sleep(0.1)  # noqa: ASYNC251 - the loop is busy while datagram and deadline come
        with pytest.raises(DnsError):
            await asyncio.wait_for(query, 10)


async def test_an_answer_in_time_counts_however_late_the_event_loop_is() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        client = DnsClient([NameServer(*server.getsockname())], timeout=0.05)
        question = asyncio.create_task(client.query(NAME, "TXT"))
        wire, peer = await asyncio.to_thread(server.recvfrom, 512)
        server.sendto(b"garbage", peer)
        server.sendto(good(dns.message.from_wire(wire)).to_wire(), peer)
        time.sleep(0.1)  # noqa: ASYNC251 - the loop is busy while answer and deadline come
        answer = await asyncio.wait_for(question, 10)
    assert texts(answer) == [b"v=STSv1; id=1"]
