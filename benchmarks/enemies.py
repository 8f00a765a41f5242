"""`python -m benchmarks.enemies dns | hosts DIRECTORY`: what hostile domains have.

It runs inside the namespace. NUMBER.KIND.hostile.example does what KIND says. The name server hands
questions about all other names to the real resolver. It ends when its standard input does.
"""

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import uvloop

from .hosts import BACKLOG, PREFIX, REQUEST_TIMEOUT, Certificates
from .world import POLICY_ID, RESOLVER_ADDRESS

ENEMY_ZONE = "hostile.example"
ENEMY_ADDRESS = "192.0.2.81"
ENEMY_RESOLVER = "127.0.0.3"
ENEMY_CA_FILE = "enemies.pem"
ENEMIES = 300
"""Hostile domains of each kind."""

OWNER = b"\xc0\x0c"  # RFC 1035 §4.1.4: the name of the question
FOLLOWS = struct.Struct("!HHIH")  # type, class, TTL and length
HEADER = struct.Struct("!HHHHHH")
TXT, CNAME, A = 16, 5, 1
MOST = 65_535 - 512
TRUNCATED, ANSWERS = 0x8380, 0x8180
RELAYED = 5.0  # seconds for the real resolver
PAUSE = 1.0  # seconds between two bytes of who drips
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MX_LINES = b"version: STSv1\nmode: enforce\nmax_age: 86400\n" + b"mx: a.b\n" * 8_000


def enemy(kind: str, number: int) -> str:
    """Return the name of a hostile domain."""
    return f"{number}.{kind}.{ENEMY_ZONE}"


def record(rdtype: int, rdata: bytes) -> bytes:
    return OWNER + FOLLOWS.pack(rdtype, 1, 3_600, len(rdata)) + rdata


STUFFED: Mapping[str, bytes] = {
    "cnames": record(CNAME, b"\x01a" + OWNER),
    "txt": record(TXT, b"\x01x"),
}
RECORD_TEXT = f"v=STSv1; id={POLICY_ID};".encode()
RECORD = record(TXT, bytes([len(RECORD_TEXT)]) + RECORD_TEXT)
ADDRESS = record(A, socket.inet_aton(ENEMY_ADDRESS))


def question_of(query: bytes) -> tuple[list[str], int, bytes]:
    """Return the labels and the type of a question, and all of it as it was sent."""
    labels, place = [], HEADER.size
    while size := query[place]:
        labels.append(query[place + 1 : place + 1 + size].decode("latin-1").lower())
        place += size + 1
    return labels, int.from_bytes(query[place + 1 : place + 3]), query[HEADER.size : place + 5]


def answer_of(query: bytes, *, tcp: bool) -> bytes | None:
    """Return what a hostile domain says, nothing where it is silent; None: it is no such one."""
    labels, rdtype, question = question_of(query)
    if not ".".join(labels).endswith(ENEMY_ZONE):
        return None
    kind = labels[-3]
    records: list[bytes] = []
    flags = ANSWERS
    if kind == "silent":
        return b""
    if kind in STUFFED and not tcp:
        flags = TRUNCATED
    elif kind in STUFFED:
        records = [STUFFED[kind]] * (MOST // len(STUFFED[kind]))
    elif rdtype == TXT:
        records = [RECORD]
    elif rdtype == A:
        records = [ADDRESS]
    number = int.from_bytes(query[:2])
    header = HEADER.pack(number, flags, 1, len(records), 0, 0)
    return header + question + b"".join(records)


class Relay(asyncio.DatagramProtocol):
    """Answers hostile questions, and has the real resolver answer all others."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]
        self.tasks: set[asyncio.Task[None]] = set()

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        answer = answer_of(data, tcp=False)
        if answer:
            self.transport.sendto(answer, address)
        elif answer is None:
            task = asyncio.get_running_loop().create_task(self.relay(data, address))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def relay(self, data: bytes, address: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.setblocking(False)
            udp.connect((RESOLVER_ADDRESS, 53))
            udp.send(data)
            try:
                async with asyncio.timeout(RELAYED):
                    self.transport.sendto(await loop.sock_recv(udp, 65_535), address)
            except (OSError, TimeoutError):
                pass  # as the resolver did


async def over_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        query = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        if answer := answer_of(query, tcp=True):
            writer.write(len(answer).to_bytes(2) + answer)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client has gone
    finally:
        writer.close()


# -- policy hosts -----------------------------------------------------------------------------


async def send_continues(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)
        await writer.drain()
        await asyncio.sleep(0)  # drain() need not wait


async def send_chunks(writer: asyncio.StreamWriter) -> None:
    writer.write(CHUNKED)
    while not writer.is_closing():
        writer.write(b"1\r\n#\r\n" * 1_000)
        await writer.drain()
        await asyncio.sleep(0)  # drain() need not wait


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Content-Length: 60000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"#")
        await writer.drain()
        await asyncio.sleep(PAUSE)


async def reset(writer: asyncio.StreamWriter) -> None:
    end = writer.get_extra_info("socket")
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def send_mx_lines(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Content-Length: %d\r\n\r\n" % len(MX_LINES) + MX_LINES)
    await writer.drain()


KINDS = ("continue", "chunks", "drip", "reset", "mx", "cnames", "txt", "silent")
DOES: Mapping[str, Callable[[asyncio.StreamWriter], Awaitable[None]]] = {
    "continue": send_continues,
    "chunks": send_chunks,
    "drip": drip,
    "reset": reset,
    "mx": send_mx_lines,
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT):
            request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            kind = next(kind for kind in DOES if f".{kind}.{ENEMY_ZONE}" in request)
            await DOES[kind](writer)
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        pass  # the client has gone, as it should
    finally:
        writer.close()


async def run_dns() -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Relay, local_addr=(ENEMY_RESOLVER, 53))
    server = await asyncio.start_server(over_tcp, ENEMY_RESOLVER, 53, backlog=BACKLOG)
    await until_input_ends(server)


async def run_hosts(directory: Path) -> None:
    certificates = Certificates()
    default = certificates.context(PREFIX + "nobody.invalid")
    default.sni_callback = certificates.choose
    for kind in DOES:
        for number in range(ENEMIES):
            certificates.context(PREFIX + enemy(kind, number))
    server = await asyncio.start_server(serve, ENEMY_ADDRESS, 443, ssl=default, backlog=BACKLOG)
    certificates.ca.cert_pem.write_to_path(str(directory / ENEMY_CA_FILE))
    await until_input_ends(server)


async def until_input_ends(server: asyncio.Server) -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    os._exit(0)  # whatever they are still sending, and to whom


if __name__ == "__main__":
    if sys.argv[1] == "dns":
        uvloop.run(run_dns())
    else:
        # Like other policy hosts they stand for machines elsewhere.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        uvloop.run(run_hosts(Path(sys.argv[2])))
