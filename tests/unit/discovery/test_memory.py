"""What is remembered of the DNS, for how long, and what never is: row D11."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import pytest
from dns.rdatatype import RdataType

from mtasts_resolver.config import Config, DnsConfig, NameServer
from mtasts_resolver.discovery.dane import MAX_LIFETIME
from mtasts_resolver.discovery.dns import memory, servers
from mtasts_resolver.discovery.dns.answer import DnsAnswer, DnsStatus
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.dns.memory import AnswerMemory, DnsQuestion
from mtasts_resolver.discovery.errors import DnsError, DnsServerError, NoRecordError
from mtasts_resolver.knowledge.dane import RENEW_FROM
from mtasts_resolver.knowledge.dnssec import PROBE_INTERVAL
from mtasts_resolver.worker.direct import DirectDiscoverer
from tests.unit.discovery.servers import Handler, name_server, respond

pytestmark = pytest.mark.row("D11")

HOST = "mx1.provider.example"
SOA = "provider.example. {ttl} IN SOA ns. hostmaster. 1 3600 600 86400 {minimum}"
SERVERS = (NameServer("127.0.0.1"),)
QUESTION = DnsQuestion(SERVERS, HOST, RdataType.A)
ADDRESS = "192.0.2.25"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


def answer(
    *texts: str, rdtype: RdataType = RdataType.A, ttl: float = 300.0, proven: bool = True
) -> DnsAnswer:
    records = tuple(dns.rdata.from_text("IN", rdtype, text) for text in texts or (ADDRESS,))
    return DnsAnswer(
        HOST, rdtype, DnsStatus.FOUND, ttl, HOST, records, authenticated=proven, servers=SERVERS
    )


def has_address(ttl: int, flags: int = dns.flags.AD) -> Handler:
    """Return a handler under which every name has an address."""
    return lambda q: respond(q, f"{q.question[0].name} {ttl} IN A {ADDRESS}", flags=flags)


async def ask_twice(handler: Handler, after: float = 0.0) -> int:
    """Return how many questions it takes to ask for the same address again after so long."""
    clock = Clock()
    async with name_server(handler) as server:
        client = DnsClient([server.address]).remembering(clock.monotonic)
        first = await client.query(HOST, "A")
        clock.now += after
        second = await client.query(HOST, "A")
    assert (first.status, first.records) == (second.status, second.records)
    assert first.authenticated == second.authenticated
    return len(server.questions)


# -- what is kept, and for how long ------------------------------------------------------------


async def test_an_answer_is_asked_for_once() -> None:
    assert await ask_twice(has_address(300)) == 1


@pytest.mark.parametrize("ttl", [1, 60, 200])
async def test_it_is_asked_for_again_when_its_ttl_is_over(ttl: int) -> None:
    assert await ask_twice(has_address(ttl), after=ttl - 0.5) == 1
    assert await ask_twice(has_address(ttl), after=ttl) == 2


async def test_a_ttl_of_0_is_not_kept() -> None:
    assert await ask_twice(has_address(0)) == 2
    known = AnswerMemory()
    known.put(QUESTION, answer(ttl=0.0), now=0.0)
    assert len(known) == 0


async def test_the_ttl_counts_from_the_question() -> None:
    clock = Clock()

    def takes_long(query: dns.message.Message) -> dns.message.Message | bytes | None:
        clock.now += 5.0
        return has_address(60)(query)

    async with name_server(takes_long) as server:
        client = DnsClient([server.address]).remembering(clock.monotonic)
        await client.query(HOST, "A")
        assert (await client.query(HOST, "A")).ttl == 55.0
        assert len(server.questions) == 1


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
@pytest.mark.parametrize(
    ("authority", "after", "questions"),
    [
        (SOA.format(ttl=900, minimum=100), 99, 1),
        (SOA.format(ttl=900, minimum=100), 100, 2),
        (SOA.format(ttl=100, minimum=900), 100, 2),
        (SOA.format(ttl=900, minimum=0), 0, 2),
        ("", 0, 2),
    ],
    ids=["held", "over by its minimum", "over by its TTL", "minimum 0", "no SOA"],
)
async def test_an_absence_is_kept_as_its_soa_says(
    rcode: dns.rcode.Rcode, authority: str, after: float, questions: int
) -> None:
    records = (authority,) if authority else ()

    def absent(query: dns.message.Message) -> dns.message.Message:
        return respond(query, rcode=rcode, authority=records, flags=dns.flags.AD)

    assert await ask_twice(absent, after) == questions


async def test_the_shortest_ttl_of_a_chain_counts() -> None:
    def alias(query: dns.message.Message) -> dns.message.Message:
        lines = (f"{HOST}. 20 IN CNAME t.example.", f"t.example. 300 IN A {ADDRESS}")
        return respond(query, *lines, flags=dns.flags.AD)

    assert await ask_twice(alias, after=19) == 1
    assert await ask_twice(alias, after=20) == 2


async def test_a_failure_is_asked_about_again() -> None:
    async with name_server(lambda q: respond(q, rcode=dns.rcode.SERVFAIL)) as server:
        client = DnsClient([server.address]).remembering()
        with pytest.raises(DnsServerError):
            await client.query(HOST, "A")
        server.handler = has_address(300)
        assert (await client.query(HOST, "A")).status is DnsStatus.FOUND


def test_the_ttl_counts_down() -> None:
    known = AnswerMemory()
    known.put(QUESTION, answer(ttl=280.0), now=0.0)
    for now in (0.0, 1.5, 279.0):
        remembered = known.get(QUESTION, now)
        assert remembered is not None
        assert remembered.ttl == 280.0 - now
    assert known.get(QUESTION, 280.0) is None
    assert len(known) == 0


def test_a_later_answer_takes_the_place_of_an_earlier_one() -> None:
    known = AnswerMemory()
    known.put(QUESTION, answer("192.0.2.1", ttl=10.0), now=0.0)
    known.put(QUESTION, answer("192.0.2.2", ttl=10.0), now=5.0)
    remembered = known.get(QUESTION, 12.0)
    assert remembered is not None
    assert (remembered.records[0].to_text(), remembered.ttl) == ("192.0.2.2", 3.0)


def test_a_long_ttl_makes_no_finding_older_than_it_would_be() -> None:
    known = AnswerMemory()
    known.put(QUESTION, answer(ttl=86_400.0), now=0.0)
    remembered = known.get(QUESTION, memory.KEPT - 1)
    assert remembered is not None
    assert remembered.ttl + memory.KEPT - 1 == MAX_LIFETIME
    assert known.get(QUESTION, memory.KEPT) is None
    # Whatever is renewed is not renewed from here, unless its TTLs are as short as that.
    assert memory.KEPT < RENEW_FROM * MAX_LIFETIME


def test_what_is_not_proven_is_over_before_a_resolver_is_found_to_validate_again() -> None:
    known = AnswerMemory()
    known.put(QUESTION, answer(proven=False), now=0.0)
    remembered = known.get(QUESTION, 59.0)
    assert remembered is not None
    assert not remembered.authenticated
    assert remembered.ttl == 241.0
    assert known.get(QUESTION, PROBE_INTERVAL) is None


# -- bounds ------------------------------------------------------------------------------------


def test_beyond_the_bound_the_least_lately_used_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_ANSWERS", 3)
    known = AnswerMemory()
    questions = [QUESTION._replace(name=f"mx{number}.example") for number in range(4)]
    for question in questions[:3]:
        known.put(question, answer(), now=0.0)
    assert known.get(questions[0], 1.0) is not None
    known.put(questions[3], answer(), now=2.0)
    assert len(known) == 3
    found = [known.get(question, 3.0) is not None for question in questions]
    assert found == [True, False, True, True]


@pytest.mark.parametrize(
    ("rdtype", "texts", "kept"),
    [
        (RdataType.A, [f"192.0.2.{number}" for number in range(10)], True),
        (RdataType.A, [f"192.0.2.{number}" for number in range(100)], False),
        (RdataType.TLSA, ["3 0 0 " + "ab" * 2_000], True),
        (RdataType.TLSA, ["3 0 0 " + "ab" * 5_000], False),
    ],
    ids=["ten addresses", "a hundred addresses", "a certificate", "a huge certificate"],
)
def test_a_large_answer_is_not_kept(rdtype: RdataType, texts: Sequence[str], kept: bool) -> None:
    known = AnswerMemory()
    known.put(QUESTION, answer(*texts, rdtype=rdtype), now=0.0)
    assert len(known) == kept


def test_names_count_too() -> None:
    known = AnswerMemory()
    addresses = answer(*(f"192.0.2.{number}" for number in range(12)))
    known.put(QUESTION, addresses, now=0.0)
    assert len(known) == 1
    known = AnswerMemory()
    known.put(QUESTION, addresses._replace(canonical_name="\\000" * 250), now=0.0)
    assert len(known) == 0


# -- whose word it is --------------------------------------------------------------------------


async def test_each_client_remembers_for_itself() -> None:
    async with name_server(has_address(300)) as server:
        anybody = DnsClient([server.address])
        clients = [anybody.remembering(), anybody.remembering()]
        # Derived from one that remembers, but another may be whom it asks, and what counts.
        clients += [clients[0].insisting_on_edns(True), clients[0].only(lambda *_: True, "")]
        for client in clients:
            await client.query(HOST, "A")
        assert len(server.questions) == len(clients)
        await anybody.query(HOST, "A")
        await anybody.query(HOST, "A")
        assert len(server.questions) == len(clients) + 2


@pytest.mark.parametrize("flags", [0, dns.flags.AD])
async def test_what_is_remembered_is_as_proven_as_it_was(flags: int) -> None:
    async with name_server(has_address(300, flags)) as server:
        client = DnsClient([server.address]).remembering()
        for _ in range(2):
            assert (await client.query(HOST, "A")).authenticated == bool(flags)
        assert len(server.questions) == 1


async def test_other_servers_in_resolv_conf_are_asked_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And those that come back have not said what the others said."""
    monkeypatch.setattr(servers, "RESOLV_CONF_CHECK", 0.0)
    path = tmp_path / "resolv.conf"
    async with name_server(has_address(300)) as one, name_server(has_address(300)) as two:
        ports = {f"192.0.2.{n}": server.address for n, server in enumerate((one, two), start=1)}
        monkeypatch.setattr(servers, "NameServer", ports.__getitem__)
        client = DnsClient(resolv_conf=path).remembering()
        for number, asked in ((1, [1, 0]), (1, [1, 0]), (2, [1, 1]), (2, [1, 1]), (1, [1, 1])):
            path.write_text(f"nameserver 192.0.2.{number}\n")
            (server,) = (await client.query(HOST, "A")).servers
            assert server == ports[f"192.0.2.{number}"]
            assert [len(one.questions), len(two.questions)] == asked


def test_what_others_said_meanwhile_is_not_kept() -> None:
    known = AnswerMemory()
    known.put(QUESTION, answer()._replace(servers=(NameServer("192.0.2.1"),)), now=0.0)
    assert len(known) == 0


async def test_without_servers_nothing_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    with pytest.raises(DnsError, match=f"^A {HOST}: there is no name server to ask"):
        await DnsClient(resolv_conf=path).remembering().query(HOST, "A")


async def test_only_what_domains_share_is_answered_from_memory() -> None:
    """The probe asks the server each time, and so does whoever looks for a policy record."""

    def provider(query: dns.message.Message) -> dns.message.Message:
        name, kind = query.question[0].name, query.question[0].rdtype.name
        records = {
            "MX": f"{name} 300 IN MX 10 {HOST}.",
            "A": f"{name} 300 IN A {ADDRESS}",
            "TLSA": f"{name} 300 IN TLSA 3 1 1 {'ab' * 32}",
            "SOA": SOA.format(ttl=300, minimum=300).replace("provider.example.", "."),
        }
        found = [records[kind]] if kind in records else []
        return respond(query, *found, flags=dns.flags.AD)

    async with name_server(provider) as server:
        discoverer = DirectDiscoverer.configured(Config(dns=DnsConfig(servers=(server.address,))))
        for domain in ("one.example", "two.example"):
            await discoverer.dane(domain)
            assert (await discoverer.probe()).authenticated
            with pytest.raises(NoRecordError):
                await discoverer.sts("one.example", ())
    shared = [f"{HOST} A", f"_25._tcp.{HOST} TLSA"]
    each = ["one.example MX", "two.example MX", *2 * [" SOA", "_mta-sts.one.example TXT"]]
    assert sorted(server.questions) == sorted(shared + each)


# -- at once -----------------------------------------------------------------------------------

# Seconds for a question. The tests end long before those that wait for others go on by themselves.
LONG = 3_600.0
TEST_ENDS = 30.0


async def test_equal_questions_at_once_are_asked_once() -> None:
    async with asyncio.timeout(TEST_ENDS), name_server(has_address(300)) as server:
        client = DnsClient([server.address], timeout=LONG).remembering()
        found = await asyncio.gather(*(client.query(HOST, "A") for _ in range(20)))
        assert len(server.questions) == 1
    assert {each.records[0].to_text() for each in found} == {ADDRESS}


async def test_an_answer_that_is_not_kept_is_nobody_elses() -> None:
    async with asyncio.timeout(TEST_ENDS), name_server(has_address(0)) as server:
        client = DnsClient([server.address], timeout=LONG).remembering()
        await asyncio.gather(*(client.query(HOST, "A") for _ in range(5)))
        assert len(server.questions) == 5


async def test_a_failure_is_nobody_elses() -> None:
    def fails_once(query: dns.message.Message) -> dns.message.Message | bytes | None:
        if len(server.questions) == 1:
            return respond(query, rcode=dns.rcode.SERVFAIL)
        return has_address(300)(query)

    async with asyncio.timeout(TEST_ENDS), name_server(fails_once) as server:
        client = DnsClient([server.address], timeout=LONG).remembering()
        asked = [client.query(HOST, "A") for _ in range(5)]
        first, *others = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, DnsServerError)
    assert all(isinstance(other, DnsAnswer) for other in others)


async def test_who_is_ended_leaves_the_others_to_ask() -> None:
    asked = asyncio.Event()
    async with asyncio.timeout(TEST_ENDS), name_server(lambda _: asked.set()) as server:
        client = DnsClient([server.address], timeout=LONG).remembering()
        first = asyncio.create_task(client.query(HOST, "A"))
        await asked.wait()
        others = [asyncio.create_task(client.query(HOST, "A")) for _ in range(3)]
        others[0].cancel()
        await asyncio.sleep(0)
        server.handler = has_address(300)
        first.cancel()
        ended, gone, *found = await asyncio.gather(first, *others, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)
    assert isinstance(gone, asyncio.CancelledError)
    assert all(isinstance(each, DnsAnswer) for each in found)


async def test_nobody_waits_for_long_for_somebody_else() -> None:
    """The first is without an answer when the second has one."""
    asked = asyncio.Event()

    def silent_to_the_first(query: dns.message.Message) -> dns.message.Message | bytes | None:
        asked.set()
        return None if server.clients[-1] == server.clients[0] else has_address(300)(query)

    async with name_server(silent_to_the_first) as server:
        client = DnsClient([server.address], timeout=2.0).remembering()
        first = asyncio.create_task(client.query(HOST, "A"))
        await asked.wait()
        assert (await client.query(HOST, "A")).status is DnsStatus.FOUND
        assert not first.done()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
