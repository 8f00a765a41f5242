"""Messages between two processes."""

import asyncio
import socket

import pytest

from mtasts_resolver.worker.channel import MAX_MESSAGE, SNDBUF_OVERHEAD, Channel, socket_pair


class End:
    """A channel whose messages are kept."""

    def __init__(self, end: socket.socket) -> None:
        self.messages: list[bytes] = []
        self.news = asyncio.Event()
        self.over = asyncio.Event()
        self.channel = Channel(end, self._message, self.over.set)

    def _message(self, data: memoryview) -> None:
        self.messages.append(bytes(data))
        self.news.set()

    async def receive(self, count: int) -> list[bytes]:
        async with asyncio.timeout(20):
            while len(self.messages) < count:
                self.news.clear()
                await self.news.wait()
        return self.messages


async def pair() -> tuple[End, End]:
    ours, theirs = socket_pair()
    return End(ours), End(theirs)


async def test_messages_arrive_whole_and_in_order_both_ways() -> None:
    one, two = await pair()
    sent = [b"a", b"b" * MAX_MESSAGE, b"\0", b"c" * 100]
    for message in sent:
        one.channel.send(message)
        two.channel.send(message)
    assert await two.receive(4) == sent
    assert await one.receive(4) == sent
    one.channel.close()
    two.channel.close()


async def test_what_the_other_end_is_slow_to_take_in_waits() -> None:
    one, two = await pair()
    sent = [bytes([number]) * MAX_MESSAGE for number in range(50)]  # far more than a socket holds
    for message in sent:
        one.channel.send(message)
    assert await two.receive(len(sent)) == sent
    one.channel.send(b"last")
    assert (await two.receive(len(sent) + 1))[-1] == b"last"
    one.channel.close()
    two.channel.close()


@pytest.mark.parametrize(
    ("at_once", "seen"),
    [
        (1, ["message", "something else"] * 3 + ["end"]),
        (2, ["message", "message", "something else", "something else", "message", "end"]),
    ],
)
async def test_no_more_messages_than_wanted_are_taken_in_a_turn(
    at_once: int, seen: list[str]
) -> None:
    ours, theirs = socket_pair()
    loop = asyncio.get_running_loop()
    happened: list[str] = []

    def message(_: memoryview) -> None:
        loop.call_soon(happened.append, "something else")
        happened.append("message")

    channel = Channel(theirs, message, lambda: happened.append("end"), at_once=at_once)
    for _ in range(3):
        ours.send(b"x")
    ours.close()
    async with asyncio.timeout(20):
        while "end" not in happened:  # noqa: ASYNC110  turn after turn is the point
            await asyncio.sleep(0)
    assert happened == seen
    channel.close()


async def test_a_channel_may_be_closed_over_a_message() -> None:
    ours, theirs = socket_pair()
    seen: list[bytes] = []

    def message(data: memoryview) -> None:
        seen.append(bytes(data))
        channel.close()

    channel = Channel(theirs, message, lambda: seen.append(b"end"), at_once=2)
    ours.send(b"one")
    ours.send(b"two")
    for _ in range(5):
        await asyncio.sleep(0)
    assert seen == [b"one"]
    ours.close()


async def test_the_end_is_told_once_and_after_all_messages() -> None:
    one, two = await pair()
    one.channel.send(b"last words")
    one.channel.close()
    one.channel.close()
    async with asyncio.timeout(20):
        await two.over.wait()
    assert two.messages == [b"last words"]
    two.channel.send(b"into the void")
    assert not one.over.is_set()


async def test_a_message_that_the_kernel_would_not_take_is_refused() -> None:
    ours, theirs = socket_pair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10_000)  # as net.core.wmem_max would
    one, two = End(ours), End(theirs)
    with pytest.raises(ValueError, match="50,000 bytes"):
        one.channel.send(bytes(50_000))
    most = ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) - SNDBUF_OVERHEAD
    one.channel.send(b"x" * most)
    assert len((await two.receive(1))[0]) == most
    one.channel.close()
    two.channel.close()


@pytest.mark.parametrize("size", [0, MAX_MESSAGE + 1])
async def test_a_message_that_cannot_be_sent_is_a_fault_of_the_caller(size: int) -> None:
    one, two = await pair()
    with pytest.raises(ValueError, match=f"{size:,} bytes"):
        one.channel.send(bytes(size))
    one.channel.close()
    two.channel.close()
