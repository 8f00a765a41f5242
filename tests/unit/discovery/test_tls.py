"""TLS with real policy hosts."""

import asyncio
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from mtasts_resolver.discovery.errors import ConnectError, FetchTimeoutError
from mtasts_resolver.discovery.trace import Trace
from tests.unit.discovery.policyhost import (
    DOMAIN,
    HOST,
    fetcher_for,
    policy_host,
    response,
    say,
    tls,
)
from tests.unit.discovery.servers import stream_server


@pytest.mark.row("P1")
async def test_the_name_is_sent_as_sni(ca: trustme.CA, ca_file: Path) -> None:
    context = tls(ca.issue_cert(HOST))
    names: list[str | None] = []
    context.sni_callback = lambda _tls, name, _context: names.append(name)
    async with (
        policy_host(response(), context) as server,
        fetcher_for(server.port, ca_file) as fetcher,
    ):
        await fetcher.fetch_policy(DOMAIN)
    assert names == [HOST]


async def test_http_1_1_is_spoken(ca: trustme.CA, ca_file: Path) -> None:
    context = tls(ca.issue_cert(HOST))
    context.set_alpn_protocols(["h2", "http/1.1"])
    spoken: list[str | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spoken.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await reader.readuntil(b"\r\n\r\n")
        await say(response(), writer, reader)

    async with stream_server(serve, context) as port, fetcher_for(port, ca_file) as fetcher:
        await fetcher.fetch_policy(DOMAIN)
    assert spoken == ["http/1.1"]


@contextmanager
def alerting_server(context: ssl.SSLContext) -> Iterator[int]:
    """Serve handshakes that fail; asyncio's own servers close without sending the TLS alert."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                client, _ = listener.accept()
                with client:
                    context.wrap_socket(client, server_side=True).close()

        listener.settimeout(10)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.threat("https-outdated")
@pytest.mark.row("P1")
async def test_tls_below_1_2_is_refused(ca: trustme.CA, ca_file: Path) -> None:
    context = tls(ca.issue_cert(HOST))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with alerting_server(context) as port:
        async with fetcher_for(port, ca_file) as fetcher:
            with pytest.raises(ConnectError) as caught:
                await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value) == f"{HOST} speaks no TLS of version 1.2 or later"


async def test_tls_1_2_is_enough(ca: trustme.CA, ca_file: Path) -> None:
    context = tls(ca.issue_cert(HOST))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    trace = Trace()
    async with (
        policy_host(response(), context) as server,
        fetcher_for(server.port, ca_file) as fetcher,
    ):
        await fetcher.fetch_policy(DOMAIN, trace)
    assert trace.steps[2].outcome == "TLSv1.2"


async def test_a_name_that_the_server_does_not_know(ca: trustme.CA, ca_file: Path) -> None:
    context = tls(ca.issue_cert(HOST))
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    with alerting_server(context) as port:
        async with fetcher_for(port, ca_file) as fetcher:
            with pytest.raises(ConnectError) as caught:
                await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value) == (f"{HOST} refuses the TLS handshake, for it does not know the name")


@pytest.mark.parametrize(
    ("greeting", "what"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks no TLS"),
        (b"220 mx.x.example ESMTP\r\n", "speaks no TLS"),
        (b"", "broke off the TLS handshake"),
    ],
)
async def test_no_tls_is_said_to_be_none(ca_file: Path, greeting: bytes, what: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if greeting:
            await say(greeting, writer, reader)

    async with stream_server(serve) as port, fetcher_for(port, ca_file) as fetcher:
        with pytest.raises(ConnectError, match=f"{HOST} {what}"):
            await fetcher.fetch_policy(DOMAIN)


async def test_a_silent_handshake_has_an_end(ca_file: Path) -> None:
    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    trace = Trace()
    async with stream_server(serve) as port, fetcher_for(port, ca_file, timeout=1.0) as fetcher:
        with pytest.raises(FetchTimeoutError) as caught:
            await fetcher.fetch_policy(DOMAIN, trace)
    assert str(caught.value) == (
        f"{HOST} took more than 1 s, the last of them for: TLS with {HOST}"
    )
    assert (trace.steps[-1].ok, trace.steps[-1].outcome) == (False, "the time ran out")
