"""What was counted in each interval of the last day, on a clock that the test turns."""

import asyncio
from collections import Counter
from contextlib import suppress

from mtasts_resolver.control.daylong import INTERVAL, INTERVALS, DayLong
from tests.unit.knowledge.world import FakeClock


def day_long(clock: FakeClock, counted: Counter[str]) -> DayLong:
    return DayLong(clock, {"lookups": lambda: counted})


def test_what_is_counted_now_is_in_the_last_interval_and_so_is_what_was_before_it_began() -> None:
    clock, counted = FakeClock(), Counter(secure=5)
    days = day_long(clock, counted)
    counted.update(secure=2, dane=1)
    *before, latest = days.last_day("lookups")
    assert latest == {"secure": 7, "dane": 1}
    assert before == [None] * (INTERVALS - 1)


async def test_each_interval_has_what_was_counted_in_it() -> None:
    clock, counted = FakeClock(), Counter[str]()
    days = day_long(clock, counted)
    running = asyncio.create_task(days.run())
    for number in range(1, 5):
        counted.update(secure=number)
        await clock.advance(INTERVAL)
    assert days.last_day("lookups")[-5:] == [{"secure": n} for n in range(1, 5)] + [{}]
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_no_more_than_a_day_is_kept() -> None:
    clock, counted = FakeClock(), Counter[str]()
    days = day_long(clock, counted)
    for _ in range(2 * INTERVALS):
        counted.update(temp=1)
        await clock.advance(INTERVAL)
        days.note()
    assert days.last_day("lookups") == [Counter(temp=1)] * (INTERVALS - 1) + [Counter()]


async def test_a_host_that_was_suspended_leaves_a_gap() -> None:
    clock, counted = FakeClock(), Counter[str]()
    days = day_long(clock, counted)
    counted.update(secure=3)
    await clock.advance(10 * INTERVAL)
    days.note()
    counted.update(secure=1)
    *_, before, latest = days.last_day("lookups")
    assert latest == {"secure": 1}
    assert before is None
    assert days.last_day("lookups")[-11] == {"secure": 3}


async def test_a_day_that_was_slept_through_is_forgotten() -> None:
    clock, counted = FakeClock(), Counter[str]()
    days = day_long(clock, counted)
    counted.update(secure=3)
    await clock.advance((INTERVALS + 1) * INTERVAL)
    assert set(map(str, days.last_day("lookups"))) == {"None"}


async def test_to_note_too_early_changes_nothing() -> None:
    clock, counted = FakeClock(), Counter[str]()
    days = day_long(clock, counted)
    counted.update(secure=1)
    days.note()
    days.note()
    assert days.last_day("lookups")[-1] == {"secure": 1}


def test_the_day_begins_with_an_interval() -> None:
    clock = FakeClock()
    days = day_long(clock, Counter())
    into = clock.monotonic() % INTERVAL
    assert days.began() == clock.wall() - into - (INTERVALS - 1) * INTERVAL
