"""Someone on the path says something before TLS begins, and then hands on what is genuine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from mtasts_resolver.discovery.errors import ConnectError
from tests.unit.discovery.policyhost import DOMAIN, HOST, fetcher_for, policy_host, response, tls
from tests.unit.discovery.servers import addresses_of, stream_server

FORGED = response(b"version: STSv1\nmode: enforce\nmx: mx.attacker.example\nmax_age: 31557600\n")
TRIES = 10  # whether early bytes come before the client begins TLS is a matter of turns
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

Say = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def nothing(_: asyncio.StreamWriter) -> None:
    pass


async def at_once(writer: asyncio.StreamWriter) -> None:
    writer.write(FORGED)
    await writer.drain()


async def in_pieces(writer: asyncio.StreamWriter) -> None:
    for byte in FORGED:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)


async def a_first_byte(writer: asyncio.StreamWriter) -> None:
    writer.write(FORGED[:1])
    await writer.drain()


async def after_interim_ones(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3 + FORGED)
    await writer.drain()


SAYINGS = (at_once, in_pieces, a_first_byte, after_interim_ones)


class Relay:
    """Someone on the path to the policy host at `target`, who may be a proxy, too."""

    def __init__(self, target: int, say: Say, *, late: bool = False) -> None:
        self._target = target
        self._say = say
        self._late = late
        self.connections = 0

    async def direct(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        hello = await reader.read(65_536) if self._late else b""
        await self._say(writer)
        await self._relay(reader, writer, hello)

    async def proxy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak behind the head of the answer; not `late` means in the same segment."""
        self.connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ESTABLISHED)
        if self._late:
            await writer.drain()
            await asyncio.sleep(0)
        await self._say(writer)
        await self._relay(reader, writer, b"")

    async def early_proxy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer before the question."""
        self.connections += 1
        writer.write(ESTABLISHED)
        await self._say(writer)
        await reader.readuntil(b"\r\n\r\n")
        await self._relay(reader, writer, b"")

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: bytes
    ) -> None:
        host = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            host[1].write(hello)
            await asyncio.gather(pump(reader, host[1]), pump(host[0], writer))
        finally:
            host[1].transport.abort()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def genuine(ca: trustme.CA) -> AsyncIterator[int]:
    async with policy_host(response(), tls(ca.issue_cert(HOST))) as server:
        yield server.port


async def believed(
    port: int, ca_file: Path, *, addresses: int = 1, proxy: bool = False
) -> set[str]:
    """Return the `mx` of each policy that a fetch by way of `port` leads to; "" for none."""
    names = addresses_of("127.0.0.1", *["::1"] * (addresses - 1))
    url = f"http://127.0.0.1:{port}" if proxy else None
    found: set[str] = set()
    async with fetcher_for(port, ca_file, dns=names, proxy=url) as fetcher:
        for _ in range(TRIES):
            try:
                found.update((await fetcher.fetch_policy(DOMAIN)).mx)
            except ConnectError:
                found.add("")
    return found


@pytest.mark.threat("https-before-tls")
@pytest.mark.row("P14")
@pytest.mark.parametrize("addresses", [1, 2])
@pytest.mark.parametrize("late", [False, True], ids=["on accept", "in the handshake"])
@pytest.mark.parametrize("say", SAYINGS)
async def test_what_comes_before_tls_is_no_response(
    genuine: int, ca_file: Path, *, say: Say, late: bool, addresses: int
) -> None:
    relay = Relay(genuine, say, late=late)
    async with stream_server(relay.direct) as port:
        assert await believed(port, ca_file, addresses=addresses) == {""}
    assert relay.connections == TRIES


@pytest.mark.row("P14")
@pytest.mark.parametrize(
    ("way", "late"),
    [("proxy", False), ("proxy", True), ("early_proxy", False)],
    ids=["with the head", "behind the head", "before the question"],
)
@pytest.mark.parametrize("say", SAYINGS)
async def test_what_comes_from_a_proxy_outside_tls_is_no_response(
    genuine: int, ca_file: Path, *, say: Say, way: str, late: bool
) -> None:
    relay = Relay(genuine, say, late=late)
    async with stream_server(getattr(relay, way)) as port:
        assert await believed(port, ca_file, proxy=True) == {""}
    assert relay.connections == TRIES


@pytest.mark.parametrize("way", ["direct", "proxy", "early_proxy"])
async def test_what_is_genuine_comes_through_all_of_them(
    genuine: int, ca_file: Path, *, way: str
) -> None:
    relay = Relay(genuine, nothing)
    async with stream_server(getattr(relay, way)) as port:
        found = await believed(port, ca_file, proxy=way != "direct")
    assert found == {"mx.x.example"}
