"""Alternatives side by side."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mtasts_resolver.discovery.errors import ConnectError, DiscoveryError
from mtasts_resolver.discovery.race import race

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
