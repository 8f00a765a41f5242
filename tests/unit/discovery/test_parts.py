"""The small parts of discovery: races and steps."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest

from mtasts_resolver.discovery.errors import ConnectError, DiscoveryError, NoRecordError
from mtasts_resolver.discovery.race import race
from mtasts_resolver.discovery.trace import Trace

NEVER = 3600.0


def returns(result: str) -> Callable[[], Awaitable[str]]:
    async def attempt() -> str:
        return result

    return attempt


def fails(text: str) -> Callable[[], Awaitable[str]]:
    async def attempt() -> str:
        raise ConnectError(text)

    return attempt


async def hangs() -> str:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def test_the_next_attempt_begins_when_one_failed() -> None:
    failures: list[DiscoveryError] = []
    attempts = [fails("one"), fails("two"), returns("three"), fails("four")]
    assert await race(attempts, NEVER, failures) == "three"
    assert [str(failure) for failure in failures] == ["one", "two"]


async def test_the_next_attempt_begins_after_a_while() -> None:
    assert await race([hangs, hangs, returns("three")], 0.001, []) == "three"


async def test_when_all_fail_there_is_no_result() -> None:
    failures: list[DiscoveryError] = []
    assert await race([fails("one"), fails("two")], NEVER, failures) is None
    assert len(failures) == 2


async def test_an_unforeseen_error_is_no_failure() -> None:
    async def broken() -> str:
        raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        await race([broken, returns("two")], NEVER, [])


async def test_a_late_result_is_discarded() -> None:
    both = asyncio.Event()
    discarded: list[str] = []

    async def first() -> str:
        await both.wait()
        return "first"

    async def second() -> str:
        both.set()
        return "second"

    winner = await race([first, second], 0.001, [], discarded.append)
    assert {winner, *discarded} <= {"first", "second"}
    assert winner not in discarded


async def test_cancelling_a_race_cancels_its_attempts() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def attempt() -> str:
        begun.set()
        try:
            return await hangs()
        finally:
            ended.set()

    task = asyncio.ensure_future(race([attempt, hangs], NEVER, []))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


def test_only_the_innermost_failure_is_recorded() -> None:
    trace = Trace()

    def work() -> None:
        with trace.step("outer"):
            with trace.step("fine") as step:
                step.outcome = "done"
            with trace.step("inner"):
                raise ConnectError("why")

    with pytest.raises(ConnectError):
        work()
    assert [(step.name, step.ok, step.outcome) for step in trace.steps] == [
        ("fine", True, "done"),
        ("inner", False, "why"),
    ]
    assert trace.current == "inner"


def test_whoever_waits_is_told_of_each_step_and_of_the_outer_one_when_it_goes_on() -> None:
    told: list[str] = []
    trace = Trace(told.append)
    with trace.step("outer"), trace.step("inner"):
        assert told == ["outer", "inner"]
    assert told == ["outer", "inner", "outer"]


def test_that_a_record_is_not_there_is_no_failure() -> None:
    trace = Trace()
    for absent in (True, False):
        with pytest.raises(NoRecordError), trace.step("TXT"):
            raise NoRecordError("why", ttl=1, absent=absent)
    assert [(step.ok, step.absent) for step in trace.steps] == [(False, True), (False, False)]


def test_after_a_step_the_outer_one_goes_on() -> None:
    trace = Trace(kept=False)
    with trace.step("outer"):
        with trace.step("inner"):
            assert trace.current == "inner"
        assert trace.current == "outer"


def test_without_a_reader_nothing_is_kept() -> None:
    trace = Trace(kept=False)
    with trace.step("one"):
        pass
    assert trace.steps == []


def test_of_steps_side_by_side_one_that_goes_on_is_told() -> None:
    told: list[str] = []
    trace = Trace(told.append)
    with ExitStack() as one, ExitStack() as other:
        one.enter_context(trace.step("one"))
        other.enter_context(trace.step("other"))
        one.close()
        assert told == ["one", "other", "other"]
    assert [step.name for step in trace.steps] == ["one", "other"]
