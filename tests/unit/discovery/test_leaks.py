"""A daemon that runs for years must not lose a socket, however a fetch ends."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import httpx
import pytest
import trustme

from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import (
    BodyError,
    CertificateError,
    ConnectError,
    DiscoveryError,
    DnsServerError,
    DnsTimeoutError,
    InvalidPolicyError,
    PolicyHostError,
    StatusError,
)
from mtasts_resolver.discovery.policyhost.backend import PolicyHostBackend
from mtasts_resolver.discovery.policyhost.fetch import PolicyFetcher
from mtasts_resolver.discovery.policyhost.request import PolicyHostTransport
from mtasts_resolver.discovery.tls.wire import Tls, Wire
from mtasts_resolver.discovery.trace import Trace
from tests.unit.discovery.policyhost import (
    DOCUMENT,
    DOMAIN,
    HOST,
    chunked,
    fetcher_for,
    policy_host,
    response,
    tls,
    until_closed,
)
from tests.unit.discovery.servers import addresses_of, name_server, respond, unused_port

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


@pytest.mark.threat("socket-leak")
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


KINDS = {
    *(Wire, Tls, PolicyHostBackend, PolicyHostTransport, Trace, httpx.Response),
    *(BodyError, CertificateError, ConnectError, InvalidPolicyError, StatusError),
    *(DnsServerError, DnsTimeoutError, PolicyHostError),
}


def held() -> list[object]:
    """Return what fetches have left in memory."""
    return [thing for thing in gc.get_objects() if type(thing) in KINDS]


LetGo = Callable[[], Awaitable[None]]


@pytest.fixture
def let_go() -> Iterator[LetGo]:
    """Let nothing go but what nobody holds; return what waits until all has gone.

    Other tests may have left something: pytest itself keeps the error of one.
    """
    gc.collect()
    gc.disable()
    others = {id(thing): thing for thing in held()}  # held, so that no id is used again

    async def wait() -> None:
        # Nobody tells when the loop has forgotten a connection.
        deadline = asyncio.get_running_loop().time() + SETTLED_WITHIN
        while left := [type(thing).__name__ for thing in held() if id(thing) not in others]:
            assert asyncio.get_running_loop().time() < deadline, left
            await asyncio.sleep(0.05)

    yield wait
    gc.enable()


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("::1", "127.0.0.1")], ids=["one", "two"])
@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (HOST, response()),
        (HOST, response(status="404 Not Found")),
        (HOST, response(length=1_000)),
        (HOST, chunked(DOCUMENT)[:-5]),
        (HOST, until_closed(b"x" * 200_000)),
        (HOST, b"garbage\r\n\r\n"),
        (HOST, chunked(b"")[:-5] + b"no size\r\n"),
        (HOST, response(b"no policy")),
        ("www.x.example", b""),
    ],
    ids=[
        "good",
        "404",
        "cut",
        "half",
        "too long",
        "garbage",
        "no chunk",
        "invalid",
        "wrong name",
    ],
)
async def test_a_fetch_leaves_nothing_for_the_collector(
    ca: trustme.CA,
    ca_file: Path,
    let_go: LetGo,
    *,
    name: str,
    answer: bytes,
    addresses: tuple[str, ...],
) -> None:
    """What is in cycles waits for the collector, which comes when it likes."""
    async with (
        policy_host(answer, tls(ca.issue_cert(name))) as server,
        fetcher_for(server.port, ca_file, dns=addresses_of(*addresses)) as fetcher,
    ):
        await to_its_end(lambda: fetcher.fetch_policy(DOMAIN))
        await let_go()


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("::1", "127.0.0.1")], ids=["one", "two"])
async def test_a_host_that_cannot_be_reached_leaves_nothing_for_the_collector(
    ca_file: Path, let_go: LetGo, addresses: tuple[str, ...]
) -> None:
    dns = addresses_of(*addresses)
    async with fetcher_for(unused_port(), ca_file, dns=dns, timeout=5) as fetcher:
        await to_its_end(lambda: fetcher.fetch_policy(DOMAIN))
        await let_go()


@pytest.mark.parametrize("others_fail", [True, False])
@pytest.mark.parametrize("answer", [None, dns.rcode.SERVFAIL])
async def test_name_servers_that_fail_leave_nothing_for_the_collector(
    ca_file: Path, let_go: LetGo, answer: dns.rcode.Rcode | None, *, others_fail: bool
) -> None:
    def failing(query: dns.message.Message) -> dns.message.Message | None:
        if query.question[0].rdtype == dns.rdatatype.SOA and not others_fail:
            return respond(query)
        return None if answer is None else respond(query, rcode=answer)

    async with name_server(failing) as names, name_server(failing) as more:
        for servers in ([names], [names, more]):
            client = DnsClient([server.address for server in servers], timeout=0.1)
            fetcher = PolicyFetcher(client, ca_file=ca_file)
            await to_its_end(partial(fetcher.fetch_policy, DOMAIN))
            await let_go()
