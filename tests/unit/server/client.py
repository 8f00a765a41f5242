"""A server on a free port of the loopback, and a client that speaks socketmap to it."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, cast

from mtasts_resolver.config import InetAddress, ListenerConfig, ProtocolName, UnixAddress
from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.server.accept import Server
from mtasts_resolver.server.connection import Responder
from mtasts_resolver.server.limits import Limits
from mtasts_resolver.server.listeners import open_listeners

DEADLINE = 20.0  # seconds; only a broken test waits so long


def inet(host: str, port: int = 0, protocol: ProtocolName = "socketmap") -> ListenerConfig:
    return ListenerConfig(protocol=protocol, address=InetAddress(host, port))


def unix(path: Path, **more: Any) -> ListenerConfig:
    return ListenerConfig(protocol="socketmap", address=UnixAddress(str(path)), **more)


LOOPBACK = inet("127.0.0.1")


class FakeClock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """Answers that come when the test says so: the `answer` of a server."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[Reply]] = {}

    def __call__(self, request: Request) -> Reply | Awaitable[Reply]:
        if request.key.startswith("cold"):
            future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            self.waiting[request.key] = future
            return future
        return echo(request)

    def settle(self, key: str) -> None:
        self.waiting[key].set_result(Reply(Status.OK, key))


def echo(request: Request) -> Reply:
    return Reply(Status.OK, request.key)


def encode(key: str, map_name: str = "default") -> bytes:
    payload = f"{map_name} {key}".encode()
    return b"%d:%b," % (len(payload), payload)


class Client:
    """One connection to a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, server: Server, index: int = 0) -> Self:
        host, _, port = server.listeners[index].name.removeprefix("inet:").rpartition(":")
        return cls(*await asyncio.open_connection(host.strip("[]"), int(port)))

    def send(self, *keys: str) -> None:
        self.writer.write(b"".join(encode(key) for key in keys))

    async def receive(self) -> str:
        """Return the next reply; EOFError where the connection ends instead."""
        async with asyncio.timeout(DEADLINE):
            length = int((await self.reader.readuntil(b":"))[:-1])
            return (await self.reader.readexactly(length + 1))[:-1].decode()

    async def receive_all(self, count: int) -> list[str]:
        return [await self.receive() for _ in range(count)]

    async def ask(self, key: str) -> str:
        self.send(key)
        return await self.receive()

    async def ended(self) -> bool:
        """Wait for the end of the connection; tell whether nothing came before it."""
        async with asyncio.timeout(DEADLINE):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True

    @property
    def transport(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self.writer.transport)

    def reset(self) -> None:
        """End the connection by a TCP reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        try:
            async with asyncio.timeout(DEADLINE):
                await self.writer.wait_closed()
        except ConnectionError:
            pass


@asynccontextmanager
async def serving(
    answer: Responder = echo,
    *listen: ListenerConfig,
    limits: Limits | None = None,
    clock: Callable[[], float] | None = None,
) -> AsyncIterator[Server]:
    """Run a server, by default one that echoes keys as socketmap on the loopback."""
    listeners = await open_listeners(listen or [LOOPBACK])
    more = {} if clock is None else {"clock": clock}
    server = Server(answer, listeners, limits=limits, **more)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def connected(server: Server, index: int = 0) -> AsyncIterator[Client]:
    client = await Client.connect(server, index)
    try:
        yield client
    finally:
        await client.close()


async def until(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds; fail when it does not within DEADLINE."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110  conditions are of any kind, and bounded in time
            await asyncio.sleep(0.001)
