"""Replies that stand ready: they change no answer, and they cost next to nothing."""

import sys
from types import FrameType
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.postfix.codec import Codec, Request
from mtasts_resolver.postfix.reply import NOT_FOUND, Reply, Status, Tally, TimedReply
from mtasts_resolver.postfix.socketmap import SocketmapCodec
from mtasts_resolver.postfix.tcp_table import TcpTableCodec
from mtasts_resolver.server import prepared
from mtasts_resolver.server.connection import Connection
from tests.unit.server.wire import ByHand, Wire, connect, netstring

HOT = b"20:default good.example,"
SECURE = b"31:OK secure match=mx.good.example,"


class Book:
    """Answers that change with time and by decree, as those of the daemon do.

    `prepared` is what has to be forgotten with them.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.version = 0
        self.held: dict[str, TimedReply] = {}
        self.asked = 0
        self.tally = Tally()
        self.prepared: dict[type[Codec], prepared.Prepared] = {}

    def change(self) -> None:
        self.version += 1
        self.held.clear()
        for ready in self.prepared.values():
            ready.forget()

    def answer(self, request: Request) -> Reply | TimedReply:
        self.asked += 1
        if request.key.startswith("plain"):
            return Reply(Status.OK, f"{request.key} {self.version}")
        held = self.held.get(request.key)
        if held is None or held.until <= self.now:
            text = f"{request.map_name} {request.key} {self.version} {self.now // 10}"
            held = self.held[request.key] = TimedReply(
                Reply(Status.OK, text), until=(self.now // 10 + 1) * 10, tally=self.tally
            )
        return held


keys = st.sampled_from(["a.example", "b.example", "plain.example", ".example"])
single = st.builds(netstring, st.sampled_from(["default", "tlsrpt"]), keys)
sent = st.one_of(
    single,
    single,
    st.lists(single, max_size=4).map(b"".join),
    st.tuples(single, st.integers(0, 30)).map(lambda cut: cut[0][: cut[1]]),
    st.sampled_from([b"x", b"3:a b", b"1:a,", b"0:,"]),
)
steps = st.one_of(sent, sent, sent, st.sampled_from(["change"]), st.integers(1, 25))


@given(st.lists(steps, max_size=40))
def test_what_stands_ready_changes_no_answer(script: list[bytes | str | int]) -> None:
    hot, plain = Book(), Book()
    first, quick, shared = connect(hot)
    second, slow, never = connect(plain)
    for step in script:
        never.prepared[SocketmapCodec].forget()
        for book, made in ((hot, first), (plain, second)):
            if step == "change":
                book.change()
            elif isinstance(step, int):
                book.now += step
            elif isinstance(step, bytes):
                made.data_received(step)
                cast("ByHand", made._shared.turns).take_all()
        assert quick.sent == slow.sent
    assert hot.tally.count == plain.tally.count
    assert shared.counters.bad_requests == never.counters.bad_requests
    assert (shared.counters.requests, never.counters.requests) == (hot.asked, plain.asked)
    assert hot.asked <= plain.asked


def test_each_protocol_has_replies_of_its_own() -> None:
    class Same:
        now = 0.0

        def answer(self, request: Request) -> TimedReply:
            return TimedReply(NOT_FOUND, 1.0)

    book = Same()
    first, wire, shared = connect(book)
    second = Connection(TcpTableCodec(), shared, "test")
    other = Wire()
    second.connection_made(other)
    for _ in range(2):
        first.data_received(HOT)
        second.data_received(b"get good.example\n")
    assert wire.sent == b"9:NOTFOUND ," * 2
    assert other.sent.startswith(b"500 ")
    second.data_received(HOT)
    assert b"NOTFOUND ," not in other.sent


def test_a_reply_that_was_revoked_is_asked_for_again() -> None:
    book = Book()
    made, wire, _ = connect(book)
    for _ in range(3):
        made.data_received(HOT)
    assert book.asked == 1
    book.change()
    made.data_received(HOT)
    assert book.asked == 2
    assert wire.sent.endswith(b"default good.example 1 0.0,")


def test_the_end_of_a_request_is_none_when_it_comes_alone() -> None:
    made, wire, shared = connect(Book())
    for data in (HOT[:9], HOT[9:]):
        made.data_received(data)
    assert wire.sent.count(b"OK ") == 1
    assert not shared.prepared[SocketmapCodec].table


def test_tables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "MAX_PREPARED", 3)
    book = Book()
    made, _, shared = connect(book)
    for number in range(20):
        made.data_received(netstring("default", f"d{number}.example"))
        assert len(shared.prepared[SocketmapCodec].table) <= 3
    made.data_received(netstring("default", "x" * 400))
    assert all(len(request) < 300 for request in shared.prepared[SocketmapCodec].table)


def test_what_was_used_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "MAX_PREPARED", 3)
    monkeypatch.setattr(prepared, "MAX_BEHIND", 2)
    table = prepared.Prepared()
    replies = {b"%d" % number: TimedReply(NOT_FOUND, 1.0) for number in range(20)}
    for request, reply in replies.items():
        table.add(request, reply)
        assert table.table.get(b"0") or table.find(b"0")  # in use all the while
    found = [request for request in replies if table.table.get(request) or table.find(request)]
    assert found[0] == b"0"
    assert found[-1] == b"19"
    assert 4 <= len(found) <= 9
    assert all(table.table.get(request) or table.find(request) for request in found[-3:])


def test_whoever_is_behind_is_answered_without_being_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prepared, "MAX_PREPARED", 2)
    book = Book()
    made, wire, _ = connect(book)
    requests = [netstring("default", f"d{number}.example") for number in range(6)]
    for request in requests * 2:
        made.data_received(request)
    assert book.asked == len(requests)
    assert wire.sent == wire.sent[: len(wire.sent) // 2] * 2


def test_to_forget_again_and_again_leaves_nothing() -> None:
    table = prepared.Prepared()
    table.add(b"1", TimedReply(NOT_FOUND, 1.0))
    for _ in range(10):
        table.forget()
    assert len(table._leaving) == 1


def test_to_forget_all_touches_nothing_and_what_was_forgotten_goes_bit_by_bit() -> None:
    gone: list[int] = []

    class Told(TimedReply):
        def __del__(self) -> None:
            gone.append(1)

    table = prepared.Prepared()
    for number in range(1_000):
        table.add(b"%d" % number, Told(NOT_FOUND, 1.0))
    table.forget()
    assert (table.table, gone) == ({}, [])
    for number in range(1_000):
        before = len(gone)
        table.add(b"%d" % number, TimedReply(NOT_FOUND, 1.0))
        assert len(gone) - before <= prepared.LET_GO
    assert len(gone) == 1_000
    assert len(table.table) == 1_000


def test_what_stands_ready_notes_that_it_is_used() -> None:
    book = Book()
    made, _, _ = connect(book)
    made.data_received(HOT)
    (held,) = book.held.values()
    assert not held.used
    made.data_received(HOT)
    assert held.used


def test_a_hot_look_up_calls_next_to_nothing() -> None:
    class Constant:
        now = 0.0

        def answer(self, request: Request) -> TimedReply:
            return TimedReply(Reply(Status.OK, "secure match=mx.good.example"), 1.0)

    names: list[str] = []

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event in {"call", "c_call"}:
            names.append(frame.f_code.co_name if event == "call" else argument.__name__)

    made, wire, shared = connect(Constant())
    made.data_received(HOT)
    made._write = wire.sent.extend  # as the real one, a function of C
    made._clock = float  # likewise
    before = dict(shared.prepared[SocketmapCodec].table)
    sys.setprofile(profile)
    made.data_received(HOT)
    sys.setprofile(None)
    assert [name for name in names if name != "setprofile"] == ["data_received", "get", "extend"]
    assert wire.sent == SECURE * 2
    assert shared.prepared[SocketmapCodec].table == before
    (held,) = before.values()
    assert held.tally.count == 2


def test_a_hot_look_up_makes_no_task_and_waits_for_nothing() -> None:
    """It is answered without any event loop: whoever would need one fails here."""
    book = Book()
    made, wire, shared = connect(book)
    for _ in range(5):
        made.data_received(netstring("default", "a.example"))
    assert wire.sent.count(b"OK ") == 5
    assert shared.tasks == set()
    assert not made._queue
