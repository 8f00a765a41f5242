"""The states of a connection: whatever happens, in whatever order, they are as they are drawn."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import cast

from hypothesis import example, given
from hypothesis import strategies as st

from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.server.state import State
from tests.unit.server.wire import ByHand, connect, netstring

HOT, COLD = netstring("default", "hot"), netstring("default", "cold")
DATA = st.sampled_from(
    [HOT, COLD, HOT + COLD + HOT, HOT * 5, HOT * 2 + b"x", HOT[:9], COLD + HOT[:9], b"x"]
)


class Scene:
    """A connection, and what its peer and the server do with it: each method is an event."""

    now = 0.0

    def __init__(self, loop: asyncio.AbstractEventLoop, kernel: socket.socket) -> None:
        self.loop = loop
        self.asked: list[str] = []
        self.failed = False
        self.awaited: list[asyncio.Future[Reply]] = []
        self.made, self.wire, shared = connect(self, kernel)
        self.turns = cast("ByHand", shared.turns)

    @property
    def state(self) -> State:
        return self.made._state

    def answer(self, request: Request) -> Reply | Awaitable[Reply]:
        self.asked.append(request.key)
        if request.key == "hot":
            return Reply(Status.OK, "hot")
        self.awaited.append(self.loop.create_future())
        return self.awaited[-1]

    def send(self, data: bytes) -> None:
        if not self.wire.paused and not self.wire.closed:
            self.made.data_received(data)

    def settle(self) -> None:
        if self.awaited:
            self.awaited.pop().set_result(Reply(Status.OK, "cold"))
            self.loop.run_until_complete(asyncio.sleep(0))

    def hear_end(self) -> None:
        if not self.wire.paused and not self.wire.closed:
            if not self.made.eof_received():
                self.wire.close()
            assert self.state >= State.HEARD_OUT

    def fail(self) -> None:
        """A write has failed: the connection is told that it is lost later."""
        self.failed = True
        self.wire.close()

    def finish(self) -> None:
        lingers = self.wire.half_closed and not self.wire.closed
        self.made.finish()
        assert self.state >= State.DRAINING
        assert not (lingers and self.wire.closed)

    def block(self) -> None:
        self.made.pause_writing()
        assert self.state is not State.AT_REST

    def unblock(self) -> None:
        self.made.resume_writing()

    def turn(self) -> None:
        self.turns.take_all()

    def check(self, before: State) -> None:
        state = self.state
        if state < State.DRAINING:
            assert self.wire.paused is (state is State.PAUSED)
        assert state >= before or before < State.DRAINING
        if state is State.AT_REST:
            assert self.wire.sent.count(b",") >= len(self.asked)
        if before is State.HEARD_OUT and state is State.ENDED:
            assert self.wire.closed
        assert (state is State.ENDED) <= (self.wire.closed or self.wire.half_closed)


EVENTS = [
    *(Scene.settle, Scene.turn, Scene.unblock, Scene.block),
    *(Scene.finish, Scene.hear_end, Scene.fail),
]


@example([COLD, Scene.finish, Scene.settle, Scene.hear_end, Scene.turn], HOT * 2 + b"x")
@example([b"x", Scene.finish], HOT)
@given(st.lists(st.one_of(DATA, st.sampled_from(EVENTS)), max_size=40), DATA)
def test_whatever_happens(script: list[bytes | Callable[[Scene], None]], unread: bytes) -> None:
    ours, theirs = socket.socketpair()
    with closing(asyncio.new_event_loop()) as loop, ours, theirs:
        ours.setblocking(False)
        theirs.send(unread)
        scene = Scene(loop, ours)
        for step in script:
            before = scene.state
            if isinstance(step, bytes):
                scene.send(step)
            else:
                step(scene)
            scene.check(before)
        scene.unblock()
        while scene.turns.due or scene.awaited:
            scene.turn()
            scene.settle()
        replies = re.findall(r"OK (\w+)", scene.wire.sent.decode())
        assert replies == (scene.asked[: len(replies)] if scene.failed else scene.asked)
        scene.made.connection_lost(None)
        assert scene.state is State.ENDED


def test_what_the_kernel_has_is_read_once() -> None:
    """Else a peer that goes on sending would keep the server from ending."""
    ours, theirs = socket.socketpair()
    with closing(asyncio.new_event_loop()) as loop, ours, theirs:
        scene = Scene(loop, ours)
        scene.send(COLD)
        scene.finish()
        for state in (State.READ_OUT, State.ENDED):
            theirs.send(COLD)
            scene.settle()
            assert scene.state is state
        assert scene.wire.sent == netstring("OK", "cold") * 2
