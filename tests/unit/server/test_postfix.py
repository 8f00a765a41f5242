"""What real Postfix reads from our bytes, by postmap(1)."""

import asyncio
import os
import shutil
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mtasts_resolver.config import ListenerConfig
from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.postfix.socketmap import MAX_REPLY as SOCKETMAP_MAX
from mtasts_resolver.postfix.tcp_table import MAX_REPLY as TCP_TABLE_MAX
from mtasts_resolver.server.accept import Server
from tests.unit.server.client import inet, serving, unix

pytestmark = pytest.mark.skipif(shutil.which("postmap") is None, reason="needs Postfix's postmap")

SECURE = "secure match=mx.a.example:.b.example servername=hostname"
SHORT = Reply(Status.OK, "short")
ANSWERS = {
    "secure.example": Reply(Status.OK, SECURE),
    "percent.example": Reply(Status.OK, "100% {bücher} %41\tx"),
    "none.example": Reply(Status.NOTFOUND),
    "temp.example": Reply(Status.TEMP, "the name servers of 100% all failed"),
    "perm.example": Reply(Status.PERM, "it is forbidden"),
    "bücher.example": Reply(Status.OK, "u-label"),
    "two words": Reply(Status.OK, "two"),
    "100%.example": Reply(Status.OK, "escaped"),
    "longest-socketmap.example": Reply(Status.OK, "x" * (SOCKETMAP_MAX - len("OK "))),
    "longer-socketmap.example": Reply(Status.OK, "x" * (SOCKETMAP_MAX - len("OK ") + 1), SHORT),
    "longest-tcp.example": Reply(Status.OK, "x" * (TCP_TABLE_MAX - len("200 "))),
    "longer-tcp.example": Reply(Status.OK, "x" * (TCP_TABLE_MAX - len("200 ") + 1), SHORT),
}

Postmap = Callable[..., Awaitable[tuple[int, str, str]]]


def answer(request: Request) -> Reply:
    if request.map_name not in {"", "names"}:
        return Reply(Status.PERM, f"no map {request.map_name}")
    return ANSWERS[request.key]


@pytest.fixture
def postmap(tmp_path: Path) -> Postmap:
    """Return a function of key and table: exit code, standard output, standard error.

    With the key `-` Postfix asks for each line of `typed`, over one connection.
    """
    main_cf = tmp_path / "main.cf"
    main_cf.write_text("compatibility_level = 3.6\nmaillog_file =\n")
    os.utime(main_cf, (0, 0))  # Postfix waits two seconds for a file that was just written

    async def run(key: str, table: str, typed: str = "") -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *("postmap", "-c", str(tmp_path), "-q", key, table),
            # Whoever reads no key there may be gone before anything is written to it.
            stdin=asyncio.subprocess.PIPE if key == "-" else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(typed.encode() if key == "-" else None)
        assert process.returncode is not None
        return process.returncode, out.decode().rstrip("\n"), err.decode()

    return run


def table_of(server: Server) -> str:
    """Return how Postfix names what the server answers."""
    (listener,) = server.listeners
    if listener.protocol == "tcp_table":
        return listener.name.replace("inet:", "tcp:")
    return f"socketmap:{listener.name}:names"


SOCKETMAP, TCP_TABLE = inet("127.0.0.1"), inet("127.0.0.1", protocol="tcp_table")
FOUND = [
    ("secure.example", SECURE),
    ("percent.example", "100% {bücher} %41\tx"),
    ("bücher.example", "u-label"),
    ("two words", "two"),
    ("100%.example", "escaped"),
]


@pytest.mark.parametrize("listen", [SOCKETMAP, TCP_TABLE], ids=["socketmap", "tcp"])
class TestBoth:
    @pytest.mark.parametrize(("key", "value"), FOUND)
    async def test_found(
        self, postmap: Postmap, listen: ListenerConfig, key: str, value: str
    ) -> None:
        async with serving(answer, listen) as server:
            assert await postmap(key, table_of(server)) == (0, value, "")

    async def test_not_found(self, postmap: Postmap, listen: ListenerConfig) -> None:
        async with serving(answer, listen) as server:
            assert await postmap("none.example", table_of(server)) == (1, "", "")

    @pytest.mark.parametrize("key", ["temp.example", "perm.example"])
    async def test_an_error_is_not_not_found(
        self, postmap: Postmap, listen: ListenerConfig, key: str
    ) -> None:
        async with serving(answer, listen) as server:
            code, out, err = await postmap(key, table_of(server))
            assert (code, out) == (1, "")
            assert "error" in err


@pytest.mark.row("A3")
@pytest.mark.parametrize(
    ("listen", "key", "length"),
    [
        (SOCKETMAP, "longest-socketmap.example", SOCKETMAP_MAX - len("OK ")),
        (SOCKETMAP, "longer-socketmap.example", len(SHORT.text)),
        (TCP_TABLE, "longest-tcp.example", TCP_TABLE_MAX - len("200 ")),
        (TCP_TABLE, "longer-tcp.example", len(SHORT.text)),
    ],
)
async def test_the_longest_reply(
    postmap: Postmap, listen: ListenerConfig, key: str, length: int
) -> None:
    async with serving(answer, listen) as server:
        code, out, err = await postmap(key, table_of(server))
        assert (code, len(out), err) == (0, length, "")


async def test_over_a_unix_socket(postmap: Postmap, tmp_path: Path) -> None:
    async with serving(answer, unix(tmp_path / "map")) as server:
        code, out, _ = await postmap("secure.example", table_of(server))
        assert (code, out) == (0, SECURE)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("temp.example", "temporary error: the name servers of 100% all failed"),
        ("perm.example", "permanent error: it is forbidden"),
    ],
)
@pytest.mark.row("A4")
async def test_a_socketmap_shows_the_reason_of_an_error(
    postmap: Postmap, key: str, words: str
) -> None:
    async with serving(answer) as server:
        assert words in (await postmap(key, table_of(server)))[2]


@pytest.mark.parametrize("ending", ["reset", "end"])
@pytest.mark.parametrize("table", ["socketmap:inet:127.0.0.1:{}:default", "tcp:127.0.0.1:{}"])
async def test_a_request_whose_connection_ends_is_sent_again(
    postmap: Postmap, table: str, ending: str
) -> None:
    """As one that arrives in the very instant in which a daemon that stops closes it."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(1_000):
            requests.append(request)
            if len(requests) == 2:
                if ending == "reset":
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                break
            writer.write(b"4:OK x," if table.startswith("socketmap") else b"200 x\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        code, out, _ = await postmap("-", table.format(port), "a\nb\nc\n")
    assert (code, out.split()) == (0, ["a", "x", "b", "x", "c", "x"])
    assert len(requests) == 4
    assert requests[1] == requests[2]
