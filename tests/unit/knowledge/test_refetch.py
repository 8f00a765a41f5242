"""Fetching a policy again because an administrator asks for it."""

import asyncio

import pytest

from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.config import CacheConfig, Config
from mtasts_resolver.discovery.errors import StatusError
from mtasts_resolver.knowledge.events import PolicyForgotten, StoredPolicyInvalid
from mtasts_resolver.knowledge.pacing import PAUSE_BETWEEN, TooSoonError
from mtasts_resolver.policy import Mode
from tests.unit.knowledge.world import DAY, World, document, settle

GOOD = "good.example"


@pytest.fixture
def world() -> World:
    return World()


async def test_a_policy_is_fetched_though_its_id_is_the_same(world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.internet.publish(GOOD, document("testing"))
    await world.sts.refetch(GOOD)
    assert await world.mode(GOOD) == "testing"
    assert world.store.rows[GOOD].document == document("testing")
    assert world.sts.due_at(GOOD) is not None


async def test_it_is_fetched_though_a_failure_is_to_wait(world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.internet.web_down = True
    await world.sts.renew(GOOD)
    assert (failing := world.sts.failing.get(GOOD)) is not None
    assert failing.last.code == "policy-fetch-status"
    world.internet.web_down = False
    await world.clock.advance(1)
    await world.sts.refetch(GOOD)
    assert world.sts.failing.get(GOOD) is None
    assert len(world.internet.fetches) == 3


async def test_it_counts_failures_on_and_keeps_since_when(world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.internet.web_down = True
    await world.sts.renew(GOOD)
    first = world.sts.failing.get(GOOD)
    await world.clock.advance(60)
    await world.sts.refetch(GOOD)
    second = world.sts.failing.get(GOOD)
    assert first is not None
    assert second is not None
    assert second.since == first.since == world.clock.now - 60
    assert second.last.failures == 2
    due = world.sts.due_at(GOOD)
    assert due is not None
    assert due >= world.clock.monotonic() + 300  # RFC 8461 §3.3, for what nobody asks for
    assert due == second.last.retry_at
    assert [*world.sts.failing.domains()] == [GOOD]


@pytest.mark.parametrize(
    "end", [PolicyForgotten(GOOD, None, None), StoredPolicyInvalid(GOOD, "line 1")]
)
async def test_what_is_gone_fails_no_more(end: object, world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.internet.web_down = True
    await world.sts.renew(GOOD)
    assert world.sts.failing_refresh == 1
    world.events.publish(end)
    assert world.sts.failing_refresh == 0


async def test_a_domain_whose_policy_could_not_be_had_is_tried_at_once(world: World) -> None:
    world.internet.publish(GOOD, StatusError("status 404"))
    assert await world.mode(GOOD) is None
    world.internet.publish(GOOD, document())
    await world.sts.refetch(GOOD)
    assert await world.mode(GOOD) == "enforce"


async def test_an_absence_that_is_still_believed_is_doubted(world: World) -> None:
    assert await world.mode(GOOD) is None
    world.internet.publish(GOOD, document())
    assert await world.mode(GOOD) is None
    await world.sts.refetch(GOOD)
    assert await world.mode(GOOD) == "enforce"


async def test_a_domain_of_which_nothing_is_known_is_looked_at(world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.sts.refetch(GOOD)
    assert GOOD in world.sts
    assert world.internet.fetches == [GOOD]


async def test_without_a_record_the_policy_that_is_held_is_fetched_and_stays(world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    del world.internet.records[GOOD]
    await world.sts.refetch(GOOD)
    assert world.internet.fetches == [GOOD, GOOD]
    assert await world.mode(GOOD) == "enforce"


async def test_without_a_record_a_policy_that_is_over_is_not_fetched(world: World) -> None:
    world.internet.publish(GOOD, document(max_age=int(DAY)))
    await world.mode(GOOD)
    del world.internet.records[GOOD]
    await world.clock.advance(DAY)
    await world.sts.refetch(GOOD)
    assert world.internet.fetches == [GOOD]
    assert await world.mode(GOOD) is None


@pytest.mark.parametrize("preload", [(), (GOOD,)])
async def test_a_domain_without_a_policy_is_kept_current_where_it_is_of_preload(
    preload: tuple[str, ...],
) -> None:
    world = World(Config(preload=preload))
    await world.sts.refetch(GOOD)
    assert [*world.sts.domains()] == [*preload]


async def test_it_is_no_look_up(world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    entry = world.sts.cache.get(GOOD)
    assert entry is not None
    asked = entry.asked
    await world.clock.advance(DAY / 2)
    await world.sts.refetch(GOOD)
    entry = world.sts.cache.get(GOOD)
    assert entry is not None
    assert entry.asked == asked


async def test_what_only_the_store_holds_is_fetched_and_takes_no_room_of_others() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=2)))
    for name in "abc":
        world.internet.publish(f"{name}.example", document())
        await world.sts.resolve(f"{name}.example")
    world.internet.publish("a.example", document("testing"))
    await world.sts.refetch("a.example")
    assert "testing" in world.store.rows["a.example"].document
    assert [world.sts.cache.get(f"{n}.example") is not None for n in "abc"] == [False, True, True]


async def test_it_is_not_done_over_and_over(world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.sts.refetch(GOOD)
    with pytest.raises(TooSoonError, match="try again in 10 s") as refused:
        await world.sts.refetch(GOOD)
    assert refused.value.seconds == PAUSE_BETWEEN
    await world.clock.advance(PAUSE_BETWEEN / 2)
    await world.sts.refetch("other.example")
    await world.clock.advance(PAUSE_BETWEEN / 2)
    await world.sts.refetch(GOOD)
    assert len(world.internet.fetches) == 2
    with pytest.raises(TooSoonError, match="try again in 5 s"):
        await world.sts.refetch("other.example")


async def test_it_begins_when_what_is_under_way_has_ended(world: World) -> None:
    world.internet.publish(GOOD, document())
    world.internet.gate = asyncio.Event()
    looking = asyncio.create_task(world.mode(GOOD))
    await settle()
    asked = asyncio.create_task(world.sts.refetch(GOOD))
    await settle()
    assert world.internet.queries == [GOOD]
    world.internet.gate.set()
    await asyncio.gather(looking, asked)
    assert world.internet.fetches == [GOOD, GOOD]


async def test_it_goes_on_when_the_administrator_has_gone(world: World) -> None:
    world.internet.publish(GOOD, document())
    world.internet.gate = asyncio.Event()
    asked = asyncio.create_task(world.sts.refetch(GOOD))
    await settle()
    asked.cancel()
    await settle()
    world.internet.gate.set()
    await settle()
    entry = world.sts.cache.get(GOOD)
    assert entry is not None
    assert entry.finding.policy is not None
    assert entry.finding.policy.mode is Mode.ENFORCE


async def test_where_the_store_cannot_be_read_it_says_so(world: World) -> None:
    world.store.unreadable = True
    with pytest.raises(OverloadedError, match="the disk does not answer"):
        await world.sts.refetch(GOOD)
