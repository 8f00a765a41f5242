"""Policies are kept current: a year passes on a fake clock. Rows C4, C6, C7."""

import asyncio
import itertools
import logging
import random
from collections import Counter
from itertools import pairwise

import pytest

from mtasts_resolver.config import Config, RefreshConfig
from mtasts_resolver.knowledge.entry import StsEntry
from mtasts_resolver.knowledge.events import ClockSet
from mtasts_resolver.knowledge.lifetimes import (
    CATCH_UP,
    EXPIRED_GRACE,
    REFRESH_JITTER,
    next_refresh,
)
from mtasts_resolver.knowledge.loader import CLOCK_SET, EACH, LOAD_RETRY_DELAY, READ_PER_TURN
from mtasts_resolver.policy import Mode, Policy, StsFinding
from mtasts_resolver.store import StoredPolicy
from tests.events import events
from tests.unit.knowledge.world import DAY, START, World, document, fattest_document, settle

HOUR = 3_600.0
GOOD = "good.example"


class Running:
    """A world whose refresher runs."""

    def __init__(self, config: Config | None = None) -> None:
        self.world = World(config)
        self.start()

    def start(self) -> None:
        self.task = asyncio.create_task(self.world.sts.run())

    async def stop(self) -> None:
        if self.task.done():
            return
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task

    async def restart(self, *, down_for: float = 0.0) -> None:
        await self.stop()
        await self.world.clock.advance(down_for)
        self.world.restart()
        self.start()
        await settle()


async def some_policies(running: Running, number: int, *, max_age: float = 7 * DAY) -> list[str]:
    """Have so many policies published and known."""
    domains = [f"d{each}.example" for each in range(number)]
    for domain in domains:
        running.world.internet.publish(domain, document(max_age=int(max_age)))
        await running.world.mode(domain)
    return domains


@pytest.mark.row("C4")
@pytest.mark.parametrize("text", [fattest_document(), document()], ids=["long", "short"])
async def test_documents_are_read_in_turns_of_their_own(text: str) -> None:
    """A page of the store may hold megabytes, and a look-up must not wait for all of it."""
    world = World()
    at_once = 2 + READ_PER_TURN // (EACH + len(text))
    number = 4 * at_once
    for each in range(number):
        world.store.put(StoredPolicy(f"d{each}.example", "1", text, START, START))
    loading = asyncio.create_task(world.sts.run())
    read = [0]
    for _turn in range(number + 10):
        await asyncio.sleep(0)
        read.append(world.sts.cache.precious)
    loading.cancel()
    assert read[-1] == number
    assert max(after - before for before, after in pairwise(read)) <= at_once


async def test_a_clock_that_was_set_is_noticed_within_a_minute_at_first_and_then_an_hour() -> None:
    running = Running()
    world = running.world
    told: list[tuple[float, float]] = []
    began = world.clock.now
    world.events.listen(
        ClockSet, lambda event: told.append((world.clock.now - began, event.seconds))
    )
    await settle()
    world.clock.offset += CLOCK_SET
    await world.clock.advance(59)
    assert told == []
    await world.clock.advance(1)
    assert told == [(60, CLOCK_SET)]
    world.clock.offset -= CLOCK_SET - 1  # too little to count
    await world.clock.advance(HOUR)
    world.clock.offset -= 2 * DAY
    await world.clock.advance(HOUR - 60)
    assert told[1:] == [(2 * HOUR, 1 - CLOCK_SET - 2 * DAY)]
    await world.clock.advance(DAY)
    assert len(told) == 2
    await running.stop()


async def test_a_year_of_refreshes_comes_about_daily_and_never_at_the_same_time() -> None:
    running = Running(Config(refresh=RefreshConfig(forget_after=730 * DAY)))
    world = running.world
    world.internet.publish(GOOD, document(max_age=14 * int(DAY)))
    await world.mode(GOOD)
    times: list[float] = []
    while world.clock.wall() < START + 365 * DAY:
        before = len(world.internet.fetches)
        await world.clock.advance(HOUR)
        times += [world.clock.now] * (len(world.internet.fetches) - before)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 365 <= len(times) <= 365 / (1 - REFRESH_JITTER)
    assert max(gaps) <= DAY + HOUR
    assert min(gaps) >= DAY * (1 - REFRESH_JITTER) - HOUR
    assert len({gap // HOUR for gap in gaps}) >= 5
    await running.stop()


async def test_a_year_of_clock_jumps_outages_and_restarts_loses_no_policy() -> None:
    running = Running(Config(refresh=RefreshConfig(forget_after=730 * DAY)))
    world = running.world
    rng = random.Random(8461)  # noqa: S311  the same year in every run
    domains = [f"d{number}.example" for number in range(10)]
    for domain in domains:
        world.internet.publish(domain, document(max_age=30 * int(DAY)))
        assert await world.mode(domain) == "enforce"
    for _day in range(365):
        event = rng.randrange(8)
        if event == 0:
            world.clock.offset += rng.uniform(-3 * DAY, 3 * DAY)
        elif event == 1:
            await running.restart(down_for=rng.uniform(0, 5 * DAY))
        world.internet.dns_down = event == 2
        world.internet.web_down = event == 3
        await world.clock.advance(DAY)
        for domain in rng.sample(domains, 5):
            assert await world.mode(domain) == "enforce"
    assert len(world.sts) == len(domains)
    await running.stop()


async def test_refreshes_are_spread_over_the_day() -> None:
    running = Running()
    world = running.world
    await some_policies(running, 400)
    hours: Counter[int] = Counter()
    for hour in range(72):
        before = len(world.internet.fetches)
        await world.clock.advance(HOUR)
        hours[hour] = len(world.internet.fetches) - before
    third_day = [hours[hour] for hour in range(48, 72)]
    assert max(third_day) < 100  # at first all at once, on the third day no hour has a quarter
    await running.stop()


async def test_after_a_long_stop_what_is_overdue_is_spread_too() -> None:
    running = Running()
    world = running.world
    await some_policies(running, 200, max_age=30 * DAY)
    await running.restart(down_for=10 * DAY)
    before = len(world.internet.fetches)
    per_minute = []
    for _ in range(int(CATCH_UP / 60)):
        at_first = len(world.internet.fetches)
        await world.clock.advance(60)
        per_minute.append(len(world.internet.fetches) - at_first)
    assert len(world.internet.fetches) - before == 200
    assert max(per_minute) < 20
    await running.stop()


async def test_no_more_than_the_allowed_number_run_at_once() -> None:
    running = Running(Config(refresh=RefreshConfig(concurrency=4)))
    world = running.world
    await some_policies(running, 30)
    world.internet.gate = asyncio.Event()
    before = len(world.internet.queries)
    await world.clock.advance(DAY)
    assert len(world.internet.queries) - before == 4
    world.internet.gate.set()
    await settle()
    await world.clock.advance(1)
    assert len(world.internet.queries) - before == 30
    await running.stop()


async def test_the_schedule_is_rebuilt_from_the_store(caplog: pytest.LogCaptureFixture) -> None:
    running = Running()
    world = running.world
    await some_policies(running, 10)
    caplog.set_level(logging.INFO)
    await running.restart()
    assert [(told.event, told.fields) for told in events(caplog)] == [
        ("policies-loaded", {"policies": 10})
    ]
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert {"policy loader", "policy schedule"} <= names
    assert len(world.sts) == 10
    assert len(world.sts.cache) == 10  # in memory before anyone asks
    before = len(world.internet.fetches)
    await world.clock.advance(DAY)
    assert len(world.internet.fetches) == before + 10
    await running.stop()


async def test_a_store_that_cannot_be_read_whole_is_read_again_later() -> None:
    running = Running()
    world = running.world
    await some_policies(running, 10)
    world.store.unreadable = True
    await running.restart()
    assert len(world.sts) == len(world.sts.cache) == 1
    assert await world.mode("d9.example") == "enforce"  # what was not read can be asked for
    world.store.unreadable = False
    await world.clock.advance(LOAD_RETRY_DELAY)
    assert len(world.sts) == len(world.sts.cache) == 10
    await running.stop()


@pytest.mark.row("C2")
@pytest.mark.parametrize("ahead", [8 * DAY, 3_000 * DAY])
@pytest.mark.parametrize("set_right", ["at the next start", "while it runs"])
async def test_a_clock_that_is_ahead_at_a_start_costs_no_policy(
    ahead: float, set_right: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    running = Running()
    world = running.world
    domains = await some_policies(running, 100)
    await running.stop()
    world.internet.records.clear()  # somebody blocks what could be found anew
    world.clock.offset += ahead
    await running.restart()
    assert [await world.mode(domain) for domain in domains] == [None] * 100
    (warning,) = events(caplog)
    assert warning.event == "policies-not-loaded"
    assert warning.fields["policies"] == 100
    assert warning.fields["domains"] == domains[:10]
    assert "check the clock" in str(warning.fields["action"])

    await world.clock.advance(DAY)
    world.clock.offset -= ahead
    if set_right == "at the next start":
        await running.restart()
    else:
        await world.clock.advance(HOUR)
        assert events(caplog)[-1].event == "clock-set"
    assert [await world.mode(domain) for domain in domains] == ["enforce"] * 100
    assert len(world.sts) == 100
    await running.stop()


async def test_what_has_been_over_for_long_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    running = Running()
    world = running.world
    await some_policies(running, 100, max_age=DAY)
    world.internet.records.clear()
    await running.restart(down_for=10 * DAY)
    await world.clock.advance(EXPIRED_GRACE - 2 * HOUR)
    await running.restart()
    await world.clock.advance(EXPIRED_GRACE - 2 * HOUR)
    assert len(world.store.rows) == 100
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    await world.clock.advance(4 * HOUR)
    assert list(world.store.rows) == [GOOD]
    await running.stop()


async def test_what_is_over_is_looked_for_once_in_its_grace() -> None:
    """A clock that is wrong at the start has so long to be set right."""
    running = Running()
    world = running.world
    text = document(max_age=int(DAY))
    world.store.put(StoredPolicy(GOOD, "1", text, START - 30 * DAY, START - 30 * DAY))
    await world.clock.advance(EXPIRED_GRACE - 1)
    assert list(world.store.rows) == [GOOD]
    await world.clock.advance(1)
    assert world.store.rows == {}
    await running.stop()


async def test_a_clock_that_was_ahead_does_not_end_a_policy_for_good() -> None:
    """Its end in memory is by the clock of the start, that in the store by the clock of now."""
    running = Running()
    world = running.world
    await some_policies(running, 100, max_age=7 * DAY)
    await running.stop()
    world.internet.records.clear()
    world.internet.web_down = True
    world.clock.offset += 5 * DAY
    await running.restart()
    world.clock.offset -= 5 * DAY
    await world.clock.advance(3 * DAY)
    assert len(world.store.rows) == 100
    await running.restart()
    assert await world.mode("d7.example") == "enforce"
    await running.stop()


@pytest.mark.row("C2")
@pytest.mark.parametrize("asked", [False, True])
async def test_policies_loaded_by_a_clock_that_is_ahead_last_as_long_as_they_are_stored(
    asked: bool,
) -> None:
    """They seem to have less left than they have; then the clock is set right."""
    running = Running()
    world = running.world
    domains = await some_policies(running, 100, max_age=10 * DAY)
    await running.stop()
    world.internet.records.clear()
    world.internet.web_down = True
    world.clock.offset += 8 * DAY
    await running.restart()
    if asked:
        assert [await world.mode(domain) for domain in domains] == ["enforce"] * 100
    world.clock.offset -= 8 * DAY
    await world.clock.advance(9 * DAY)
    assert [await world.mode(domain) for domain in domains] == ["enforce"] * 100
    assert len(world.store.rows) == 100
    await world.clock.advance(DAY + HOUR)
    assert [await world.mode(domain) for domain in domains] == [None] * 100
    assert len(world.store.rows) == 0
    await running.stop()


@pytest.mark.row("C2")
async def test_a_policy_that_is_still_stored_is_known_before_the_store_is_read_again() -> None:
    """Its end in memory comes before anybody has noticed that the clock was set."""
    running = Running()
    world = running.world
    domains = await some_policies(running, 100, max_age=7 * DAY)
    await running.stop()
    world.internet.records.clear()
    world.internet.web_down = True
    world.clock.offset += 7 * DAY - HOUR
    await running.restart()
    await running.stop()  # nothing reads the store again
    world.clock.offset -= 7 * DAY - HOUR
    await world.clock.advance(2 * HOUR)
    for _ in range(2):
        assert [await world.mode(domain) for domain in domains] == ["enforce"] * 100


@pytest.mark.row("C2")
async def test_a_clock_that_jumps_ends_no_policy_that_came_from_the_store() -> None:
    running = Running()
    world = running.world
    domains = await some_policies(running, 100, max_age=7 * DAY)
    await running.restart()
    world.internet.records.clear()
    world.internet.web_down = True
    world.clock.offset += 400 * DAY
    await world.clock.advance(DAY)
    assert [await world.mode(domain) for domain in domains] == ["enforce"] * 100
    await running.stop()


async def test_a_clock_that_is_ahead_makes_no_domain_seem_forgotten() -> None:
    running = Running()
    world = running.world
    domains = await some_policies(running, 100, max_age=300 * DAY)
    await running.stop()
    world.clock.offset += 100 * DAY  # more than forget_after
    await running.restart()
    await world.clock.advance(DAY)
    assert sorted(world.store.rows) == sorted(domains)
    await running.stop()


async def test_what_nobody_asked_for_is_forgotten() -> None:
    running = Running(Config(refresh=RefreshConfig(forget_after=30 * DAY)))
    world = running.world
    for domain in ("used.example", "unused.example"):
        world.internet.publish(domain, document())
        await world.mode(domain)
    for day in range(40):
        await world.clock.advance(DAY)
        await world.mode("used.example")
        if day == 20:
            await running.restart()  # when a domain was asked for outlives the process
    assert list(world.store.rows) == ["used.example"]
    assert len(world.sts) == 1
    await running.stop()


@pytest.mark.row("C6")
async def test_a_refresh_that_fails_is_tried_again_until_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    running = Running()
    world = running.world
    world.internet.publish(GOOD, document(max_age=3 * int(DAY)))
    await world.mode(GOOD)
    world.internet.web_down = True
    await world.clock.advance(3 * DAY - HOUR)
    tries = len(world.internet.fetches)
    assert tries > 12
    world.internet.web_down = False
    await world.clock.advance(HOUR - 60)
    assert len(world.internet.fetches) == tries + 1
    await world.clock.advance(DAY)
    assert await world.mode(GOOD) == "enforce"
    await running.stop()


@pytest.mark.row("C7")
async def test_a_policy_in_mode_none_is_kept_until_it_expires_and_then_forgotten() -> None:
    running = Running()
    world = running.world
    world.internet.publish(GOOD, document("none", max_age=10 * int(DAY)))
    await world.mode(GOOD)
    del world.internet.records[GOOD], world.internet.documents[GOOD]
    await world.clock.advance(10 * DAY - HOUR)
    assert world.store.rows[GOOD].policy_id == "1"
    await world.clock.advance(2 * HOUR)
    assert world.store.rows == {}
    assert len(world.sts) == 0
    await running.stop()


async def test_a_bug_in_one_refresh_does_not_end_the_others(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running()
    world = running.world
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    renew = world.sts.renew

    async def broken(domain: str) -> StsEntry | None:
        if domain == "broken.example":
            raise ZeroDivisionError
        return await renew(domain)

    monkeypatch.setattr(world.sts, "renew", broken)
    finding = StsFinding(Policy(Mode.ENFORCE, 60, ("a.b",)))
    entry = StsEntry(finding=finding, until=world.clock.now + 60, stale_at=0, asked=0)
    world.sts.schedule("broken.example", entry)
    await world.clock.advance(DAY)
    assert world.internet.fetches == [GOOD, GOOD]
    assert "internal-error" in [record.msg for record in caplog.records]
    await running.stop()


@pytest.mark.row("C4")
@pytest.mark.parametrize("max_age", [0, 60, 599, 600, 3_600, 86_400, 604_800, 31_557_600])
def test_a_policy_is_due_before_it_expires(max_age: int) -> None:
    rng = random.Random(1)  # noqa: S311
    until = max(max_age, 60.0)
    for _ in range(100):
        due = next_refresh(0.0, until=until, max_age=max_age, retry_at=None, interval=DAY, rng=rng)
        if max_age < 600:
            assert due == until  # to be dropped; it is discovered anew when it is asked for
        else:
            assert 0 < due <= min(DAY, max_age / 2)
