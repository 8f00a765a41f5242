"""One connection: order, bounds, and what a peer may do to it."""

import asyncio
import socket
from collections.abc import Awaitable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import Reply, Status, TimedReply
from mtasts_resolver.server import connection
from mtasts_resolver.server.accept import Server
from mtasts_resolver.server.limits import Limits
from tests.events import events
from tests.unit.server.client import (
    DEADLINE,
    Client,
    Desk,
    FakeClock,
    connected,
    encode,
    serving,
    until,
)

INTERNAL_ERROR = "TEMP internal error, see the log of mtasts-resolver"


class TestOrder:
    async def test_one_after_the_other(self) -> None:
        async with serving() as server, connected(server) as client:
            assert [await client.ask(key) for key in ("a", "b")] == ["OK a", "OK b"]

    async def test_byte_by_byte(self) -> None:
        async with serving() as server, connected(server) as client:
            client.writer.transport.set_write_buffer_limits(0)
            for byte in encode("example.com"):
                client.writer.write(bytes([byte]))
                await client.writer.drain()
            assert await client.receive() == "OK example.com"

    async def test_answers_that_finish_in_reverse(self) -> None:
        desk = Desk()
        keys = ["cold1", "hot", "cold2", "cold3"]
        async with serving(desk) as server, connected(server) as client:
            client.send(*keys)
            await until(lambda: len(desk.waiting) == 3)
            for key in ("cold3", "cold2", "cold1"):
                desk.settle(key)
                await asyncio.sleep(0)
            assert await client.receive_all(4) == [f"OK {key}" for key in keys]

    async def test_a_coroutine_is_awaited(self) -> None:
        async def answer(request: Request) -> Reply:
            await asyncio.sleep(0)
            return Reply(Status.OK, request.key)

        async with serving(answer) as server, connected(server) as client:
            client.send("a", "b")
            assert await client.receive_all(2) == ["OK a", "OK b"]

    async def test_many_in_one_piece(self) -> None:
        keys = [f"k{i}" for i in range(50_000)]
        async with serving() as server, connected(server) as client:
            client.send(*keys)
            assert await client.receive_all(len(keys)) == [f"OK {key}" for key in keys]

    async def test_a_peer_that_has_said_all_is_answered(self) -> None:
        desk = Desk()
        async with serving(desk) as server, connected(server) as client:
            client.send("hot", "cold")
            client.writer.write_eof()
            assert await client.receive() == "OK hot"
            desk.settle("cold")
            assert await client.receive() == "OK cold"
            assert await client.ended()


# A function, as hypothesis runs a method for each event loop on another instance, and objects.
@settings(max_examples=50)
@given(st.lists(st.booleans(), max_size=40), st.randoms(use_true_random=False))
async def test_pipelined_requests_are_answered_as_single_ones(
    colds: list[bool], random: Random
) -> None:
    """Some at once, some later and in any order: the answers are the same, and in order."""
    keys = [f"{'cold' if cold else 'hot'}{i}" for i, cold in enumerate(colds)]
    desk = Desk()
    async with serving(desk) as server, connected(server) as client:
        client.send(*keys)
        await until(lambda: server.counters.requests == len(keys))
        late = list(desk.waiting)
        random.shuffle(late)
        for key in late:
            desk.settle(key)
            await asyncio.sleep(0)
        assert await client.receive_all(len(keys)) == [f"OK {key}" for key in keys]


class TestBackPressure:
    async def test_no_more_than_the_limit_wait_for_answers(self) -> None:
        desk = Desk()
        keys = [f"cold{i}" for i in range(300)]
        async with serving(desk) as server, connected(server) as client:
            client.send(*keys)
            await until(lambda: server.counters.requests >= 128)
            await _another_round_trip(server)
            assert server.counters.requests == 128
            for key in keys:
                while key not in desk.waiting:
                    await _another_round_trip(server)
                assert len(desk.waiting) <= 128
                desk.settle(key)
                desk.waiting.pop(key)
            assert await client.receive_all(300) == [f"OK {key}" for key in keys]

    @pytest.mark.threat("look-up-flood")
    async def test_a_peer_that_does_not_read_is_not_read_from(self) -> None:
        """2,000 answers of 50 kB would be 100 MB in memory: they wait for the peer instead."""
        text = "x" * 50_000
        keys = [f"k{i}" for i in range(2_000)]
        asked: list[str] = []

        def answer(request: Request) -> Reply:
            asked.append(request.key)
            return Reply(Status.OK, text + request.key)

        async with serving(answer) as server, connected(server) as client:
            client.transport.pause_reading()
            client.send(*keys)
            await until(lambda: len(asked) > 0)
            for _ in range(20):
                await _another_round_trip(server)
            # The two kernel buffers of a loopback connection take a few MB.
            assert len(asked) < 1_000
            client.transport.resume_reading()
            assert await client.receive_all(2_000) == [f"OK {text}{key}" for key in keys]

    async def test_answers_that_come_late_wait_for_a_peer_that_does_not_read(self) -> None:
        text = "x" * 90_000
        desk = Desk()
        keys = [f"cold{i}" for i in range(128)]
        async with serving(desk) as server, connected(server) as client:
            client.transport.pause_reading()
            client.send(*keys)
            await until(lambda: len(desk.waiting) == 128)
            (connection,) = server._connections
            assert connection._transport
            for key in reversed(keys):  # so that the first sets all of them free
                desk.waiting[key].set_result(Reply(Status.OK, text))
                await asyncio.sleep(0)
                assert connection._transport.get_write_buffer_size() < 300_000
            client.transport.resume_reading()
            assert await client.receive_all(128) == [f"OK {text}"] * 128


async def _another_round_trip(server: Server) -> None:
    async with connected(server) as other:
        other.writer.write(b"0:,")
        assert (await other.receive()).startswith("PERM")


class TestBadRequests:
    async def test_are_answered_and_the_connection_goes_on(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with serving() as server, connected(server) as client:
            client.writer.write(b"5:a b\0c," + encode("next"))
            assert await client.receive() == "PERM the request holds a control character"
            assert await client.receive() == "OK next"
            assert (server.counters.requests, server.counters.bad_requests) == (1, 1)
            peer = client.writer.get_extra_info("sockname")
        fields = {
            "listener": server.listeners[0].name,
            "peer": f"127.0.0.1:{peer[1]}",
            "reason": "the request holds a control character",
            "closed": False,
        }
        assert events(caplog) == [("WARNING", "request-bad", fields)]

    async def test_one_line_per_reason_and_minute(self, caplog: pytest.LogCaptureFixture) -> None:
        clock = FakeClock()
        async with serving(clock=clock) as server, connected(server) as client:
            client.writer.write(b"0:," * 100 + b"3:a\0b,")
            await client.receive_all(101)
            clock.now += 60
            client.writer.write(b"0:,")
            await client.receive()
        no_map = "the request does not name a map"
        assert [
            (logged.event, logged.fields["reason"], logged.fields.get("left_out"))
            for logged in events(caplog)
        ] == [
            ("request-bad", no_map, None),
            ("request-bad", "the request holds a control character", None),
            ("request-bad", no_map, 99),
        ]

    @pytest.mark.threat("look-up-garbage")
    async def test_garbage_ends_the_connection_after_what_came_before(self) -> None:
        desk = Desk()
        async with serving(desk) as server, connected(server) as client:
            client.send("hot", "cold")
            client.writer.write(b"GET / HTTP/1.1\r\n" + encode("after"))
            assert await client.receive() == "OK hot"
            desk.settle("cold")
            assert await client.receive() == "OK cold"
            assert await client.receive() == "PERM a netstring does not begin with its length"
            assert await client.ended()
            assert server.counters.requests == 2

    async def test_the_answers_arrive_although_the_peer_goes_on_sending(self) -> None:
        """Bytes left unread at the close would reset the connection, and destroy the answers."""
        async with serving() as server, connected(server) as client:
            client.writer.write(encode("a") + b"99999:" + b"x" * 5_000_000)
            await client.writer.drain()
            assert await client.receive() == "OK a"
            assert await client.receive() == "PERM a request is longer than 10,000 bytes"
            assert await client.ended()

    async def test_a_peer_that_never_closes_after_garbage_is_closed(self) -> None:
        clock = FakeClock()
        async with serving(clock=clock) as server, connected(server) as client:
            client.writer.write(b"x")
            assert (await client.receive()).startswith("PERM")
            assert await client.ended()
            assert server.counters.connections_open == 1
            clock.now += Limits().linger
            server.sweep()
            await until(lambda: server.counters.connections_open == 0)


class TestBugs:
    """An exception out of `answer` costs one answer."""

    @pytest.mark.parametrize("late", [False, True])
    async def test_are_logged_and_answered(
        self, late: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def fail() -> Reply:
            await asyncio.sleep(0)
            raise ZeroDivisionError("a bug")

        def answer(request: Request) -> Reply | Awaitable[Reply]:
            if request.key == "fine":
                return Reply(Status.OK, "fine")
            if late:
                return fail()
            raise ZeroDivisionError("a bug")

        async with serving(answer) as server, connected(server) as client:
            client.send("x", "fine", "x")
            assert await client.receive_all(3) == [INTERNAL_ERROR, "OK fine", INTERNAL_ERROR]
            assert (server.counters.requests, server.counters.failed) == (3, 2)
        name = server.listeners[0].name
        assert events(caplog) == [("ERROR", "answer-failed", {"listener": name})]
        (record,) = caplog.records
        assert record.exc_info
        assert record.exc_info[0] is ZeroDivisionError

    async def test_a_cancelled_answer_is_temporary(self) -> None:
        desk = Desk()
        async with serving(desk) as server, connected(server) as client:
            client.send("cold")
            await until(lambda: "cold" in desk.waiting)
            desk.waiting["cold"].cancel()
            assert (await client.receive()).startswith("TEMP mtasts-resolver is stopping")
            assert await client.ask("hot") == "OK hot"


class TestPeersThatGoAway:
    async def test_a_reset_is_silent(self, caplog: pytest.LogCaptureFixture) -> None:
        desk = Desk()
        async with serving(desk) as server:
            client = await Client.connect(server)
            client.send("cold", "hot")
            await until(lambda: "cold" in desk.waiting)
            client.reset()
            await until(lambda: server.counters.connections_open == 0)
            desk.settle("cold")
            await asyncio.sleep(0)
        assert not events(caplog)

    async def test_their_coroutines_are_cancelled(self) -> None:
        cancelled = asyncio.Event()

        async def answer(request: Request) -> Reply:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                cancelled.set()
                raise
            raise AssertionError("nothing sets the future")

        async with serving(answer) as server, connected(server) as client:
            client.send("a")
            await until(lambda: server.counters.requests == 1)
            await _another_round_trip(server)
            client.reset()
            await until(cancelled.is_set)

    async def test_a_future_is_not_cancelled_as_others_may_wait_for_it(self) -> None:
        desk = Desk()
        async with serving(desk) as server:
            async with connected(server) as client:
                client.send("cold")
                await until(lambda: "cold" in desk.waiting)
                client.reset()
                await until(lambda: server.counters.connections_open == 0)
            assert not desk.waiting["cold"].done()


class TestTimeLimits:
    async def test_an_idle_connection_is_closed(self) -> None:
        clock = FakeClock()
        async with serving(clock=clock) as server, connected(server) as client:
            clock.now += 299
            assert await client.ask("a") == "OK a"
            clock.now += 299
            server.sweep()
            assert await client.ask("b") == "OK b"
            clock.now += 300
            server.sweep()
            assert await client.ended()

    async def test_half_a_request_is_closed_sooner(self) -> None:
        clock = FakeClock()
        async with serving(clock=clock) as server, connected(server) as client:
            client.writer.write(encode("a") + encode("b")[:-1])
            assert await client.receive() == "OK a"
            clock.now += 29
            server.sweep()
            client.writer.write(b",1")
            assert await client.receive() == "OK b"
            clock.now += 29
            server.sweep()
            await _another_round_trip(server)
            assert server.counters.connections_open >= 1
            clock.now += 1
            server.sweep()
            assert await client.ended()

    @pytest.mark.threat("look-up-trickle")
    async def test_a_trickle_does_not_prolong_it(self) -> None:
        clock = FakeClock()
        async with serving(clock=clock) as server, connected(server) as client:
            client.writer.write(encode("a") + b"9")
            await client.receive()
            clock.now += 20
            client.writer.write(b":")
            await _another_round_trip(server)
            clock.now += 10
            server.sweep()
            assert await client.ended()

    async def test_half_a_request_that_could_not_be_read_gets_its_time(self) -> None:
        clock, desk, one = FakeClock(), Desk(), Limits(pipelined=1)
        async with (
            serving(desk, limits=one, clock=clock) as server,
            connected(server) as client,
        ):
            client.writer.write(encode("cold") + encode("hot")[:-1])
            await until(lambda: "cold" in desk.waiting)
            clock.now += 100  # in which nothing is read, as one request is unanswered
            desk.settle("cold")
            assert await client.receive() == "OK cold"
            server.sweep()
            client.writer.write(b",")
            assert await client.receive() == "OK hot"

    async def test_a_slow_answer_of_ours_is_not_the_peers_fault(self) -> None:
        clock = FakeClock()
        desk = Desk()
        async with serving(desk, clock=clock) as server, connected(server) as client:
            client.send("cold")
            await until(lambda: "cold" in desk.waiting)
            clock.now += 1_000
            server.sweep()
            desk.settle("cold")
            assert await client.receive() == "OK cold"

    async def test_a_peer_that_does_not_take_its_replies_is_closed(self) -> None:
        clock = FakeClock()

        def answer(request: Request) -> Reply:
            return Reply(Status.OK, "x" * 90_000)

        async with serving(answer, clock=clock) as server, connected(server) as client:
            client.transport.pause_reading()
            client.send(*("k" for _ in range(1_000)))
            await until(lambda: server.counters.requests > 0)
            for _ in range(20):
                await _another_round_trip(server)
            await until(lambda: server.counters.connections_open == 1)
            clock.now += 299
            server.sweep()
            assert server.counters.connections_open == 1
            clock.now += 1
            server.sweep()
            await until(lambda: server.counters.connections_open == 0)
            client.transport.resume_reading()
            await client.ended()


class TestTurns:
    @pytest.mark.threat("look-up-flood")
    async def test_who_has_much_in_hand_makes_nobody_wait(self) -> None:
        """Each of the others goes on for one turn, however much it has sent."""
        greedy = [socket.socket() for _ in range(50)]
        async with serving() as server, connected(server) as modest:
            assert await modest.ask("before") == "OK before"
            for sock in greedy:
                sock.connect(server.listeners[0].sock.getsockname())
                sock.setblocking(False)
                sock.send(encode("x") * 20_000)
            await until(lambda: server.counters.requests > 100)
            waited = []
            for _ in range(20):
                before = server.counters.requests
                assert await modest.ask("x") == "OK x"
                waited.append(server.counters.requests - before)
            assert server.counters.connections_open == 51
            for sock in greedy:
                sock.close()
        assert max(waited) <= len(greedy) + 8 * connection.REQUESTS_PER_TURN

    async def test_long_replies_count_as_many(self) -> None:
        """Of the longest replies a turn holds few."""
        wire = b"x" * 90_000
        timed = TimedReply(Reply(Status.OK, "x"), float("inf"), wire=wire)
        async with serving(lambda _request: timed) as server, connected(server) as client:
            client.send(*("k" * 50))
            counts = [0]
            received = asyncio.create_task(client.reader.readexactly(50 * len(wire)))
            async with asyncio.timeout(DEADLINE):
                while not received.done():
                    await asyncio.sleep(0)
                    counts.append(server.counters.requests)
        assert max(after - before for before, after in pairwise(counts)) <= 3
