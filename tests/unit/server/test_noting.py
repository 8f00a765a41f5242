"""Look-ups are noted behind their answers while somebody wants to know, and only then."""

import asyncio
from collections.abc import Awaitable

from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import Reply, Status, Tally, TimedReply
from tests.unit.server.client import Desk, connected, encode, serving, until

Noted = tuple[str, str, str, str, bool]


class Notes:
    """What was noted, but for the times."""

    def __init__(self) -> None:
        self.noted: list[Noted] = []

    def __call__(
        self, request: Request, reply: Reply, would_be: str, cached: bool, seconds: float
    ) -> None:
        assert seconds >= 0
        self.noted.append((*request, str(reply), would_be, cached))


class Book:
    """Replies that stand ready from the second look-up on."""

    def __init__(self) -> None:
        self.held: dict[Request, TimedReply] = {}

    def __call__(self, request: Request) -> TimedReply | Awaitable[Reply]:
        if request.key == "bug":
            raise ZeroDivisionError
        if request.key == "cold":
            return self.later()
        tally = Tally(would_be="secure" if request.key == "observed" else "")
        reply = Reply(Status.OK, request.key)
        return self.held.setdefault(request, TimedReply(reply, float("inf"), tally=tally))

    async def later(self) -> Reply:
        await asyncio.sleep(0)
        return Reply(Status.NOTFOUND)


async def test_each_look_up_is_noted_once_with_its_answer() -> None:
    notes = Notes()
    async with serving(Book()) as server:
        server.note_answers(notes)
        async with connected(server) as client:
            for key in ("hot", "hot", "hot", "observed", "observed", "cold", "bug"):
                await client.ask(key)
            client.writer.write(encode("hot") + encode("cold") + b"0:,")
            await client.receive_all(3)
    ready = ("default", "hot", "OK hot", "", True)
    observed = ("default", "observed", "OK observed", "secure", True)
    cold = ("default", "cold", "NOTFOUND", "", False)
    bug = ("default", "bug", "TEMP internal error, see the log of mtasts-resolver", "", False)
    assert notes.noted == [ready, ready, ready, observed, observed, cold, bug, ready, cold]


async def test_connections_that_are_open_begin_to_note_and_end() -> None:
    notes = Notes()
    async with serving(Book()) as server, connected(server) as client:
        await client.ask("hot")
        server.note_answers(notes)
        await client.ask("hot")
        await client.ask("hot")
        assert len(notes.noted) == 2
        server.note_answers(None)
        await client.ask("hot")
        assert len(notes.noted) == 2
        async with connected(server) as other:
            await other.ask("hot")
        assert len(notes.noted) == 2


async def test_an_answer_that_is_awaited_while_noting_ends_is_not_noted() -> None:
    notes, desk = Notes(), Desk()
    async with serving(desk) as server, connected(server) as client:
        server.note_answers(notes)
        client.send("cold")
        await until(lambda: "cold" in desk.waiting)
        server.note_answers(None)
        desk.settle("cold")
        assert await client.receive() == "OK cold"
        assert notes.noted == []


async def test_an_answer_that_nobody_waits_for_any_more_is_not_noted() -> None:
    notes, desk = Notes(), Desk()
    async with serving(desk) as server:
        server.note_answers(notes)
        async with connected(server) as client:
            client.send("cold")
            await until(lambda: "cold" in desk.waiting)
            client.reset()
            await until(lambda: server.counters.connections_open == 0)
        desk.waiting["cold"].cancel()
        await asyncio.sleep(0)
        assert notes.noted == []
