"""What a peer may send over one connection, before and within TLS."""

import asyncio
import ssl
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
import trustme

from mtasts_resolver.discovery.errors import ConnectError, FetchError
from mtasts_resolver.discovery.tls import wire as wires
from mtasts_resolver.discovery.tls.wire import Wire, open_wire
from tests.unit.discovery.policyhost import (
    DOCUMENT,
    DOMAIN,
    HOST,
    fetcher_for,
    say,
    tls,
    until_closed,
)
from tests.unit.discovery.servers import stream_server

UNTIL_CLOSED = until_closed(DOCUMENT)


async def read_on(wire: Wire) -> int:
    """Read until more cannot come or may not; return how many bytes there were."""
    count = 0
    try:
        while True:
            await wire.more()
            count += len(wire.incoming.read())
    finally:
        wire.abort()


@pytest.mark.row("P5")
async def test_bytes_on_the_wire_are_bounded() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 50_000)
            await writer.drain()

    async with stream_server(serve) as port:
        wire = await open_wire("127.0.0.1", port)
        with pytest.raises(ConnectError) as caught:
            await read_on(wire)
    assert str(caught.value) == (
        "127.0.0.1 sends more than 524,288 bytes, or in more than 384 pieces"
    )


@pytest.mark.row("P5")
async def test_pieces_on_the_wire_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "MAX_WAITS", 5)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await reader.readexactly(1)

    async with stream_server(serve) as port:
        wire = await open_wire("127.0.0.1", port)
        for _ in range(5):
            await wire.more()
            assert wire.incoming.read() == b"x"
            wire.send(b"x")
        with pytest.raises(ConnectError, match="in more than 5 pieces"):
            await wire.more()
        wire.abort()


async def test_the_end_of_a_connection_is_told_each_time() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")

    async with stream_server(serve) as port:
        wire = await open_wire("127.0.0.1", port)
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                await read_on(wire)


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ((UNTIL_CLOSED,), ""),
        ((UNTIL_CLOSED, b"x"), "the policy was cut short: "),  # both arrive together
    ],
)
async def test_a_broken_record_is_told_in_words_of_tls(
    ca: trustme.CA, ca_file: Path, records: Sequence[bytes], told: str
) -> None:
    context = tls(ca.issue_cert(HOST))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(incoming, outgoing, server_side=True)
        for step in (server.do_handshake, partial(server.read, 65_536)):
            while True:
                try:
                    step()
                    break
                except ssl.SSLWantReadError:
                    writer.write(outgoing.read())
                    incoming.write(await reader.readexactly(1))
        for record in records:
            server.write(record)
        sent = bytearray(outgoing.read())
        sent[-1] ^= 1
        await say(bytes(sent), writer, reader)

    async with stream_server(serve) as port, fetcher_for(port, ca_file) as fetcher:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value) in (
        f"{told}127.0.0.1 broke the connection: decryption failed or bad record mac",
        f"{told}127.0.0.1 broke the connection: record layer failure",  # of OpenSSL 3.2 and later
    )
