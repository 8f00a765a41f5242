"""Real servers on loopback: name servers that misbehave as told, and policy hosts."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from mtasts_resolver import config

Handler = Callable[[dns.message.Message], "dns.message.Message | bytes | None"]


def respond(
    query: dns.message.Message,
    *records: str,
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
    authority: tuple[str, ...] = (),
    flags: int = 0,
) -> dns.message.Message:
    """Return a response to `query` with `records` such as `a.example. 300 IN A 192.0.2.1`."""
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(rcode)
    response.flags |= flags
    for section, lines in ((response.answer, records), (response.authority, authority)):
        for line in lines:
            name, ttl, rdclass, rdtype, rdata = line.split(maxsplit=4)
            section.append(dns.rrset.from_text(name, int(ttl), rdclass, rdtype, rdata))
    return response


class NameServer:
    """A name server over UDP and TCP whose answers `handler` makes; None is silence."""

    def __init__(self, handler: Handler, tcp_handler: Handler | None = None) -> None:
        self.handler = handler
        self._tcp_handler = tcp_handler
        self.questions: list[str] = []
        self.tcp_questions: list[str] = []
        self.queries: list[dns.message.Message] = []
        self.clients: list[tuple[str, int]] = []
        self.address = config.NameServer("127.0.0.1")
        self.transport: asyncio.DatagramTransport

    def answer(self, wire: bytes, *, tcp: bool) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0].to_text().replace(". IN ", " ")
        (self.tcp_questions if tcp else self.questions).append(question)
        self.queries.append(query)
        answer = ((tcp and self._tcp_handler) or self.handler)(query)
        return answer.to_wire(max_size=65535) if isinstance(answer, dns.message.Message) else answer

    def send(self, message: dns.message.Message | bytes, client: tuple[str, int]) -> None:
        """Send a datagram beside the answer, if there is one."""
        wire = message.to_wire() if isinstance(message, dns.message.Message) else message
        self.transport.sendto(wire, client)

    async def serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            answer = self.answer(await reader.readexactly(length), tcp=True)
            if answer is not None:
                writer.write(struct.pack("!H", len(answer)) + answer)
        finally:
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._server.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.clients.append(addr)
        answer = self._server.answer(data, tcp=False)
        if answer is not None:
            self._server.send(answer, addr)


@asynccontextmanager
async def name_server(
    handler: Handler, tcp_handler: Handler | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[NameServer]:
    server = NameServer(handler, tcp_handler)
    loop = asyncio.get_running_loop()
    for_tcp, for_udp = _same_port(host)
    udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(server), sock=for_udp)
    async with stream_server(server.serve_tcp, sock=for_tcp) as port:
        server.address = config.NameServer(host, port)
        try:
            yield server
        finally:
            udp.close()


def _same_port(host: str) -> tuple[socket.socket, socket.socket]:
    """Return a socket for TCP and one for UDP, bound to a port that is free for both."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        tcp, udp = (
            socket.socket(family, socket.SOCK_STREAM),
            socket.socket(family, socket.SOCK_DGRAM),
        )
        tcp.bind((host, 0))
        try:
            udp.bind(tcp.getsockname()[:2])
        except OSError:  # somebody has it for UDP
            tcp.close()
            udp.close()
        else:
            return tcp, udp


def addresses_of(*addresses: str) -> Handler:
    """Return a handler under which every name has `addresses`, and nothing else."""

    def handler(query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        wanted = "AAAA" if question.rdtype == 28 else "A" if question.rdtype == 1 else ""
        return respond(
            query,
            *(
                f"{question.name} 300 IN {wanted} {address}"
                for address in addresses
                if wanted == ("AAAA" if ":" in address else "A")
            ),
        )

    return handler


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def stream_server(
    serve: Serve,
    context: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    sock: socket.socket | None = None,
) -> AsyncIterator[int]:
    """Serve each connection with `serve`, over TLS where there is a `context`; yield the port.

    It is that of `sock`, a bound one, if there is one.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.transport.abort()

    if sock is None:
        server = await asyncio.start_server(handle, host, port, ssl=context)
    else:
        server = await asyncio.start_server(handle, sock=sock, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        # What is being accepted becomes a connection, and its handler begins: a server that is
        # closed meanwhile would leave it open for ever (asyncio from Python 3.12 on).
        await _some_turns()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _some_turns()  # what is closed is let go of


async def _some_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def unused_port(host: str = "127.0.0.1") -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        port: int = sock.getsockname()[1]
        return port
