"""The log of answers: a line for each look-up, written in batches; what is lost is said."""

import asyncio
import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, get_args

import pytest

from mtasts_resolver.answers import answerlog
from mtasts_resolver.answers.answerlog import AnswerLog
from mtasts_resolver.answers.events import AnswerChanged
from mtasts_resolver.base import logs
from mtasts_resolver.base.events import Events
from mtasts_resolver.config import LoggedAnswers
from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import NOT_FOUND, Reply, Status
from tests.unit.knowledge.world import FakeClock

SECURE = Reply(Status.OK, "secure match=mx.good.example servername=hostname")


@contextmanager
def logging_to(stream: TextIO, level: str = "info") -> Iterator[None]:
    before = logging.getLogger().level
    logs.setup_logging(level, "text", stream, environ={})
    try:
        yield
    finally:
        root = logging.getLogger()
        root.removeHandler(root.handlers[-1])
        root.setLevel(before)
        logging.getLogger("mtasts_resolver").setLevel(logging.NOTSET)


@pytest.mark.parametrize("level", ["info", "error"])
async def test_a_look_up_is_a_line_whatever_the_level_is(level: str) -> None:
    clock, written = FakeClock(), io.StringIO()
    log = AnswerLog(clock, Events())
    with logging_to(written, level):
        log.note(Request("default", "good.example"), SECURE, "", True, 0.0000123)
        log.note(Request("", "a b"), NOT_FOUND, "secure", False, 1.5)
        log.note(Request("tlsrpt", "x"), Reply(Status.TEMP, "try again"), "", False, 0.25)
        assert written.getvalue() == ""  # nothing is written while look-ups are answered
        log.close()
    head = "time=2027-01-15T08:00:00.000Z level=info event=answer "
    assert [line.removeprefix(head) for line in written.getvalue().splitlines()] == [
        "key=good.example map=default answer=secure cached=true ms=0.012",
        'key="a b" map=(tcp_table) answer=notfound cached=false ms=1500.0 would_be=secure',
        'key=x map=tlsrpt answer=temp cached=false ms=250.0 reason="try again"',
    ]


async def test_lines_are_written_many_at_once_and_others_have_their_turn_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answerlog, "DELAY", 0.0)
    written = io.StringIO()
    log = AnswerLog(FakeClock(), Events())
    with logging_to(written):
        for number in range(3 * answerlog.LINES_PER_TURN):
            log.note(Request("default", f"d{number}.example"), SECURE, "", True, 0.0)
        seen = set()
        async with asyncio.timeout(20):
            while log.waiting:
                await asyncio.sleep(0)
                seen.add(log.waiting)
    assert seen >= {2 * answerlog.LINES_PER_TURN, answerlog.LINES_PER_TURN, 0}
    keys = [line.split("key=")[1].split()[0] for line in written.getvalue().splitlines()]
    assert keys == [f"d{number}.example" for number in range(3 * answerlog.LINES_PER_TURN)]


async def test_what_comes_faster_than_it_is_written_is_counted_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answerlog, "MAX_NOTED", 5)
    written = io.StringIO()
    log = AnswerLog(FakeClock(), Events())
    with logging_to(written):
        for number in range(12):
            log.note(Request("default", f"d{number}.example"), SECURE, "", True, 0.0)
        log.close()
    lines = written.getvalue().splitlines()
    assert len(lines) == 6
    assert "level=warning event=answers-left-out count=7" in lines[-1]
    assert log.lost == 7


async def test_nobody_is_waited_for_who_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipe is full: what does not fit waits, and is written when there is room."""
    monkeypatch.setattr(answerlog, "DELAY", 0.01)
    read, write = os.pipe()
    count = 2_000  # more than a pipe holds
    with os.fdopen(read, "rb", 0) as reader, os.fdopen(write, "w") as stream, logging_to(stream):
        log = AnswerLog(FakeClock(), Events())
        for number in range(count):
            log.note(Request("default", f"d{number}.example"), SECURE, "", True, 0.0)
        got = bytearray()
        async with asyncio.timeout(20):
            before = count
            while log.waiting in {before, count}:  # it writes, until the pipe is full
                before = log.waiting
                await asyncio.sleep(0.05)
            waiting = log.waiting
            while got.count(b"\n") < count:
                got += await asyncio.to_thread(reader.read, 65_536)
    assert 0 < waiting < count
    keys = [line.split(b"key=")[1].split()[0] for line in got.splitlines()]
    assert keys == [f"d{number}.example".encode() for number in range(count)]
    assert log.lost == 0


async def test_a_key_of_any_length_is_cut() -> None:
    written = io.StringIO()
    log = AnswerLog(FakeClock(), Events())
    with logging_to(written):
        log.note(Request("m" * 9_000, "k" * 9_000), NOT_FOUND, "", True, 0.0)
        log.close()
    assert len(written.getvalue()) < 800


def changed(
    hop: str, map_name: str, was: str | None, now: str, *, given: bool = True
) -> AnswerChanged:
    return AnswerChanged(hop, map_name, was, now, now.split(maxsplit=1)[0], given)


async def test_an_answer_that_is_another_than_before_is_a_line_where_changes_are_logged() -> None:
    events, written = Events(), io.StringIO()
    log = AnswerLog(FakeClock(), events)
    with logging_to(written):
        for logged in get_args(LoggedAnswers):
            log.logged = logged
            events.publish(changed(f"{logged}.example", "default", None, "dane-only"))
        events.publish(changed("[a.example]:587", "strict", "secure match=a b", "notfound"))
        log.logged = "changes"
        unasked = changed("[a.example]:587", "strict", "secure match=a b", "notfound", given=False)
        events.publish(unasked)
        assert log.waiting == 2
        log.close()
    last = 'key=[a.example]:587 map=strict answer=notfound was="secure match=a b" now=notfound'
    head = "time=2027-01-15T08:00:00.000Z level=info event=answer-changed "
    assert [line.removeprefix(head) for line in written.getvalue().splitlines()] == [
        "key=changes.example map=default answer=dane-only was=- now=dane-only",
        f"{last} given=false",
    ]
