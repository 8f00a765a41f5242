"""Name servers that cannot do EDNS, in every way that there is (RFC 6891 §7)."""

import logging
import time
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import pytest

from mtasts_resolver.discovery.dns import conduct, exchange
from mtasts_resolver.discovery.dns.answer import DnsStatus
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.dns.validators import probe, trusted
from mtasts_resolver.discovery.errors import DnsError, DnsServerError
from tests.events import events
from tests.unit.discovery.servers import Handler, NameServer, name_server, respond

NAME = "_mta-sts.x.example"
RECORD = f'{NAME}. 300 IN TXT "v=STSv1; id=1"'
LONG = 60.0  # seconds: of a question that is not to run out of time

pytestmark = pytest.mark.row("D9")


def good(query: dns.message.Message) -> dns.message.Message:
    question = query.question[0]
    if question.rdtype == dns.rdatatype.SOA:
        soa = f"{question.name} 900 IN SOA a. b. 1 2 3 4 5"
        return respond(query, soa, flags=dns.flags.AD)
    return respond(query, RECORD, flags=dns.flags.AD)


def refusing(rcode: dns.rcode.Rcode, *, with_question: bool) -> Handler:
    """Return a server that answers so where a query has an OPT record, and well without."""

    def handler(query: dns.message.Message) -> dns.message.Message:
        if query.edns < 0:
            return good(query)
        response = respond(query, rcode=rcode)
        if rcode != dns.rcode.BADVERS:
            response.use_edns(False)
        if not with_question:
            response.question.clear()
        return response

    return handler


def dropping(query: dns.message.Message) -> dns.message.Message | None:
    return good(query) if query.edns < 0 else None


WAYS = {
    "FORMERR": refusing(dns.rcode.FORMERR, with_question=True),
    "FORMERR without a question": refusing(dns.rcode.FORMERR, with_question=False),
    "NOTIMP": refusing(dns.rcode.NOTIMP, with_question=True),
    "BADVERS": refusing(dns.rcode.BADVERS, with_question=True),
    "drops them": dropping,
}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy host an answer may take a while; nothing is asked twice because of that."""
    monkeypatch.setattr(exchange, "RESEND_AFTER", (LONG, LONG))
    monkeypatch.setattr(exchange, "FIRST_RESEND_PART", 1.0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, _patient: None) -> None:
    monkeypatch.setattr(exchange, "RESEND_AFTER", (0.05, 0.05))


def with_edns(server: NameServer) -> list[bool]:
    return [query.edns >= 0 for query in server.queries]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("handler", WAYS.values(), ids=WAYS)
async def test_it_is_asked_without_and_that_is_remembered(
    handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with name_server(handler) as server:
        client = DnsClient([server.address], timeout=LONG)
        for _ in range(3):
            answer = await client.query(NAME, "TXT")
            assert answer.status is DnsStatus.FOUND
            assert not answer.authenticated  # its word on DNSSEC counts for nothing
    asked = with_edns(server)
    assert asked[0]
    assert asked[-2:] == [False, False]
    assert [logged.event for logged in events(caplog)] == ["name-server-without-edns"]


async def test_a_failure_of_the_question_is_none_of_edns() -> None:
    """A server that has an OPT record in its response does EDNS, whatever it says besides."""

    def handler(query: dns.message.Message) -> dns.message.Message:
        return respond(query, rcode=dns.rcode.FORMERR)

    async with name_server(handler) as server:
        with pytest.raises(DnsServerError, match="says FORMERR"):
            await DnsClient([server.address], timeout=LONG).query(NAME, "TXT")
    assert all(with_edns(server))


async def test_what_fails_without_as_well_is_not_remembered() -> None:
    def handler(query: dns.message.Message) -> dns.message.Message:
        response = respond(query, rcode=dns.rcode.FORMERR)
        response.use_edns(False)
        return response

    async with name_server(handler) as server:
        client = DnsClient([server.address], timeout=LONG)
        for _ in range(2):
            with pytest.raises(DnsServerError, match="says FORMERR"):
                await client.query(NAME, "TXT")
    assert with_edns(server)[:2] == [True, False]
    assert with_edns(server)[-2:] == [True, False]


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_is_slow_does_edns() -> None:
    """The query without EDNS is answered first, by chance; the other at the same time."""

    def handler(query: dns.message.Message) -> dns.message.Message | None:
        waiting.append((query, server.clients[-1]))
        if query.edns < 0:
            for late, client in reversed(waiting):
                server.send(good(late), client)
        return None

    waiting: list[tuple[dns.message.Message, tuple[str, int]]] = []
    async with name_server(handler) as server:
        client = DnsClient([server.address], timeout=LONG)
        answer = await client.query(NAME, "TXT")
        assert answer.authenticated
        waiting.clear()
        server.handler = good
        await client.query(NAME, "TXT")
    assert with_edns(server)[-1]


async def test_a_server_that_did_edns_is_not_asked_without_when_it_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow(query: dns.message.Message) -> None:
        if len(server.queries) > 3:
            server.send(good(query), server.clients[-1])

    async with name_server(good) as server:
        client = DnsClient([server.address], timeout=LONG)
        await client.query(NAME, "TXT")
        server.handler = slow
        monkeypatch.setattr(exchange, "RESEND_AFTER", (0.05, 0.05))
        await client.query(NAME, "TXT")
    assert len(server.queries) > 2
    assert all(with_edns(server))


async def test_it_is_tried_again_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with name_server(WAYS["FORMERR"]) as server:
        client = DnsClient([server.address], timeout=LONG)
        await client.query(NAME, "TXT")
        later(client, conduct.WITHOUT_EDNS_FOR)
        await client.query(NAME, "TXT")
        assert with_edns(server) == [True, False, True, False]
        await client.query(NAME, "TXT")
        later(client, 2 * conduct.WITHOUT_EDNS_FOR)
        server.handler = good
        assert (await client.query(NAME, "TXT")).authenticated
        assert with_edns(server)[4:] == [False, True]
    assert [logged.event for logged in events(caplog)] == [
        "name-server-without-edns",
        "name-server-does-edns",
    ]


async def test_it_is_tried_again_however_much_is_asked_meanwhile() -> None:
    async with name_server(WAYS["FORMERR"]) as server:
        client = DnsClient([server.address], timeout=LONG)
        for part in (0.0, 0.5, 0.9, 1.1):
            later(client, part * conduct.WITHOUT_EDNS_FOR)
            await client.query(NAME, "TXT")
    assert with_edns(server) == [True, False, False, False, True, False]


def later(client: DnsClient, seconds: float) -> None:
    """Let that much time pass for what the client remembers."""
    now = time.monotonic()
    client.conduct.monotonic = lambda: now + seconds


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("handler", WAYS.values(), ids=WAYS)
async def test_of_several_servers_whoever_can_answers(handler: Handler) -> None:
    async with name_server(handler) as old, name_server(good) as new:
        for servers in ([old, new], [new, old]):
            client = DnsClient([server.address for server in servers], timeout=LONG)
            for _ in range(3):
                assert (await client.query(NAME, "TXT")).status is DnsStatus.FOUND


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("handler", WAYS.values(), ids=WAYS)
async def test_dnssec_is_asked_of_those_that_do_edns(handler: Handler) -> None:
    async with name_server(handler) as old, name_server(good) as new:
        both = DnsClient([old.address, new.address], timeout=LONG)
        await both.query(NAME, "TXT")
        validating = trusted(both, "auto")
        assert (await probe(validating)).authenticated
        answer = await validating.query(NAME, "TXT")
        assert answer.authenticated
        assert [*answer.servers] == [new.address]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("handler", WAYS.values(), ids=WAYS)
async def test_without_any_of_them_dane_is_off(handler: Handler) -> None:
    async with name_server(handler) as server:
        validating = trusted(DnsClient([server.address], timeout=1.0), "auto")
        found = await probe(validating)
        assert not found.authenticated
        assert found.why_not == f"{server.address} does not do EDNS, without which no DNSSEC is"
        with pytest.raises(DnsError, match=r"does not do EDNS|did not answer in time"):
            await validating.query(NAME, "TXT")
        assert with_edns(server)[-1]  # or nobody would find out that it does EDNS after all


@pytest.mark.usefixtures("impatient")
async def test_answers_that_were_lost_by_chance_do_not_switch_dane_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As at a start: nothing is known of the server yet."""
    caplog.set_level(logging.INFO)
    async with name_server(dropping) as server:
        client = DnsClient([server.address], timeout=LONG)
        await client.query(NAME, "TXT")
        server.handler = good
        assert (await probe(trusted(client, "auto"))).authenticated
        assert (await client.query(NAME, "TXT")).authenticated
    assert [logged.event for logged in events(caplog)] == [
        "name-server-without-edns",
        "name-server-does-edns",
    ]


@pytest.mark.usefixtures("impatient")
async def test_silence_is_no_want_of_edns() -> None:
    silent: Callable[[dns.message.Message], None] = lambda _: None  # noqa: E731
    async with name_server(silent) as server:
        with pytest.raises(DnsError, match="did not answer in time"):
            await probe(trusted(DnsClient([server.address], timeout=0.3), "auto"))
