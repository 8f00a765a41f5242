"""Domains that are always kept current."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from mtasts_resolver.config import Config
from tests.unit.knowledge.world import DAY, World, document, settle

GOOD = "good.example"
PRELOADED = Config(preload=(GOOD,))


@asynccontextmanager
async def running(world: World) -> AsyncIterator[None]:
    task = asyncio.create_task(world.sts.run())
    await settle()
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_its_policy_is_fetched_before_anybody_asks_and_kept_though_nobody_does() -> None:
    world = World(PRELOADED)
    world.internet.publish(GOOD, document())
    async with running(world):
        assert world.internet.fetches == [GOOD]
        await world.clock.advance(120 * DAY)  # forget_after is 90
        assert 120 <= len(world.internet.fetches) <= 180
        assert world.sts.lookup(GOOD) is not None


async def test_one_without_a_policy_is_looked_at_again_at_the_interval() -> None:
    world = World(PRELOADED)
    async with running(world):
        assert world.internet.queries == [GOOD]
        await world.clock.advance(10 * DAY)
        assert 10 <= len(world.internet.queries) <= 15
        world.internet.publish(GOOD, document())
        await world.clock.advance(DAY)
        assert await world.mode(GOOD) == "enforce"


async def test_one_whose_name_servers_fail_is_tried_again_within_minutes() -> None:
    world = World(PRELOADED)
    world.internet.dns_down = True
    async with running(world):
        await world.clock.advance(1_000)
        assert 3 <= len(world.internet.queries) <= 4


async def test_one_whose_policy_cannot_be_fetched_is_tried_as_rfc_8461_has_it() -> None:
    world = World(PRELOADED)
    world.internet.publish(GOOD, document())
    world.internet.web_down = True
    async with running(world):
        await world.clock.advance(DAY)
        assert 7 <= len(world.internet.fetches) <= 12
        world.internet.web_down = False
        await world.clock.advance(DAY / 4)
        assert await world.mode(GOOD) == "enforce"


async def test_a_policy_that_lives_for_a_minute_is_fetched_every_five() -> None:
    world = World(PRELOADED)
    world.internet.publish(GOOD, document(max_age=0))
    async with running(world):
        await world.clock.advance(3_000)
        assert 10 <= len(world.internet.fetches) <= 11


async def test_after_a_restart_what_is_stored_is_not_fetched_at_once() -> None:
    world = World(PRELOADED)
    world.internet.publish(GOOD, document())
    async with running(world):
        pass
    world.restart()
    async with running(world):
        await world.clock.advance(60)
        assert world.internet.fetches == [GOOD]


async def test_a_reload_brings_those_that_are_new_and_lets_the_others_go() -> None:
    world = World(PRELOADED)
    async with running(world):
        world.sts.reconfigure(Config(preload=("other.example",)))
        await settle()
        assert world.internet.queries == [GOOD, "other.example"]
        await world.clock.advance(3 * DAY)
        assert GOOD not in world.sts
        assert world.internet.queries.count(GOOD) == 1
        assert world.internet.queries.count("other.example") >= 3


async def test_one_that_is_purged_is_fetched_again() -> None:
    world = World(PRELOADED)
    world.internet.publish(GOOD, document())
    async with running(world):
        await world.sts.purge(GOOD)
        await settle()
        assert world.internet.fetches == [GOOD, GOOD]
        assert GOOD in world.store.rows
