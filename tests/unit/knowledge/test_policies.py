"""The policies that memory and the store hold, and what becomes of each."""

import pytest

from mtasts_resolver.config import CacheConfig, Config
from mtasts_resolver.knowledge import policies
from mtasts_resolver.knowledge.entry import StsEntry
from mtasts_resolver.knowledge.events import StoredPolicyInvalid
from mtasts_resolver.knowledge.lifetimes import EXPIRED_GRACE
from mtasts_resolver.store import StoredPolicy, StoreReturned, WritesLost
from tests.unit.knowledge.world import DAY, START, World, document, settle

GOOD = "good.example"


@pytest.fixture
def world() -> World:
    return World()


def room_for(entries: int) -> World:
    return World(Config(cache=CacheConfig(memory_entries=entries)))


async def found(world: World, *domains: str) -> None:
    """Have each found by a look-up."""
    for domain in domains:
        world.internet.publish(domain, document())
        assert await world.mode(domain) == "enforce"


def held(world: World, domain: str = GOOD) -> StsEntry:
    entry = world.sts.policies.get(domain)
    assert entry is not None
    return entry


def stored(*, over_for: float, domain: str = GOOD) -> StoredPolicy:
    fetched_at = START - over_for - DAY
    return StoredPolicy(domain, "1", document(max_age=int(DAY)), fetched_at, fetched_at)


async def batches(world: World, *, all_of_it: bool = False) -> list[str]:
    pages = world.sts.policies.stored_in_batches(all_of_it=all_of_it)
    return [one.domain async for page in pages for one in page]


async def test_what_the_store_has_lost_is_stored_again(world: World) -> None:
    await found(world, GOOD)
    await world.mode("absent.example")
    kept = dict(world.store.rows)
    world.store.rows.clear()
    world.events.publish(WritesLost())
    assert world.store.rows == kept


async def test_what_only_the_store_holds_can_be_gone_through_and_all_of_it() -> None:
    world = room_for(2)
    await found(world, "a.example", "b.example", "c.example")
    assert await batches(world) == ["a.example"]
    assert await batches(world, all_of_it=True) == ["a.example", "b.example", "c.example"]


async def test_where_memory_holds_all_the_store_need_not_be_gone_through(world: World) -> None:
    await found(world, GOOD)
    world.sts.policies.loaded()
    world.store.put(stored(over_for=0, domain="other.example"))
    default = world.sts.policies.stored_in_batches()
    assert [page async for page in default] == []
    assert await batches(world, all_of_it=True) == [GOOD, "other.example"]


async def test_an_absence_in_memory_is_no_policy_that_it_holds(world: World) -> None:
    assert await world.mode(GOOD) is None
    world.store.put(stored(over_for=-1))
    assert await batches(world) == [GOOD]


async def test_the_store_is_not_asked_for_what_is_kept_where_it_cannot_hold_it(
    world: World,
) -> None:
    world.sts.policies.loaded()
    assert await world.sts.policies.kept(GOOD) is None
    assert world.store.reads == []


async def test_what_is_kept_is_held_for_as_long_as_it_is_stored(world: World) -> None:
    await found(world, GOOD)
    entry = held(world)
    until = entry.until
    entry.until = world.clock.now  # as by a clock that was ahead
    assert await world.sts.policies.kept(GOOD) is entry
    assert entry.until == until


async def test_what_a_look_up_brings_back_into_memory_was_asked_for_then(world: World) -> None:
    await found(world, GOOD)
    world.restart()
    await world.clock.advance(DAY)
    entry = await world.sts.policies.recall(GOOD)
    assert entry is held(world)
    assert entry.asked == world.clock.now


@pytest.mark.parametrize("before", [0.0, 2 * DAY])
async def test_what_is_loaded_was_asked_for_as_long_ago_as_when_it_was_fetched(
    world: World, before: float
) -> None:
    """While the daemon was down, nobody could ask."""
    row = StoredPolicy(GOOD, "1", document(), START - DAY, START - DAY - before)
    entry = world.sts.policies.load(row)
    assert entry is not None
    assert entry.asked == world.clock.now - before


async def test_of_what_was_learnt_without_the_store_no_more_is_noted_than_memory_holds(
    world: World,
) -> None:
    """What is noted no more is doubted at once, for the store may hold a policy."""
    world.sts.reconfigure(Config(cache=CacheConfig(memory_entries=1)))
    world.store.unreadable = True
    assert await world.mode(GOOD) is None
    first = held(world)
    assert first.until > world.clock.now
    await world.sts.policies.recall("other.example")
    assert first.until == world.clock.now


async def test_every_absence_and_nothing_else_is_doubted_when_the_store_returns(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "DOUBTED_PER_TURN", 2)
    absent = [f"absent{number}.example" for number in range(7)]
    world.store.unreadable = True
    assert await world.sts.policies.recall("unseen.example") is None
    for domain in absent:
        assert await world.mode(domain) is None
    await found(world, GOOD)
    size = world.sts.cache.bytes
    world.store.unreadable = False
    world.events.publish(StoreReturned())
    await settle()
    assert {held(world, domain).until for domain in absent} == {world.clock.now}
    assert held(world).until > world.clock.now
    assert world.sts.cache.bytes == size


async def test_what_is_damaged_in_the_store_goes_and_is_told(world: World) -> None:
    told: list[StoredPolicyInvalid] = []
    world.events.listen(StoredPolicyInvalid, told.append)
    world.store.put(StoredPolicy(GOOD, "1", "nonsense", START, START))
    assert await world.mode(GOOD) is None
    assert world.store.rows == {}
    (event,) = told
    assert event.domain == GOOD
    assert "line 1" in event.reason


async def test_a_renewed_policy_takes_the_place_of_the_old_one_in_a_full_memory() -> None:
    world = room_for(1)
    await found(world, GOOD)
    world.internet.publish(GOOD, document("testing"))
    await world.sts.renew(GOOD)
    assert held(world).stored == world.store.rows[GOOD]
    assert await world.mode(GOOD) == "testing"


async def test_a_policy_that_was_brought_takes_the_room_of_no_other() -> None:
    world = room_for(1)
    await found(world, GOOD)
    world.sts.policies.take_in(stored(over_for=-1, domain="other.example"), None)
    assert sorted(world.store.rows) == [GOOD, "other.example"]
    assert world.sts.policies.get("other.example") is None
    assert held(world).stored is not None


@pytest.mark.parametrize(("over_for", "goes"), [(EXPIRED_GRACE - 1, False), (EXPIRED_GRACE, True)])
async def test_what_has_been_over_for_its_grace_goes_from_the_store(
    world: World, over_for: float, goes: bool
) -> None:
    world.sts.policies.loaded()
    assert await world.mode(GOOD) is None  # an absence keeps nothing
    old = stored(over_for=over_for)
    world.store.put(old)
    world.sts.policies.drop_expired(old)
    assert (GOOD not in world.store.rows) is goes


async def test_what_memory_holds_stays_in_the_store_however_long_it_is_over_by_the_clock(
    world: World,
) -> None:
    await found(world, GOOD)
    world.clock.offset += 400 * DAY
    world.sts.policies.drop_expired(world.store.rows[GOOD])
    assert list(world.store.rows) == [GOOD]
