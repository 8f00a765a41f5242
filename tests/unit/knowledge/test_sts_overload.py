"""Look-ups that wait: for how long, for whom, and how many there may be."""

import asyncio
import time

import pytest

from mtasts_resolver.base.overload import TOO_BUSY, TOO_MANY, OverloadedError
from mtasts_resolver.config import CacheConfig, Config, DnsConfig, HttpsConfig
from mtasts_resolver.discovery.findings import FoundSts
from mtasts_resolver.knowledge import inflight
from mtasts_resolver.knowledge.lifetimes import RETRY_SOON
from mtasts_resolver.worker.direct import DirectDiscoverer
from tests.unit.knowledge.world import GOOD, World, document, held, settle


@pytest.fixture
def world() -> World:
    return World()


async def test_a_look_up_has_one_time_out_however_often_the_policy_is_forgotten_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(Config(lookup_timeout=0.2))
    rounds = 0

    async def forget(domain: str) -> None:
        """Be a refresh that ends just before the look-up's time is over."""
        nonlocal rounds
        rounds += 1
        async with world.sts._discoveries.slot(domain):
            await asyncio.sleep(0.15)

    monkeypatch.setattr(world.sts, "_learn", forget)
    async with asyncio.timeout(20):
        finding = await world.sts.resolve("good.example")
    assert finding.code == "lookup-timeout"
    assert rounds <= 2
    await world.sts.close()


async def test_what_came_in_the_turn_in_which_the_time_was_over_counts() -> None:
    world = World(Config(lookup_timeout=0.2))
    world.internet.publish(GOOD, document())
    world.internet.gate = asyncio.Event()
    asked = asyncio.create_task(world.sts.resolve(GOOD))
    await settle()
    world.internet.gate.set()
    while world.sts.cache.get(GOOD) is None:  # noqa: ASYNC110  it tells nobody
        await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251  the loop is held
    assert (await asked).policy is not None


async def test_a_slow_discovery_is_answered_in_time_and_goes_on(world: World) -> None:
    world.config = Config(lookup_timeout=0.01)
    world.restart()
    world.internet.publish(GOOD, document())
    world.internet.gate = asyncio.Event()
    for look_ups in (1, 2):
        finding = await world.sts.resolve(GOOD)
        assert (finding.policy, finding.known) == (None, False)
        assert finding.reason.startswith(f"the policy of {GOOD} was not known within 0.01 s")
        assert world.counters.lookup_timeouts == look_ups
    world.internet.gate.set()
    await settle()
    assert await world.mode(GOOD) == "enforce"
    assert world.internet.queries == [GOOD]


async def test_a_discovery_that_has_not_begun_in_time_is_overload_and_no_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflight, "MAX_AT_ONCE", 2)
    world.config = Config(lookup_timeout=0.05)
    world.restart()
    world.internet.publish("late.example", document())
    world.internet.gate = asyncio.Event()
    busy = [asyncio.create_task(world.sts.resolve(f"d{n}.example")) for n in range(2)]
    await settle()
    with pytest.raises(OverloadedError, match=TOO_MANY):
        await world.sts.resolve("late.example")
    assert {(await task).code for task in busy} == {"lookup-timeout"}  # they had their turn
    world.internet.gate.set()
    await settle()
    assert await world.mode("late.example") == "enforce"


async def test_what_takes_longer_than_a_domain_can_is_our_fault_and_no_failure(
    world: World,
) -> None:
    config = Config(
        lookup_timeout=0.1, dns=DnsConfig(timeout=0.02), https=HttpsConfig(timeout=0.03)
    )
    world.config = config
    world.restart()
    world.internet.publish(GOOD, document())
    world.internet.gate = asyncio.Event()
    with pytest.raises(OverloadedError, match="too busy"):
        await world.sts.resolve(GOOD)
    world.internet.gate.set()
    await settle()
    assert await world.mode(GOOD) == "enforce"


async def test_what_takes_as_long_as_a_domain_can_is_its_own_affair(world: World) -> None:
    config = Config(
        lookup_timeout=1 / 16, dns=DnsConfig(timeout=1 / 32), https=HttpsConfig(timeout=1 / 32)
    )
    world.config = config
    world.restart()
    world.internet.gate = asyncio.Event()
    assert (await world.sts.resolve(GOOD)).code == "lookup-timeout"
    await world.sts.close()


async def test_a_look_up_that_waits_for_a_refresh_under_way_waits_for_the_domain() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=1), lookup_timeout=0.02))
    for domain in (GOOD, "other.example"):
        world.internet.publish(domain, document())
        await world.sts.resolve(domain)
    world.internet.gate = asyncio.Event()
    renewing = asyncio.create_task(world.sts.renew(GOOD))
    await settle()
    assert world.sts.lookup(GOOD) is None
    assert (await world.sts.resolve(GOOD)).code == "lookup-timeout"
    world.internet.gate.set()
    await renewing


@pytest.mark.threat("domains-many")
async def test_too_many_discoveries_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflight, "MAX_QUEUED", 3)
    world.internet.gate = asyncio.Event()
    waiting = [asyncio.create_task(world.mode(f"d{n}.example")) for n in range(3)]
    await settle()
    with pytest.raises(OverloadedError, match=TOO_MANY):
        await world.sts.resolve("one.too.many.example")
    world.internet.gate.set()
    await asyncio.gather(*waiting)
    assert await world.mode("one.too.many.example") is None


async def test_where_there_are_too_many_what_is_stale_is_looked_at_a_minute_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    entry = held(world)
    monkeypatch.setattr(inflight, "MAX_BEHIND", 0)
    world.clock.now = entry.stale_at
    assert world.sts.lookup(GOOD) is entry
    assert entry.stale_at == world.clock.now + RETRY_SOON
    assert await world.mode("new.example") is None  # mail's own finds room still


async def test_while_we_are_too_busy_what_is_known_holds_to_its_end_and_no_longer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_self: DirectDiscoverer, _domain: str, _ids: object) -> FoundSts:
        raise OverloadedError(TOO_BUSY)

    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    entry = held(world)
    monkeypatch.setattr(DirectDiscoverer, "sts", refuse)
    world.clock.now = entry.stale_at
    assert await world.mode(GOOD) == "enforce"
    assert held(world) is entry
    assert entry.stale_at == world.clock.now + RETRY_SOON
    for domain, when in (("other.example", world.clock.now), (GOOD, entry.until)):
        world.clock.now = when
        with pytest.raises(OverloadedError, match=TOO_BUSY):
            await world.sts.resolve(domain)
