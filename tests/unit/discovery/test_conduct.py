"""A name server that is silent is asked last, and tried again now and then."""

import logging
import time

import dns.message
import dns.rcode
import pytest

from mtasts_resolver.config import NameServer as Address
from mtasts_resolver.discovery.dns import client as discovery_dns
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.dns.conduct import (
    MAX_REMEMBERED,
    SILENT_FOR,
    SILENT_IN_A_ROW,
    Conduct,
)
from mtasts_resolver.discovery.errors import DnsError
from tests.events import events
from tests.unit.discovery.servers import NameServer, name_server, respond

NAME = "_mta-sts.x.example"
RECORD = f'{NAME}. 300 IN TXT "v=STSv1; id=1"'
LONG = 60.0
MOMENT = 0.05


def good(query: dns.message.Message) -> dns.message.Message:
    return respond(query, RECORD)


def silent(_: dns.message.Message) -> None:
    return None


def failing(query: dns.message.Message) -> dns.message.Message:
    return respond(query, rcode=dns.rcode.SERVFAIL)


async def asked(client: DnsClient, *servers: NameServer, wait: float = LONG) -> list[int]:
    """Ask once; return how many queries came to each server.

    The next server is asked after `wait` seconds: as good as never, unless the test wants it.
    """
    before = [len(server.questions) for server in servers]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discovery_dns, "NEXT_SERVER_AFTER", wait)
        await client.query(NAME, "TXT")
    return [len(server.questions) - count for server, count in zip(servers, before, strict=True)]


async def test_a_silent_server_is_asked_last_until_it_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with name_server(silent) as first, name_server(good) as second:
        client = DnsClient([first.address, second.address], timeout=LONG)
        for _ in range(SILENT_IN_A_ROW):
            assert await asked(client, first, second, wait=MOMENT) == [1, 1]
        for _ in range(5):
            assert await asked(client, first, second) == [0, 1]

        later(client, SILENT_FOR)  # one question tries it, and the others do not
        assert await asked(client, first, second, wait=MOMENT) == [1, 1]
        assert await asked(client, first, second) == [0, 1]

        later(client, 2 * SILENT_FOR)
        first.handler = good
        for _ in range(3):
            assert await asked(client, first, second) == [1, 0]
    assert [logged.event for logged in events(caplog)] == [
        "name-server-silent",
        "name-server-answers-again",
    ]


async def test_when_the_second_falls_silent_the_first_is_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with name_server(silent) as first, name_server(good) as second:
        client = DnsClient([first.address, second.address], timeout=LONG)
        for _ in range(SILENT_IN_A_ROW):
            await asked(client, first, second, wait=MOMENT)
        first.handler, second.handler = good, silent
        assert await asked(client, first, second, wait=MOMENT) == [1, 1]
        for _ in range(3):
            assert await asked(client, first, second) == [1, 0]
    assert len(events(caplog, "WARNING")) == 1


async def test_one_slow_answer_between_good_ones_says_nothing() -> None:
    async with name_server(good) as first, name_server(good) as second:
        client = DnsClient([first.address, second.address], timeout=LONG)
        for _ in range(2 * SILENT_IN_A_ROW):
            first.handler = silent
            assert await asked(client, first, second, wait=MOMENT) == [1, 1]
            first.handler = good
            assert await asked(client, first, second) == [1, 0]


async def test_a_server_that_fails_at_once_is_not_silent() -> None:
    async with name_server(failing) as first, name_server(good) as second:
        client = DnsClient([first.address, second.address], timeout=LONG)
        for _ in range(2 * SILENT_IN_A_ROW):
            assert await asked(client, first, second) == [1, 1]


async def test_a_domain_whose_servers_are_silent_blames_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with name_server(silent) as first, name_server(silent) as second:
        client = DnsClient([first.address, second.address], timeout=0.2)
        for _ in range(SILENT_IN_A_ROW):
            with pytest.raises(DnsError):
                await client.query(NAME, "TXT")
        assert client.conduct.by_preference(client.servers) == client.servers
    assert events(caplog) == []


def test_what_is_remembered_is_bounded() -> None:
    conduct = Conduct()
    for number in range(10 * MAX_REMEMBERED):
        server = Address("192.0.2.1", number + 1)
        conduct.did_edns(server)
        conduct.did_without_edns(server)
        for _ in range(SILENT_IN_A_ROW):
            conduct.missed(server)
    for remembered in vars(conduct).values():
        if isinstance(remembered, dict):
            assert len(remembered) <= MAX_REMEMBERED
    servers = [Address("192.0.2.1", number + 1) for number in range(10 * MAX_REMEMBERED)]
    assert sum(conduct.lacks_edns(server) for server in servers) == MAX_REMEMBERED
    assert len(conduct.by_preference(servers)) == len(servers)


def later(client: DnsClient, seconds: float) -> None:
    """Let that much time pass for what the client remembers."""
    now = time.monotonic()
    client.conduct.monotonic = lambda: now + seconds
