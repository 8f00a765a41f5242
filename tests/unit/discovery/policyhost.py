"""Real policy hosts on loopback: HTTPS servers that answer as told."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import trustme

from mtasts_resolver.config import parse_proxy_url
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.policyhost.fetch import PolicyFetcher
from tests.unit.discovery.servers import Handler, addresses_of, name_server, stream_server

DOMAIN = "x.example"
HOST = "mta-sts.x.example"
DOCUMENT = b"version: STSv1\r\nmode: enforce\r\nmx: mx.x.example\r\nmax_age: 604800\r\n"
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
MAX_REQUEST = 10_000

Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], "asyncio.Future[None]"]


def response(
    body: bytes = DOCUMENT,
    status: str = "200 OK",
    headers: Sequence[str] = ("Content-Type: text/plain",),
    *,
    length: int | None = None,
) -> bytes:
    """Return an HTTP response; `length` is what Content-Length says, by default the truth."""
    lines = [f"HTTP/1.1 {status}", *headers]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(body: bytes, size: int = 10_000) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return head + b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"


def until_closed(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + body


def tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@dataclass
class PolicyHost:
    """A policy host, and what it was asked."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def policy_host(
    answer: bytes,
    context: ssl.SSLContext | None,
    *,
    close: bool = True,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[PolicyHost]:
    """DnsAnswer every request with `answer`; then close, or wait for the client to do it."""
    server = PolicyHost()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        server.requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        if close:
            writer.close()
            await writer.wait_closed()
        await reader.read()

    async with stream_server(serve, context, host, port) as server.port:
        yield server


async def say(text: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
    """Send `text`, and wait for the client to hang up."""
    writer.write(text)
    await writer.drain()
    await reader.read()


@contextmanager
def breaking_host(answer: bytes, context: ssl.SSLContext) -> Iterator[int]:
    """DnsAnswer one request with `answer`, and hang up without a word in TLS (close_notify)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                client, _ = listener.accept()
                with client, context.wrap_socket(client, server_side=True) as secured:
                    secured.recv(MAX_REQUEST)
                    secured.sendall(answer)
                    secured.shutdown(socket.SHUT_WR)

        listener.settimeout(10)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@asynccontextmanager
async def fetcher_for(
    port: int,
    ca_file: Path | None,
    *,
    dns: Handler | None = None,
    timeout: float = 10.0,  # noqa: ASYNC109 - a setting of the fetcher
    proxy: str | None = None,
) -> AsyncIterator[PolicyFetcher]:
    """Return a fetcher under which every policy host is on loopback at `port`."""
    async with name_server(dns or addresses_of("127.0.0.1")) as names:
        yield PolicyFetcher(
            DnsClient([names.address]),
            timeout=timeout,
            ca_file=ca_file,
            proxy=None if proxy is None else parse_proxy_url(proxy),
            allow_networks=LOOPBACK,
            port=port,
        )
