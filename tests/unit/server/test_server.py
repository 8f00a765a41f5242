"""The server as a whole: accepting, refusing, ending."""

import asyncio
import errno
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.server import accept
from mtasts_resolver.server.accept import Server
from mtasts_resolver.server.limits import Limits
from mtasts_resolver.server.listeners import adopt_socket, open_listeners
from tests.events import events
from tests.unit.server.client import (
    DEADLINE,
    LOOPBACK,
    Client,
    Desk,
    FakeClock,
    connected,
    echo,
    encode,
    inet,
    serving,
    unix,
    until,
)

ROOT = Path(__file__).parents[3]


class TestListeners:
    async def test_of_every_kind_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "map"
        async with serving(
            echo,
            LOOPBACK,
            inet("::1"),
            unix(path),
            inet("127.0.0.1", protocol="tcp_table"),
        ) as server:
            for index in (0, 1):
                async with connected(server, index) as client:
                    assert await client.ask("a") == "OK a"
            local = Client(*await asyncio.open_unix_connection(path))
            assert await local.ask("b") == "OK b"
            await local.close()
            async with connected(server, 3) as client:
                client.writer.write(b"get c%20d\n")
                assert await client.reader.readline() == b"200 c%20d\n"
        assert not path.exists()

    async def test_an_adopted_socket(self) -> None:
        server = Server(echo, [adopt_socket("socketmap", socket.create_server(("127.0.0.1", 0)))])
        await server.start()
        async with connected(server) as client:
            assert await client.ask("a") == "OK a"
        await server.close()

    async def test_bad_requests_of_a_local_process(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "map"
        async with serving(echo, unix(path)):
            client = Client(*await asyncio.open_unix_connection(path))
            client.writer.write(b"x")
            assert (await client.receive()).startswith("PERM")
            await client.close()
        fields = {
            "listener": f"unix:{path}",
            "peer": "local",
            "reason": "a netstring does not begin with its length",
            "closed": True,
        }
        assert events(caplog) == [("WARNING", "request-bad", fields)]


class TestLimit:
    @pytest.mark.threat("look-up-connections")
    async def test_the_next_connection_is_closed_at_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with serving(limits=Limits(connections=3)) as server:
            clients = [await Client.connect(server) for _ in range(3)]
            assert [await client.ask("a") for client in clients] == ["OK a"] * 3
            for _ in range(5):
                async with connected(server) as refused:
                    assert await refused.ended()
            assert [await client.ask("b") for client in clients] == ["OK b"] * 3
            counters = server.counters
            assert (counters.connections_accepted, counters.connections_rejected) == (3, 5)
            assert counters.connections_open == 3

            await clients.pop().close()
            await until(lambda: counters.connections_open == 2)
            async with connected(server) as next_one:
                assert await next_one.ask("c") == "OK c"
            for client in clients:
                await client.close()
        fields = {
            "listener": server.listeners[0].name,
            "open": 3,
            "reason": "the limit of connections is reached",
        }
        assert events(caplog) == [("WARNING", "connection-rejected", fields)]

    async def test_is_over_all_listeners(self) -> None:
        one = Limits(connections=1)
        async with (
            serving(echo, LOOPBACK, LOOPBACK, limits=one) as server,
            connected(server, 0) as first,
        ):
            assert await first.ask("a") == "OK a"
            async with connected(server, 1) as second:
                assert await second.ended()

    async def test_a_burst_of_connections(self) -> None:
        """More than one batch of accepting, and none is lost."""
        async with serving() as server:
            clients = await asyncio.gather(*(Client.connect(server) for _ in range(300)))
            replies = await asyncio.gather(*(client.ask("a") for client in clients))
            assert replies == ["OK a"] * 300
            assert server.counters.connections_open == 300
            for client in clients:
                await client.close()
            await until(lambda: server.counters.connections_open == 0)


@pytest.mark.parametrize("late", [False, True])
async def test_a_connection_that_the_system_cannot_serve_is_forgotten(
    late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*args: object) -> None:
        if late:
            future = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(future.set_result, None)
            await future
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    async with serving() as server:
        with monkeypatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), "connect_accepted_socket", fail)
            async with connected(server) as client:
                assert await client.ended()
        assert server.counters.connections_open == 0
        async with connected(server) as client:
            assert await client.ask("a") == "OK a"


async def test_the_sweep_runs_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept, "SWEEP_INTERVAL", 0.01)
    clock = FakeClock()
    async with serving(clock=clock) as server, connected(server) as client:
        assert await client.ask("a") == "OK a"
        clock.now += Limits().idle
        assert await client.ended()


class TestEnd:
    async def test_after_stop_accepting_connections_live_on(self) -> None:
        async with serving() as server, connected(server) as client:
            assert await client.ask("a") == "OK a"
            server.stop_accepting()
            with pytest.raises(ConnectionRefusedError):
                await Client.connect(server)
            assert await client.ask("b") == "OK b"

    async def test_drain_answers_what_is_in_hand(self) -> None:
        desk = Desk()
        keys = [f"cold{i}" for i in range(200)]  # more than are asked at once
        async with serving(desk) as server:
            busy, idle, half = [await Client.connect(server) for _ in range(3)]
            assert await idle.ask("a") == "OK a"
            half.writer.write(encode("a") + b"9:half")
            assert await half.receive() == "OK a"
            busy.send(*keys)
            await until(lambda: len(desk.waiting) == 128)
            server.stop_accepting()
            drained = asyncio.create_task(server.drain(20))
            assert await idle.ended()
            assert await half.ended()
            for key in keys:
                await until(lambda: key in desk.waiting)  # noqa: B023  awaited in the same turn
                desk.settle(key)
            assert await busy.receive_all(200) == [f"OK {key}" for key in keys]
            assert await busy.ended()
            await drained
            assert server.counters.connections_open == 0
            for client in (busy, idle, half):
                await client.close()

    async def test_drain_is_bounded_and_the_rest_is_temporary(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        cancelled: list[str] = []

        async def answer(request: Request) -> Reply:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                cancelled.append(request.key)
                raise
            return Reply(Status.NOTFOUND)

        async with serving(answer) as server, connected(server) as client:
            client.send("a", "b")
            await until(lambda: server.counters.requests == 2)
            await server.drain(0.01)
            await server.close()
            stopping = "TEMP mtasts-resolver is stopping, ask again"
            assert await client.receive_all(2) == [stopping, stopping]
            assert await client.ended()
            await until(lambda: cancelled == ["a", "b"])
        fields = {"connections": 1, "seconds": 0.01}
        assert events(caplog) == [("WARNING", "drain-incomplete", fields)]

    async def test_close_ends_everything_also_a_peer_that_does_not_read(self) -> None:
        tasks = asyncio.all_tasks()

        async def answer(request: Request) -> Reply:
            if request.key == "never":
                await asyncio.get_running_loop().create_future()
            return Reply(Status.OK, "x" * 90_000)

        async with serving(answer) as server:
            deaf, waiting = await Client.connect(server), await Client.connect(server)
            deaf.transport.pause_reading()
            deaf.send(*("k" for _ in range(1_000)))
            waiting.send("never")
            await until(lambda: server.counters.requests > 1)
            await server.drain(0.01)
            await server.close()
            await server.close()
            assert server.counters.connections_open == 0
            for client in (deaf, waiting):
                client.transport.abort()
        assert asyncio.all_tasks() == tasks

    async def test_what_has_arrived_is_answered(self) -> None:
        """Neither who waits to be accepted is reset, nor whose request was not read yet."""
        async with serving() as server:
            address = server.listeners[0].sock.getsockname()
            accepted = [socket.create_connection(address) for _ in range(20)]
            await until(lambda: server.counters.connections_open == 20)
            waiting = [socket.create_connection(address) for _ in range(40)]
            for sock in accepted + waiting:  # the server sees nothing of it: its loop stands still
                sock.sendall(encode("a") + encode("b"))
            server.stop_accepting()
            await server.drain(DEADLINE)
            for sock in accepted + waiting:
                sock.settimeout(DEADLINE)
                with sock, sock.makefile("rb") as replies:
                    assert replies.read() == b"4:OK a,4:OK b,"

    @pytest.mark.threat("port-taken")
    async def test_who_waits_at_a_socket_that_was_passed_waits_for_the_next_process(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as passed:
            server = Server(echo, [adopt_socket("socketmap", passed.dup())])
            await server.start()
            with socket.create_connection(passed.getsockname(), DEADLINE) as sock:
                sock.sendall(encode("a"))
                server.stop_accepting()
                await server.drain(DEADLINE)
                await server.close()
                assert server.counters.connections_accepted == 0
                following = Server(echo, [adopt_socket("socketmap", passed.dup())])
                await following.start()
                await until(lambda: following.counters.requests == 1)
                assert sock.recv(100) == b"4:OK a,"
                await following.close()

    async def test_close_ends_who_was_accepted_in_the_same_turn(self) -> None:
        async with serving() as server:
            with socket.create_connection(server.listeners[0].sock.getsockname()):
                server.stop_accepting()
                assert server.counters.connections_open == 1
                await server.close()
                assert server.counters.connections_open == 0

    async def test_close_before_start(self) -> None:
        await Server(echo, await open_listeners([LOOPBACK])).close()


async def test_it_may_stop_while_it_waits_for_file_descriptors() -> None:
    async with serving() as server:
        server._pause(server.listeners[0], OSError(errno.EMFILE, "Too many open files"))
        (timer,) = server._paused.values()
        server.stop_accepting()
        assert timer.cancelled()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_without_file_descriptors_it_waits_and_goes_on(loop: str) -> None:
    """Neither a spinning loop, nor a lost listener, nor a lost connection."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.unit.server.starved_server", loop],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        port = int(process.stdout.readline())
        clients = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(20)]
        assert process.stdout.readline() == "pause\n"
        for client in clients[:10]:
            client.sendall(encode("a"))
            client.close()
        for client in clients[10:]:
            client.sendall(encode("b"))
        for client in clients[10:]:
            assert client.recv(100) == b"4:OK b,"
            client.close()
        output, log = process.communicate(timeout=30)
    assert process.returncode == 0
    *pauses, end = output.split()
    assert end == "end"
    assert set(pauses) <= {"pause"}
    assert log.count("event=accept-failed") == 1
    assert "raise the limit of open files" in log
    assert "Traceback" not in log
