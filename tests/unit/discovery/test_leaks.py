"""A daemon that runs for years must not lose a socket, however a fetch ends."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import dns.flags
import dns.message
import pytest
import trustme

from mtasts_resolver.discovery.dns import DnsClient
from mtasts_resolver.discovery.errors import DiscoveryError
from tests.unit.discovery.policyhost import (
    DOMAIN,
    HOST,
    fetcher_for,
    policy_host,
    response,
    tls,
    until_closed,
)
from tests.unit.discovery.servers import addresses_of, name_server, respond

ROUNDS = 5
TURNS = 60  # of the event loop: more than a fetch takes
SETTLED_WITHIN = 10.0  # seconds until what was closed is gone

Fetch = Callable[[], Awaitable[object]]
End = Callable[[Fetch], Awaitable[None]]


async def to_its_end(fetch: Fetch) -> None:
    for _ in range(ROUNDS):
        with suppress(DiscoveryError):
            await fetch()


async def cancelled_anywhere(fetch: Fetch) -> None:
    for turns in range(TURNS):
        task = asyncio.ensure_future(fetch())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(DiscoveryError, asyncio.CancelledError):
            await task


def open_sockets() -> int:
    count = 0
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            count += str(fd.readlink()).startswith("socket:")
    return count


async def settled(before: int) -> None:
    async with asyncio.timeout(SETTLED_WITHIN):
        while open_sockets() > before:  # noqa: ASYNC110 - nobody tells when a socket is closed
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("::1", "127.0.0.1")], ids=["one", "two"])
@pytest.mark.parametrize("end", [to_its_end, cancelled_anywhere])
@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (HOST, response()),
        (HOST, response(status="404 Not Found")),
        (HOST, response(length=10**9)),
        (HOST, until_closed(b"x" * 200_000)),
        (HOST, b"garbage\r\n\r\n"),
        ("www.x.example", b""),
    ],
    ids=["good", "404", "length", "too long", "garbage", "wrong name"],
)
async def test_no_socket_is_left(
    ca: trustme.CA, ca_file: Path, name: str, answer: bytes, *, end: End, addresses: tuple[str, ...]
) -> None:
    async with (
        policy_host(answer, tls(ca.issue_cert(name))) as server,
        fetcher_for(server.port, ca_file, dns=addresses_of(*addresses)) as fetcher,
    ):
        before = open_sockets()
        await end(lambda: fetcher.fetch_policy(DOMAIN))
        await settled(before)


@pytest.mark.parametrize("servers", [1, 2])
@pytest.mark.parametrize("end", [to_its_end, cancelled_anywhere])
async def test_no_socket_is_left_of_a_look_up(end: End, servers: int) -> None:
    def truncated(query: dns.message.Message) -> dns.message.Message:
        return respond(query, flags=dns.flags.TC)

    async with (
        name_server(truncated, respond) as over_tcp,
        name_server(lambda _: None) as silent,
    ):
        addresses = [over_tcp.address, silent.address]
        client = DnsClient(addresses[:servers], timeout=0.01)
        before = open_sockets()
        await end(lambda: client.query(DOMAIN, "TXT"))
        await settled(before)
