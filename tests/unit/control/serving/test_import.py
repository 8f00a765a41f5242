"""Who sends lines without end to the API, or none at all."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from mtasts_resolver.control import connection
from mtasts_resolver.control.api import app
from mtasts_resolver.control.api.app import MAX_LINE
from mtasts_resolver.control.connection import MAX_SURPLUS
from mtasts_resolver.control.values.problem import Problem
from tests.unit.control.serving.test_reception import (
    HELD,
    PATIENCE,
    all_of,
    connected,
    served,
)
from tests.unit.control.sources import sources_of
from tests.unit.knowledge.world import World, document
from tests.unit.server.client import until

IMPORT = b"POST /v1/import HTTP/1.1\r\nHost: control\r\nTransfer-Encoding: chunked\r\n\r\n"
DOMAINS = b"GET /v1/domains HTTP/1.1\r\nHost: control\r\nConnection: close\r\n\r\n"
POLICY = msgspec.json.encode(
    {
        "domain": "good.example",
        "id": "1",
        "fetched": "2027-01-15T08:00:00Z",
        "document": document(),
    }
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def path(world: World, tmp_path: Path) -> AsyncIterator[str]:
    """Where the API is served, of a daemon in a small world."""
    async with served(app.application(sources_of(world)), tmp_path) as path:
        yield path


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the status and the body of an answer."""
    async with asyncio.timeout(PATIENCE):
        status, *headers = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(header.lower().split(": ", 1) for header in headers if header)
        return int(status.split()[1]), await reader.readexactly(int(fields["content-length"]))


async def sent_for_ever(writer: asyncio.StreamWriter, data: bytes) -> int:
    """Send again and again; return how many bytes the server took before it hung up."""
    sent = 0
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                writer.write(data)
                await writer.drain()
                sent += len(data)
    except ConnectionError:
        return sent


async def test_a_line_without_end_is_refused_and_hardly_read(path: str) -> None:
    async with connected(path, IMPORT) as (reader, writer):
        sending = asyncio.create_task(sent_for_ever(writer, chunk(b"x" * 10_000)))
        status, body = await answer(reader)
        assert status == 413
        problem = msgspec.json.decode(body, type=Problem)
        assert problem.error == f"a line has more than {MAX_LINE:,} bytes"
        assert MAX_LINE < await sending < MAX_LINE + MAX_SURPLUS + HELD


@pytest.mark.parametrize("lines", [POLICY + b"\n", b"\n" * 50, b"  \r\n"])
async def test_lines_without_end_are_refused_and_what_came_before_is_held(
    path: str, world: World, monkeypatch: pytest.MonkeyPatch, lines: bytes
) -> None:
    monkeypatch.setattr(app, "MAX_LINES", 100)
    async with connected(path, IMPORT + chunk(POLICY + b"\n")) as (reader, writer):
        sending = asyncio.create_task(sent_for_ever(writer, chunk(lines)))
        status, body = await answer(reader)
        assert status == 413
        problem = msgspec.json.decode(body, type=Problem)
        assert problem.error == "there are more than 100 lines"
        assert problem.action == "send the others in another request"
        assert await sending < 100 * len(lines) + MAX_SURPLUS + HELD
    held = world.sts.policies.get("good.example")
    assert held is not None
    assert held.stored is not None


async def test_as_many_lines_as_may_be_are_taken(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MAX_LINES", 3)
    lines = chunk(POLICY + b"\n\n" + POLICY + b"\n") + b"0\r\n\r\n"
    last = IMPORT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with connected(path, last + lines) as (reader, _):
        told = await all_of(reader)
    assert told.startswith(b"HTTP/1.1 200 ")
    assert told.count(b'"outcome":"imported"') == told.count(b'"outcome":"known"') == 1


async def test_who_sends_nothing_is_shown_out_and_meanwhile_others_are_answered(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SENDING", 0.2)
    monkeypatch.setattr(connection, "LOOK", 0.01)
    before = len(asyncio.all_tasks())
    async with connected(path, IMPORT + chunk(POLICY + b"\n")) as (silent, _):
        async with connected(path, DOMAINS) as (reader, _):
            assert (await all_of(reader)).startswith(b"HTTP/1.1 200 ")
        assert await all_of(silent) == b""
    await until(lambda: len(asyncio.all_tasks()) == before)
