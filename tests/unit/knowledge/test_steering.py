"""What an administrator may have done to what is known."""

import asyncio
import logging
from typing import Any

import pytest

from mtasts_resolver.config import CacheConfig, Config
from mtasts_resolver.knowledge.dnssec import DnssecProbe
from mtasts_resolver.knowledge.entry import DaneEntry
from mtasts_resolver.knowledge.events import PolicyImported, PolicyPurged
from mtasts_resolver.knowledge.policies import Taken
from mtasts_resolver.knowledge.steering import Steering
from mtasts_resolver.policy import Dane, DaneFinding, DocumentError, Mode
from mtasts_resolver.store import StoredPolicy
from tests.unit.knowledge.world import DAY, START, World, document, settle

GOOD = "good.example"


def steering_of(world: World) -> Steering:
    discoverer = world.discoverer()
    dane = world.dane(discoverer, DnssecProbe(discoverer, "off", world.clock, world.events))
    return Steering(world.sts, dane, world.events, "root")


def told(world: World, kind: type[Any]) -> list[Any]:
    heard: list[Any] = []
    world.events.listen(kind, heard.append)
    return heard


@pytest.fixture
def world() -> World:
    world = World()
    world.internet.publish(GOOD, document())
    return world


async def test_what_is_purged_is_gone_from_memory_store_and_schedule(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await world.mode(GOOD)
    purged = told(world, PolicyPurged)
    lost = await steering_of(world).purge(GOOD)
    assert lost is not None
    assert lost.mode is Mode.ENFORCE
    assert world.sts.cache.get(GOOD) is None
    assert world.store.rows == {}
    assert GOOD not in world.sts
    assert [(event.domain, event.policy_id, event.by) for event in purged] == [(GOOD, "1", "root")]
    (line,) = [record for record in caplog.records if record.msg == "policy-purged"]
    assert line.levelname == "WARNING"
    assert await world.mode(GOOD) == "enforce"
    assert world.internet.fetches == [GOOD, GOOD]


async def test_a_failing_policy_that_is_purged_fails_no_more(world: World) -> None:
    await world.mode(GOOD)
    world.internet.web_down = True
    await world.sts.renew(GOOD)
    assert world.sts.failing_refresh == 1
    await steering_of(world).purge(GOOD)
    assert world.sts.failing_refresh == 0


async def test_what_only_the_store_holds_is_purged_too() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=1)))
    for name in ("a.example", "b.example"):
        world.internet.publish(name, document())
        await world.sts.resolve(name)
    lost = await steering_of(world).purge("a.example")
    assert lost is not None
    assert set(world.store.rows) == {"b.example"}


async def test_a_purge_waits_for_what_would_bring_the_policy_back(world: World) -> None:
    await world.mode(GOOD)
    world.internet.gate = asyncio.Event()
    renewing = asyncio.create_task(world.sts.renew(GOOD))
    await settle()
    purging = asyncio.create_task(steering_of(world).purge(GOOD))
    await settle()
    assert not purging.done()
    world.internet.gate.set()
    await asyncio.gather(renewing, purging)
    assert world.store.rows == {}
    assert world.sts.cache.get(GOOD) is None


async def test_what_the_store_cannot_tell_now_is_deleted_all_the_same(world: World) -> None:
    await world.mode(GOOD)
    world.restart()
    world.store.unreadable = True
    assert await steering_of(world).purge(GOOD) is None
    assert world.store.rows == {}


async def test_the_next_hops_of_a_domain_are_known_by_its_name(world: World) -> None:
    discoverer = world.discoverer()
    dane = world.dane(discoverer, DnssecProbe(discoverer, "off", world.clock, world.events))
    hops = {"good.example", "good.example:587", "[good.example]", "[good.example]:587"}
    for hop in (*hops, "other.example"):
        finding = DaneFinding(Dane.NONE)
        dane.cache.put(hop, DaneEntry(finding=finding, until=1, stale_at=1, asked=0))
    found = Steering(world.sts, dane, world.events, "root").next_hops()
    assert {hop for domain, hop in found if domain == GOOD} == hops


async def test_nothing_is_lost_where_there_was_no_policy(world: World) -> None:
    purged = told(world, PolicyPurged)
    await world.mode("absent.example")
    assert await steering_of(world).purge("absent.example") is None
    assert await steering_of(world).purge("unknown.example") is None
    assert world.sts.cache.get("absent.example") is None
    assert purged == []


def brought(
    *, fetched_at: float = START - DAY, policy: str = "", domain: str = GOOD
) -> StoredPolicy:
    return StoredPolicy(domain, "7", policy or document("testing"), fetched_at, fetched_at)


async def test_a_policy_that_is_brought_in_is_held_as_one_that_was_fetched_then(
    world: World,
) -> None:
    imported = told(world, PolicyImported)
    assert await steering_of(world).take_in(brought()) is Taken.IMPORTED
    assert world.store.rows[GOOD] == brought()
    entry = world.sts.cache.get(GOOD)
    assert entry is not None
    assert entry.until == world.clock.monotonic() + 6 * DAY
    assert GOOD in world.sts
    assert [(event.domain, event.policy_id, event.by) for event in imported] == [
        (GOOD, "7", "root")
    ]
    assert await steering_of(world).take_in(brought()) is Taken.KNOWN


async def test_one_that_was_fetched_later_stays(world: World) -> None:
    await world.mode(GOOD)
    assert await steering_of(world).take_in(brought()) is Taken.KNOWN
    assert await world.mode(GOOD) == "enforce"
    await world.clock.advance(DAY)
    later = brought(fetched_at=START + DAY / 2)
    assert await steering_of(world).take_in(later) is Taken.IMPORTED
    assert await world.mode(GOOD) == "testing"


async def test_one_that_takes_the_place_of_an_absence_applies(world: World) -> None:
    assert await world.mode("absent.example") is None
    stored = brought(domain="absent.example")
    assert await steering_of(world).take_in(stored) is Taken.IMPORTED
    assert await world.mode("absent.example") == "testing"


@pytest.mark.threat("import-hostile")
async def test_one_that_is_over_or_no_policy_is_not_taken(world: World) -> None:
    steering = steering_of(world)
    over = brought(fetched_at=START - 8 * DAY)
    assert await steering.take_in(over) is Taken.EXPIRED
    with pytest.raises(DocumentError):
        await steering.take_in(brought(policy="<html>"))
    assert world.store.rows == {}
    assert world.sts.cache.get(GOOD) is None


async def test_a_time_of_fetch_that_is_to_come_counts_as_now(world: World) -> None:
    ahead = brought(fetched_at=START + 300 * DAY)
    assert await steering_of(world).take_in(ahead) is Taken.IMPORTED
    assert (world.store.rows[GOOD].fetched_at, world.store.rows[GOOD].asked_at) == (START, START)
    entry = world.sts.cache.get(GOOD)
    assert entry is not None
    assert entry.until == world.clock.monotonic() + 7 * DAY
