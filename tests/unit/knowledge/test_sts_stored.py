"""What memory and the store hold between them, and what a clock that is wrong does to it."""

import logging

import msgspec
import pytest

from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.config import CacheConfig, Config
from mtasts_resolver.knowledge.lifetimes import MAX_ABSENCE, MAX_RETRY
from mtasts_resolver.knowledge.policies import DOUBTED_PER_TURN
from mtasts_resolver.postfix.reply import NOT_FOUND, TimedReply
from mtasts_resolver.store import StoreReturned
from tests.unit.knowledge.world import DAY, GOOD, HOUR, START, World, document, events, held, settle


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


async def test_the_refresh_of_a_policy_that_found_no_room_takes_none_from_others() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=2)))
    for name in "abc":
        world.internet.publish(f"{name}.example", document())
        await world.sts.resolve(f"{name}.example")
    cache = world.sts.cache
    assert [cache.get(f"{name}.example") is not None for name in "abc"] == [False, True, True]
    refreshed = await world.sts.renew("a.example")
    assert refreshed is not None
    assert refreshed.finding.policy is not None
    assert world.internet.fetches.count("a.example") == 2
    assert [cache.get(f"{name}.example") is not None for name in "abc"] == [False, True, True]


async def test_a_policy_that_only_the_store_holds_is_in_memory_though_its_refresh_failed(
    world: World,
) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.restart()
    world.internet.web_down = True
    refreshed = await world.sts.renew(GOOD)
    entry = held(world)
    assert entry is refreshed
    assert entry.failure is not None
    world.sts.cache.keep(entry, TimedReply(NOT_FOUND, entry.until), lambda _reply: True)
    await world.clock.advance(MAX_RETRY)
    assert await world.sts.renew(GOOD) is entry
    assert len(entry.replies) == 1  # they hold as before


@pytest.mark.row("C2")
async def test_an_unexpired_policy_survives_every_outage_and_a_restart(world: World) -> None:
    world.internet.publish(GOOD, document(max_age=int(7 * DAY)))
    assert await world.mode(GOOD) == "enforce"
    world.internet.dns_down = True
    world.internet.web_down = True
    for _ in range(6):
        await world.clock.advance(DAY)
        assert await world.mode(GOOD) == "enforce"
        world.restart()
        assert await world.mode(GOOD) == "enforce"
    await world.clock.advance(DAY)
    world.restart()
    assert await world.mode(GOOD) is None


@pytest.mark.threat("policy-fat")
async def test_a_policy_that_memory_has_no_room_for_is_found_in_the_store() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=1_000)))
    for number in range(1_100):
        world.internet.publish(f"d{number}.example", document())
        await world.mode(f"d{number}.example")
    assert len(world.sts.cache) == 1_000
    world.internet.dns_down = True
    for number in range(1_100):
        assert await world.mode(f"d{number}.example") == "enforce"


async def test_the_store_is_not_asked_for_what_it_cannot_hold() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=1_000)))
    await world.mode("early.example")
    assert world.store.reads == ["early.example"]  # nobody has seen yet what it holds
    world.sts.policies.loaded()
    for number in range(1_000):
        world.internet.publish(f"d{number}.example", document())
        await world.mode(f"d{number}.example")
    assert world.store.reads == ["early.example"]
    world.internet.publish("one.more.example", document())
    await world.mode("one.more.example")
    world.internet.dns_down = True
    for number in range(1_000):  # one of them had to make room
        assert await world.mode(f"d{number}.example") == "enforce"
    assert len(world.store.reads) > 1


async def test_a_store_larger_than_memory_is_asked() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=1_000)))
    for number in range(1_001):
        world.internet.publish(f"d{number}.example", document())
        await world.mode(f"d{number}.example")
    world.restart()
    world.internet.dns_down = True
    for stored in list(world.store.rows.values()):
        assert world.sts.policies.load(stored) is not None
    world.sts.policies.loaded()
    for number in range(1_001):
        assert await world.mode(f"d{number}.example") == "enforce"


@pytest.mark.threat("clock-wrong")
async def test_a_wall_clock_that_jumps_changes_nothing_for_what_is_in_memory(world: World) -> None:
    world.internet.publish(GOOD, document(max_age=int(DAY)))
    await world.mode(GOOD)
    world.internet.web_down = True
    for jump in (400 * DAY, -800 * DAY):
        world.clock.offset += jump
        assert await world.mode(GOOD) == "enforce"
    await world.clock.advance(DAY)
    assert await world.mode(GOOD) is None


async def test_a_policy_stored_in_the_future_is_not_kept_longer_than_its_age(world: World) -> None:
    world.internet.publish(GOOD, document(max_age=int(DAY)))
    await world.mode(GOOD)
    world.internet.web_down = True
    world.clock.offset -= 400 * DAY
    world.restart()
    assert await world.mode(GOOD) == "enforce"
    await world.clock.advance(DAY)
    assert await world.mode(GOOD) is None


async def test_a_damaged_document_in_the_store_is_dropped_and_discovered_anew(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    stored = world.store.rows[GOOD]
    world.store.rows[GOOD] = type(stored)(
        GOOD, stored.policy_id, "nonsense", stored.fetched_at, stored.asked_at
    )
    world.restart()
    assert await world.mode(GOOD) == "enforce"
    assert "stored-policy-invalid" in events(caplog)


@pytest.mark.row("C2", "C9")
async def test_a_policy_that_the_store_cannot_read_now_is_not_deleted_from_it(
    world: World,
) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.restart()  # memory has lost it, as after an eviction

    world.store.unreadable = True
    with pytest.raises(OverloadedError):  # and so the refresh is tried again
        await world.sts.renew(GOOD)
    world.store.unreadable = False
    world.internet.dns_down = True
    assert await world.mode(GOOD) == "enforce"


@pytest.mark.row("C2", "C9")
@pytest.mark.parametrize("seen_by", ["the store", "a look-up of another domain", "a scan"])
async def test_an_absence_does_not_outlive_the_return_of_the_store(
    world: World, seen_by: str
) -> None:
    """Somebody blocks the records while the disk is away."""
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    for number in range(3 * DOUBTED_PER_TURN):
        await world.mode(f"absent{number}.example")
    world.restart()
    world.internet.records.clear()
    world.store.unreadable = True
    for number in range(3 * DOUBTED_PER_TURN):
        await world.mode(f"absent{number}.example")
    assert await world.mode(GOOD) is None
    asked = len(world.internet.queries)
    assert await world.mode(GOOD) is None
    assert len(world.internet.queries) == asked
    world.store.unreadable = False
    match seen_by:
        case "the store":
            world.events.publish(StoreReturned())
        case "a look-up of another domain":
            await world.mode("another.example")
        case "a scan":
            for stored in world.store.rows.values():
                world.sts.policies.load(stored)
    await settle()
    assert await world.mode(GOOD) == "enforce"


@pytest.mark.row("C2")
async def test_an_absence_that_has_expired_hides_nothing(world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    stored = dict(world.store.rows)
    world.restart()
    world.store.rows.clear()
    world.internet.records.clear()
    assert await world.mode(GOOD) is None
    world.store.rows |= stored  # by whichever way it got there
    await world.clock.advance(MAX_ABSENCE)
    assert await world.mode(GOOD) == "enforce"


@pytest.mark.row("C2")
async def test_an_absence_hides_no_policy_that_is_loaded_into_a_full_memory() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=1_000)))
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.restart()
    world.internet.records.clear()
    stored = dict(world.store.rows)
    world.store.rows.clear()
    for number in range(999):
        await world.mode(f"absent{number}.example")
    assert await world.mode(GOOD) is None
    assert world.sts.policies.load(stored[GOOD]) is not None
    assert await world.mode(GOOD) == "enforce"


async def test_when_a_domain_was_last_asked_for_is_stored_to_about_a_day(world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    entry = world.sts.policies.get(GOOD)
    assert entry is not None
    began = world.clock.now
    first = world.store.rows[GOOD]

    def stored_after(days: float) -> float:
        """Return what is stored where the last look-up was a minute before that many days."""
        world.clock.now = began + days * DAY
        entry.asked = world.clock.now - 60
        world.sts.policies.note_asked(entry, world.clock.now)
        return world.store.rows[GOOD].asked_at - START

    assert stored_after(0.5) == 0
    assert stored_after(1.5) == 1.5 * DAY - 60
    assert stored_after(2) == 1.5 * DAY - 60
    assert stored_after(3) == 3 * DAY - 60
    assert msgspec.structs.replace(world.store.rows[GOOD], asked_at=first.asked_at) == first


@pytest.mark.threat("clock-wrong")
@pytest.mark.row("C2")
async def test_a_policy_that_a_wrong_clock_ended_in_memory_is_found_in_the_store(
    world: World,
) -> None:
    """The clock was set back to before the fetch: by it the policy lives for all of max_age yet."""
    world.internet.publish(GOOD, document(max_age=2 * int(DAY)))
    await world.mode(GOOD)
    world.sts.policies.loaded()
    world.internet.records.clear()
    world.internet.web_down = True
    world.clock.offset -= 10 * DAY
    await world.clock.advance(2 * DAY + HOUR)
    assert await world.sts.renew(GOOD) is None
    assert world.sts.cache.get(GOOD) is None
    assert GOOD in world.store.rows
    assert await world.mode(GOOD) == "enforce"


async def test_a_smaller_memory_holds_from_the_reload_on(world: World) -> None:
    for number in range(20):
        await world.mode(f"d{number}.example")
    world.sts.reconfigure(Config(cache=CacheConfig(memory_entries=5)))
    assert len(world.sts.cache) == 5


async def test_what_is_forgotten_is_gone_from_memory_and_store(world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.sts.policies.forget(GOOD)
    assert world.sts.cache.get(GOOD) is None
    assert GOOD not in world.store.rows
