"""Doing something for each domain when it is due."""

import asyncio
import random

import pytest

from mtasts_resolver.base.overload import TOO_MANY, OverloadedError
from mtasts_resolver.knowledge.schedule import (
    MAX_BEGUN_PER_TURN,
    MAX_SLEEP,
    MAX_TAKEN_PER_TURN,
    PAUSE,
    Schedule,
)
from tests.events import events
from tests.unit.knowledge.world import FakeClock, settle


class Diary(Schedule[float]):
    """A schedule whose entries are the times at which they are due; notes what it has begun."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.begun: list[str] = []
        self.most = 10 * MAX_BEGUN_PER_TURN
        self.gate = asyncio.Event()

    async def renew(self, domain: str) -> None:
        self.begun.append(domain)
        await self.gate.wait()

    def due(self, entry: float) -> float:
        return entry

    @property
    def concurrency(self) -> int:
        return self.most


async def test_what_is_due_at_once_begins_in_several_turns_of_the_loop() -> None:
    clock = FakeClock()
    diary = Diary(clock)
    for number in range(4 * MAX_BEGUN_PER_TURN):
        diary.schedule(f"d{number}.example", clock.now)
    running = asyncio.create_task(diary.run())
    await settle()
    assert len(diary.begun) == MAX_BEGUN_PER_TURN
    await clock.advance(0)  # a sleep of no time ends in the next turn
    assert len(diary.begun) == 4 * MAX_BEGUN_PER_TURN
    diary.gate.set()
    await settle()
    assert len(diary) == 0
    running.cancel()


async def test_nothing_turns_while_nothing_is_due_and_nothing_ends() -> None:
    clock = FakeClock()
    diary = Diary(clock)
    diary.schedule("now.example", clock.now)
    diary.schedule("later.example", clock.now + 100)
    running = asyncio.create_task(diary.run())
    await settle()
    assert diary.begun == ["now.example"]  # and it goes on
    assert "renew now.example" in {task.get_name() for task in asyncio.all_tasks()}
    naps = clock.naps
    await settle()
    assert clock.naps == naps
    diary.gate.set()
    await settle()
    naps = clock.naps
    await settle()
    assert clock.naps == naps
    running.cancel()


async def test_a_renewal_that_ends_makes_room_for_the_next() -> None:
    clock = FakeClock()
    diary = Diary(clock)
    for number in range(diary.concurrency + 1):
        diary.schedule(f"d{number}.example", clock.now)
    running = asyncio.create_task(diary.run())
    await settle()
    for _ in range(diary.concurrency // MAX_BEGUN_PER_TURN):
        await clock.advance(0)
    assert len(diary.begun) == diary.concurrency
    diary.gate.set()
    await settle()
    assert len(diary.begun) == diary.concurrency + 1
    running.cancel()


async def test_what_is_scheduled_anew_is_renewed_when_it_is_due_then() -> None:
    clock = FakeClock()
    diary = Diary(clock)
    diary.gate.set()
    chance = random.Random(8461)  # noqa: S311 - when something is due is no secret
    due: dict[str, float] = {}
    for _ in range(3_000):
        domain = f"d{chance.randrange(100)}.example"
        due[domain] = clock.now + chance.uniform(1, 100)
        diary.schedule(domain, due[domain])
    assert len(diary) == len(due)
    assert all(domain in diary for domain in due)
    assert "other.example" not in diary
    running = asyncio.create_task(diary.run())
    await clock.advance(100)
    assert diary.begun == sorted(due, key=due.__getitem__)
    assert len(diary) == 0
    running.cancel()


async def test_what_it_was_not_told_of_it_sees_within_the_hour() -> None:
    clock = FakeClock()
    diary = Diary(clock)
    diary.most = 0
    diary.schedule("a.example", clock.now)
    running = asyncio.create_task(diary.run())
    await settle()
    diary.most = 1
    await clock.advance(MAX_SLEEP - 1)
    assert diary.begun == []
    await clock.advance(1)
    assert diary.begun == ["a.example"]
    running.cancel()


class Hindered(Diary):
    """A schedule whose first renewal ends with an error."""

    def __init__(self, clock: FakeClock, error: Exception) -> None:
        super().__init__(clock)
        self._errors = [error]

    async def renew(self, domain: str) -> None:
        self.begun.append(domain)
        if self._errors:
            raise self._errors.pop()


@pytest.mark.parametrize("error", [OverloadedError(TOO_MANY), ValueError("a bug")])
async def test_a_renewal_that_could_not_be_done_is_tried_again_after_a_pause(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    diary = Hindered(clock, error)
    diary.schedule("a.example", clock.now)
    running = asyncio.create_task(diary.run())
    await settle()
    assert diary.begun == ["a.example"]
    assert diary.due_at("a.example") == clock.now + PAUSE
    await clock.advance(PAUSE - 1)
    assert diary.begun == ["a.example"]
    await clock.advance(1)
    assert diary.begun == ["a.example"] * 2
    assert "a.example" not in diary
    running.cancel()
    told = [(logged.event, logged.fields) for logged in events(caplog)]
    bug = ("internal-error", {"domain": "a.example", "during": "renewal"})
    assert told == ([bug] if isinstance(error, ValueError) else [])
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [error][
        : len(told)
    ]


async def test_what_is_scheduled_no_more_is_passed_over_in_several_turns_of_the_loop() -> None:
    clock = FakeClock()
    diary = Diary(clock)
    for number in range(3 * MAX_TAKEN_PER_TURN):
        diary.schedule(f"d{number}.example", clock.now)
    for number in range(3 * MAX_TAKEN_PER_TURN):
        diary.unschedule(f"d{number}.example")
    diary.schedule("last.example", clock.now)
    running = asyncio.create_task(diary.run())
    await settle()
    assert diary.begun == []
    await clock.advance(0)
    assert diary.begun == ["last.example"]
    running.cancel()
