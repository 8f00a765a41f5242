"""A way in whose program was replaced, or has a bug, before anybody came."""

import asyncio
import importlib
import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import msgspec
import pytest

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.control import door, unavailable
from mtasts_resolver.control.door import Door, Opened
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.problem import Problem
from tests.events import events

PATIENCE = 20.0  # seconds until something that should have happened is a failure
MODULE = "behind_the_door"
WELL = """
from starlette.responses import PlainTextResponse
def application(sources):
    return PlainTextResponse("hello")
"""
OF_ANOTHER_VERSION = "from mtasts_resolver.base import of_the_next_version"
WITH_A_BUG = "def application(sources): return 1 / 0"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of what is imported when somebody comes."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(door, "IMPORT_PAUSE", 0.05)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    return tmp_path / f"{MODULE}.py"


@asynccontextmanager
async def a_door(directory: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Have a door in a directory; this asks at it."""
    path = str(directory / "socket")

    def open_socket() -> Opened:
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        sock.bind(path)
        sock.listen()
        return Opened(sock, path)

    way_in = Door("control", open_socket, MODULE, stall=60.0)
    way_in.open()
    sources = cast("Sources", SimpleNamespace(clock=SystemClock()))
    running = asyncio.create_task(way_in.run(sources))
    transport = httpx.AsyncHTTPTransport(uds=path)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
            yield client
    finally:
        running.cancel()
        await asyncio.wait([running])
        way_in.close()


def replace(program: Path, text: str) -> None:
    program.write_text(text)
    importlib.invalidate_caches()
    sys.modules.pop(MODULE, None)


@pytest.mark.parametrize("fault", [OF_ANOTHER_VERSION, WITH_A_BUG])
async def test_who_cannot_be_served_is_told_at_once_and_served_once_that_is_mended(
    program: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level(logging.INFO, "mtasts_resolver")
    replace(program, fault)
    async with a_door(tmp_path) as client:
        for request in (client.get("/"), client.get("/"), client.post("/", content=bytes(1 << 20))):
            answer = await request
            assert answer.status_code == 503
            assert "restart" in msgspec.json.decode(answer.content, type=Problem).action
        replace(program, WELL)
        async with asyncio.timeout(PATIENCE):
            while (answer := await client.get("/")).status_code == 503:
                pass
        assert answer.text == "hello"
    told = [logged.event for logged in events(caplog)]
    assert told == ["listening", "not-serving", "serving-again"]


async def test_who_says_nothing_keeps_nobody_from_being_told(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "IMPORT_PAUSE", 60.0)
    monkeypatch.setattr(unavailable, "PATIENCE", 0.1)
    replace(program, OF_ANOTHER_VERSION)
    async with a_door(tmp_path) as client:
        silent = [
            await asyncio.open_unix_connection(tmp_path / "socket")
            for _ in range(2 * unavailable.MAX_CONNECTIONS)
        ]
        assert (await client.get("/")).status_code == 503
        for reader, writer in silent:
            assert await reader.read() == b""
            writer.close()
