"""Policies by way of an HTTP proxy, and what is its fault alone."""

import asyncio
import base64
import socket
from pathlib import Path

import pytest
import trustme

from mtasts_resolver.discovery.errors import (
    AddressForbiddenError,
    CertificateError,
    ConnectError,
    ShortageError,
)
from tests.unit.discovery.policyhost import (
    DOMAIN,
    HOST,
    PolicyHost,
    fetcher_for,
    policy_host,
    response,
    tls,
)
from tests.unit.discovery.servers import (
    addresses_of,
    stream_server,
    unused_port,
)


class Proxy:
    """A real HTTP proxy that connects every tunnel to `target`."""

    def __init__(self, target: int, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
        self._target = target
        self._answer = answer
        self.requests: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(self._answer)
        if not self._answer.startswith(b"HTTP/1.1 200"):
            await writer.drain()
            return
        to_host = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._pump(reader, to_host[1]), self._pump(to_host[0], writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


@pytest.mark.row("P13")
async def test_a_configured_proxy_is_used(ca: trustme.CA, ca_file: Path) -> None:
    server: PolicyHost
    async with policy_host(response(), tls(ca.issue_cert(HOST))) as server:
        proxy = Proxy(server.port)
        async with stream_server(proxy.serve, host="127.0.0.5") as port:
            url = f"http://user:se%20cret@127.0.0.5:{port}"
            async with fetcher_for(4443, ca_file, proxy=url) as fetcher:
                await fetcher.fetch_policy(DOMAIN)
    (request,) = proxy.requests
    assert request.startswith(f"CONNECT {HOST}:4443 HTTP/1.1\r\n")
    credentials = base64.b64encode(b"user:se cret").decode()
    assert f"Proxy-Authorization: Basic {credentials}\r\n" in request
    assert b"user" not in server.requests[0]


@pytest.mark.row("P13")
async def test_a_proxy_that_refuses_is_named_as_the_reason(ca_file: Path) -> None:
    proxy = Proxy(0, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    async with (
        stream_server(proxy.serve) as port,
        fetcher_for(443, ca_file, proxy=f"http://127.0.0.1:{port}") as fetcher,
    ):
        with pytest.raises(ConnectError) as caught:
            await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value) == "the proxy refuses: 403 Forbidden"


@pytest.mark.row("P13", "P15")
async def test_a_proxy_that_is_down_is_no_failure_of_the_domain(ca_file: Path) -> None:
    port = unused_port()
    async with fetcher_for(443, ca_file, proxy=f"http://127.0.0.1:{port}") as fetcher:
        with pytest.raises(ShortageError) as caught:
            await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value) == (
        "the proxy 127.0.0.1 cannot be reached: 127.0.0.1: connection refused"
        " (mend it, or change https.proxy)"
    )


@pytest.mark.row("P15")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "refuses: 407 Proxy Authentication Required",
        ),
        (b"HTTP/1.1 502 Bad", "fails: 127.0.0.1 broke the connection: the connection was closed"),
        (b"", "fails: 127.0.0.1 broke the connection: the connection was closed"),
        (b"220 mail.example ESMTP\r\n\r\n", "does not answer in HTTP: "),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200, "127.0.0.1 sends more than 100 lines"),
    ],
)
async def test_a_proxy_that_fails_everybody_is_no_failure_of_the_domain(
    ca_file: Path, answer: bytes, reason: str
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with (
        stream_server(serve) as port,
        fetcher_for(443, ca_file, proxy=f"http://127.0.0.1:{port}") as fetcher,
    ):
        with pytest.raises(ShortageError) as caught:
            await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value).startswith(f"the proxy {reason}")


@pytest.mark.row("P15")
async def test_a_proxy_that_takes_no_connection_is_no_failure_of_the_domain(ca_file: Path) -> None:
    with socket.socket() as full, socket.socket() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting.connect(full.getsockname())  # nobody accepts it, and there is room for no other
        port = full.getsockname()[1]
        async with fetcher_for(
            443, ca_file, proxy=f"http://127.0.0.1:{port}", timeout=2.0
        ) as fetcher:
            with pytest.raises(
                ShortageError, match=r"proxy 127\.0\.0\.1 cannot be reached in time"
            ):
                await fetcher.fetch_policy(DOMAIN)


@pytest.mark.row("P1", "P13")
async def test_a_certificate_behind_a_proxy_is_verified_too(ca: trustme.CA, ca_file: Path) -> None:
    async with policy_host(response(), tls(ca.issue_cert("www.x.example"))) as server:
        proxy = Proxy(server.port)
        async with (
            stream_server(proxy.serve) as port,
            fetcher_for(443, ca_file, proxy=f"http://127.0.0.1:{port}") as fetcher,
        ):
            with pytest.raises(CertificateError) as caught:
                await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value).startswith(f"certificate of {HOST} is not valid: Hostname mismatch")
    assert len(proxy.requests) == 1


@pytest.mark.row("P12", "P13")
async def test_a_proxy_is_not_asked_for_a_forbidden_address(ca_file: Path) -> None:
    proxy = Proxy(0)
    async with (
        stream_server(proxy.serve) as port,
        fetcher_for(
            443, ca_file, dns=addresses_of("10.0.0.1"), proxy=f"http://127.0.0.1:{port}"
        ) as fetcher,
    ):
        with pytest.raises(AddressForbiddenError):
            await fetcher.fetch_policy(DOMAIN)
    assert proxy.requests == []


async def test_a_proxy_whose_name_is_unknown(ca_file: Path) -> None:
    async with fetcher_for(443, ca_file, proxy="http://proxy.invalid:3128") as fetcher:
        with pytest.raises(ShortageError, match=r"the proxy proxy\.invalid cannot be looked up: "):
            await fetcher.fetch_policy(DOMAIN)
