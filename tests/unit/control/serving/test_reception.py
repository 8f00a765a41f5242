"""Connections that dawdle, crowd, flood, never read, or go away."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from mtasts_resolver.control import connection, serving
from mtasts_resolver.control.serving import MAX_CONNECTIONS, Reception
from tests.unit.server.client import until

PATIENCE = 20.0  # seconds until something that should have happened is a failure
NEVER = 3_600.0
GET = b"GET / HTTP/1.1\r\nHost: control\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: control\r\nTransfer-Encoding: chunked\r\n\r\n"
BATCH = bytes(100_000)
# What a kernel holds for a unix socket, uvloop's high-water mark, and the batch that goes beyond.
HELD = 1_000_000

START = {"type": "http.response.start", "status": 200, "headers": []}


class Application:
    """Answers in the way that a test wants, and tells what became of its requests."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.batches = 0
        self.received = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        try:
            await getattr(self, scope["path"].strip("/") or "hello")(receive, send)
        finally:
            self.ended += 1

    async def hello(self, _receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"5")]
        await send({**START, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello"})

    async def read(self, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            self.received += len(message.get("body", b""))
            more = message.get("more_body", False)
        await self.hello(receive, send)

    async def stream(self, _receive: Receive, send: Send) -> None:
        await send(START)
        while True:
            await send({"type": "http.response.body", "body": BATCH, "more_body": True})
            self.batches += 1
            await asyncio.sleep(0)

    async def wait(self, _receive: Receive, _send: Send) -> None:
        await asyncio.Event().wait()


@pytest.fixture
def app() -> Application:
    return Application()


@asynccontextmanager
async def served(app: ASGIApp, directory: Path, *, stall: float = NEVER) -> AsyncIterator[str]:
    """Serve `app` at a unix socket, whose path this is."""
    path = str(directory / "socket")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen(MAX_CONNECTIONS)
        sock.setblocking(False)
        serving_it = asyncio.create_task(Reception(path, app, stall=stall).serve(sock))
        try:
            yield path
        finally:
            serving_it.cancel()
            await asyncio.wait([serving_it])


@asynccontextmanager
async def connected(
    path: str, sent: bytes = b""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_unix_connection(path, limit=10_000)
    try:
        writer.write(sent)
        yield reader, writer
    finally:
        writer.close()


async def send_for_ever(writer: asyncio.StreamWriter, data: bytes, pause: float = 0.0) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if writer.transport.is_closing():  # uvloop before 0.22 would call it a fault of ours
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(pause)


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the server ends the connection."""
    async with asyncio.timeout(PATIENCE):
        try:
            return await reader.read(-1)
        except ConnectionResetError:
            return b""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.1)
    monkeypatch.setattr(connection, "SENDING", 0.1)
    monkeypatch.setattr(connection, "LOOK", 0.01)


async def test_requests_that_come_together_are_answered_in_order(
    app: Application, tmp_path: Path
) -> None:
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with served(app, tmp_path) as path, connected(path, GET * 500 + last) as (reader, _):
        assert (await all_of(reader)).count(b"hello") == 501


async def test_others_have_their_turns_while_much_is_read(
    app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BITE", 0.0)
    turns, counting = 0, True

    def turn() -> None:
        nonlocal turns
        turns += 1
        if counting:
            asyncio.get_running_loop().call_soon(turn)

    chunks = b"1\r\nx\r\n" * 20_000
    head = CHUNKED.replace(b"POST /", b"POST /read")
    async with served(app, tmp_path) as path:
        turn()
        async with connected(path, head + chunks + b"0\r\n\r\n") as (reader, _):
            await reader.readuntil(b"hello")
        counting = False
    assert app.received == 20_000
    assert turns >= len(chunks) / connection.PIECE


@pytest.mark.parametrize(
    "sent",
    [
        GET.replace(b"\r\n\r\n", b"\r\n" + b"a:\r\n" * 3_000 + b"\r\n"),
        GET.replace(b"\r\n\r\n", b"\r\nCookie: " + b"x" * 100_000),
        CHUNKED.replace(b"/ ", b"/read ") + b"0\r\n" + b"a:\r\n" * 3_000 + b"\r\n",
        CHUNKED.replace(b"/ ", b"/read ") + b"1" * 100_000,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\r\n" * 100_000,
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
@pytest.mark.usefixtures("impatient")
async def test_what_is_no_request_ends_the_connection(
    app: Application, tmp_path: Path, sent: bytes
) -> None:
    async with served(app, tmp_path) as path:
        async with connected(path, sent) as (reader, _):
            assert b"hello" not in await all_of(reader)
        async with connected(path, GET) as (reader, _):
            await reader.readuntil(b"hello")


@pytest.mark.usefixtures("impatient")
async def test_a_body_that_nobody_wants_is_not_read(app: Application, tmp_path: Path) -> None:
    endless = b"POST / HTTP/1.1\r\nHost: control\r\nContent-Length: 1073741824\r\n\r\n"
    async with served(app, tmp_path) as path, connected(path, endless) as (reader, writer):
        assert (await all_of(reader)).endswith(b"hello")
        with pytest.raises(ConnectionError):
            await send_for_ever(writer, BATCH)


async def test_who_is_answered_before_all_was_sent_gets_the_answer_and_may_go_on(
    app: Application, tmp_path: Path
) -> None:
    early = b"POST / HTTP/1.1\r\nHost: control\r\nContent-Length: 2\r\n\r\n"
    async with served(app, tmp_path) as path, connected(path, early) as (reader, writer):
        for _ in range(3):
            async with asyncio.timeout(PATIENCE):
                assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
            writer.write(b"{}" + early)
        assert app.begun == 3


async def test_a_stream_that_nobody_reads_stands_still_and_ends_with_its_reader(
    app: Application, tmp_path: Path
) -> None:
    async with served(app, tmp_path) as path:
        async with connected(path, GET.replace(b"/ ", b"/stream ", 1)):
            last = -1
            while app.batches != last:  # until it stands still
                last = app.batches
                await asyncio.sleep(0.05)
            assert 0 < last * len(BATCH) < HELD
            assert app.ended == 0
        await until(lambda: app.ended == 1)


@pytest.mark.usefixtures("impatient")
async def test_who_never_takes_an_answer_is_shown_out(app: Application, tmp_path: Path) -> None:
    async with (
        served(app, tmp_path, stall=0.1) as path,
        connected(path, GET.replace(b"/ ", b"/stream ", 1)),
    ):
        await until(lambda: app.ended == 1)


@pytest.mark.usefixtures("impatient")
async def test_who_never_sends_the_rest_of_a_request_is_shown_out(
    app: Application, tmp_path: Path
) -> None:
    begun = b"POST /read HTTP/1.1\r\nHost: control\r\nContent-Length: 10\r\n\r\nx"
    async with served(app, tmp_path) as path, connected(path, begun) as (reader, _):
        assert await all_of(reader) == b""
        assert app.ended == app.begun == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("before", [b"", GET])
async def test_who_sends_a_request_byte_by_byte_is_shown_out(
    app: Application, tmp_path: Path, before: bytes
) -> None:
    async with served(app, tmp_path) as path, connected(path, before) as (reader, writer):
        if before:
            await reader.readuntil(b"hello")
        with pytest.raises(ConnectionError):
            await send_for_ever(writer, b"G", pause=0.01)


@pytest.mark.usefixtures("impatient")
async def test_a_request_that_takes_its_time_is_waited_for(
    app: Application, tmp_path: Path
) -> None:
    async with (
        served(app, tmp_path, stall=0.1) as path,
        connected(path, GET.replace(b"/ ", b"/wait ", 1)) as (reader, _),
    ):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await reader.read()


async def test_a_request_ends_with_its_connection(app: Application, tmp_path: Path) -> None:
    async with served(app, tmp_path) as path:
        async with connected(path, GET.replace(b"/ ", b"/wait ", 1)):
            await until(lambda: app.begun == 1)
        await until(lambda: app.ended == 1)


async def test_a_crowd_waits_until_there_is_room(app: Application, tmp_path: Path) -> None:
    waiting = GET.replace(b"/ ", b"/wait ", 1)
    async with served(app, tmp_path) as path:
        crowd = [await asyncio.open_unix_connection(path) for _ in range(MAX_CONNECTIONS)]
        for _, writer in crowd:
            writer.write(waiting)
        await until(lambda: app.begun == MAX_CONNECTIONS)
        async with connected(path, GET) as (reader, _):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await reader.read(1)
            crowd[0][1].close()
            await reader.readuntil(b"hello")
        for _, writer in crowd:
            writer.close()
        await until(lambda: app.ended == app.begun)


async def test_the_end_leaves_nothing(
    app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "LAST_WORD", 0.1)
    async with served(app, tmp_path) as path:
        idle = await asyncio.open_unix_connection(path)
        stuck = await asyncio.open_unix_connection(path)
        stuck[1].write(GET.replace(b"/ ", b"/stream ", 1))
        await until(lambda: app.begun == 1)
    assert app.ended == 1
    assert await all_of(idle[0]) == b""
    assert len(asyncio.all_tasks()) == 1
    for _, writer in (idle, stuck):
        writer.close()
