"""Real MX hosts on loopback: SMTP servers that say what they are told."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trustme

from tests.unit.discovery.policyhost import tls
from tests.unit.discovery.servers import stream_server

MX = "mx.x.example"
GREETING = b"220 mx.x.example ESMTP\r\n"
EHLO = b"250-mx.x.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"
NO_STARTTLS = b"250-mx.x.example\r\n250 SIZE 1000\r\n"


@dataclass
class MailHost:
    """An MX host, and what was said to it."""

    port: int = 0
    connections: int = 0
    plain: list[bytes] = field(default_factory=list)
    secured: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    """What was asked for by SNI."""
    alpn: list[str | None] = field(default_factory=list)


@asynccontextmanager
async def mail_host(
    context: ssl.SSLContext | None,
    *,
    greeting: bytes = GREETING,
    ehlo: bytes = EHLO,
    starttls: bytes = b"220 go ahead\r\n",
    quit: bytes = b"221 bye\r\n",  # noqa: A002
    host: str = "127.0.0.1",
    port: int = 0,
    connections: int = 1_000,
) -> AsyncIterator[MailHost]:
    """Answer each command so; speak TLS after STARTTLS where there is a `context`.

    After so many `connections` the greeting is a refusal.
    """
    server = MailHost()
    if context is not None:
        context.sni_callback = lambda _tls, name, _context: server.names.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        refused = server.connections > connections
        writer.write(b"421 too many\r\n" if refused else greeting)
        said = server.plain
        while line := await reader.readline():
            said.append(line)
            match line.split()[0].upper():
                case b"EHLO":
                    writer.write(ehlo)
                case b"STARTTLS":
                    writer.write(starttls)
                    await writer.drain()
                    if context is not None:
                        await writer.start_tls(context)
                        server.alpn.append(
                            writer.get_extra_info("ssl_object").selected_alpn_protocol()
                        )
                        said = server.secured
                case b"QUIT":
                    writer.write(quit)
                    return
            await writer.drain()

    async with stream_server(serve, None, host, port) as server.port:
        yield server


def outdated_tls(certificate: trustme.LeafCert, lowest: str, highest: str) -> ssl.SSLContext:
    """Return a server's context for these versions, by the weakest of ciphers."""
    context = tls(certificate)
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion[lowest]
        context.maximum_version = ssl.TLSVersion[highest]
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
