"""What is done to domains through the API: each of many, and what it says."""

import asyncio
from typing import Any

import pytest

from mtasts_resolver.config import CacheConfig, Config, RefreshConfig
from mtasts_resolver.control.api.endpoint import Call, Peer, RefusedError
from mtasts_resolver.control.api.endpoints import ENDPOINTS
from mtasts_resolver.control.api.many import for_each
from mtasts_resolver.control.values.policies import AnswersQuery
from mtasts_resolver.control.values.steering import PurgeRequest, RefreshRequest, WarmRequest
from mtasts_resolver.discovery.errors import StatusError
from mtasts_resolver.knowledge.pacing import PAUSE_BETWEEN
from tests.unit.control.sources import sources_of
from tests.unit.knowledge.test_dane import Resolvers
from tests.unit.knowledge.world import World, document, settle

HANDLES = {endpoint.name: endpoint.handle for endpoint in ENDPOINTS}
ROOT = Peer(1, 0, "root")


async def said(name: str, sources: Any, *, body: Any = None, params: Any = None) -> list[Any]:
    handle: Any = HANDLES[name]
    call = Call(sources, params, body, ROOT)
    return [value async for batch in handle(call) for value in batch]


async def test_at_most_so_many_are_under_way_and_nothing_begins_for_nobody() -> None:
    begun: list[int] = []
    gate = asyncio.Event()

    async def work(number: int) -> int:
        begun.append(number)
        await gate.wait()
        return number

    batches = for_each(range(10), work, at_once=3)
    first = asyncio.ensure_future(anext(batches))
    await settle()
    assert begun == [0, 1, 2]
    gate.set()
    assert set(await first) <= {0, 1, 2}
    gate.clear()
    going_on = asyncio.ensure_future(anext(batches))
    await settle()
    going_on.cancel()
    await settle()
    await batches.aclose()
    gate.set()
    await settle()
    assert len(begun) <= 6


async def test_each_is_done_once() -> None:
    async def work(number: int) -> int:
        await asyncio.sleep(0)
        return number

    done = [number async for batch in for_each(range(100), work, at_once=7) for number in batch]
    assert sorted(done) == list(range(100))
    assert [batch async for batch in for_each([], work, at_once=7)] == []


@pytest.mark.parametrize(
    "body",
    [
        RefreshRequest(),
        RefreshRequest(domains=("a.example",), all=True),
        RefreshRequest(all=True, failing=True),
    ],
)
async def test_a_refresh_says_of_what(body: RefreshRequest) -> None:
    with pytest.raises(RefusedError, match="name `domains`"):
        await said("refresh", sources_of(World()), body=body)


async def test_what_is_no_domain_is_refused_as_a_whole() -> None:
    world = World()
    body = RefreshRequest(domains=("good.example", "localhost"))
    with pytest.raises(RefusedError, match="'localhost' is no domain"):
        await said("refresh", sources_of(world), body=body)
    assert world.internet.queries == []


async def test_each_outcome_of_a_refresh() -> None:
    world = World(Config(refresh=RefreshConfig(concurrency=2)))
    for name in ("same", "changes", "fails"):
        world.internet.publish(f"{name}.example", document())
        await world.mode(f"{name}.example")
    world.internet.publish("changes.example", document("none"))
    world.internet.publish("fails.example", StatusError("status 404"))
    world.internet.publish("new.example", document())
    world.internet.publish("broken.example", StatusError("status 500"))
    names = ("same", "changes", "fails", "new", "broken", "absent")
    body = RefreshRequest(domains=tuple(f"{name}.example" for name in names))
    found = {
        one.domain.partition(".")[0]: one
        for one in await said("refresh", sources_of(world), body=body)
    }
    assert {name: one.outcome for name, one in found.items()} == {
        "same": "unchanged",
        "changes": "changed",
        "fails": "failed",
        "new": "found",
        "broken": "failed",
        "absent": "absent",
    }
    assert {one.total for one in found.values()} == {6}
    assert found["changes"].before.mode == "enforce"
    assert found["changes"].after.mode == "none"
    assert (found["fails"].code, found["fails"].after.mode) == ("policy-fetch-status", "enforce")
    assert (found["broken"].reason, found["broken"].after) == ("status 500", None)


async def test_all_and_the_failing_ones_are_found_without_their_names() -> None:
    world = World()
    for name in "abc":
        world.internet.publish(f"{name}.example", document())
        await world.mode(f"{name}.example")
    await world.mode("absent.example")
    world.internet.web_down = True
    await world.sts.renew("b.example")
    world.internet.web_down = False
    sources = sources_of(world)
    failing = await said("refresh", sources, body=RefreshRequest(failing=True))
    assert [(one.domain, one.outcome, one.total) for one in failing] == [
        ("b.example", "unchanged", 1)
    ]
    await world.clock.advance(PAUSE_BETWEEN)
    every = await said("refresh", sources, body=RefreshRequest(all=True))
    assert sorted(one.domain for one in every) == ["a.example", "b.example", "c.example"]


async def test_what_is_warmed_is_known_then() -> None:
    world = World()
    world.internet.publish("good.example", document())
    world.internet.publish("broken.example", StatusError("status 404"))
    sources = sources_of(world)
    body = WarmRequest(
        keys=("good.example", "broken.example", "absent.example", "[relay.example]:587", ".x")
    )
    found = {one.key: one for one in await said("warm", sources, body=body)}
    assert {key: one.outcome for key, one in found.items()} == {
        "good.example": "found",
        "broken.example": "failed",
        "absent.example": "absent",
        "[relay.example]:587": "absent",
        ".x": "refused",
    }
    queries = len(world.internet.queries)
    again = await said("warm", sources, body=WarmRequest(keys=("good.example",)))
    assert [(one.outcome, one.mode) for one in again] == [("known", "enforce")]
    assert len(world.internet.queries) == queries


async def with_dane(world: World) -> Any:
    """Return sources that know of DANE at two next hops of a domain and at one of another."""
    zone = Resolvers()
    for domain in ("good.example", "other.example"):
        zone.add(domain, "MX", f"10 mx.{domain}.").host(f"mx.{domain}", "3 1 1 " + "ab" * 32)
        world.internet.publish(domain, document())
    sources = sources_of(world, zone)
    probing = asyncio.create_task(sources.dnssec.run())
    await settle()
    probing.cancel()
    body = WarmRequest(keys=("good.example", "[good.example]:587", "other.example"))
    await said("warm", sources, body=body)
    return sources


async def test_a_purge_takes_dane_at_each_of_a_domains_next_hops() -> None:
    world = World()
    sources = await with_dane(world)
    (purged,) = await said("purge", sources, body=PurgeRequest(domains=("good.example",)))
    assert (purged.domain, purged.known, purged.lost) == ("good.example", True, "enforce")
    assert [hop for hop, _ in sources.dane.cache.entries()] == ["other.example"]
    assert list(sources.dane.domains()) == ["other.example"]


async def test_a_purge_of_all_leaves_nothing() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=2)))
    sources = await with_dane(world)
    for name in "abc":
        world.internet.publish(f"{name}.example", document())
        await world.sts.resolve(f"{name}.example")
    with pytest.raises(RefusedError, match="still being read"):
        await said("purge", sources, body=PurgeRequest(all=True))
    world.sts.policies.loaded()
    purged = await said("purge", sources, body=PurgeRequest(all=True))
    assert {one.domain for one in purged} >= {"a.example", "good.example", "other.example"}
    assert world.store.rows == {}
    assert len(sources.dane.cache) == len(world.sts.cache) == len(world.sts) == 0
    (unknown,) = await said("purge", sources, body=PurgeRequest(domains=("a.example",)))
    assert (unknown.known, unknown.lost) == (False, None)


async def test_a_table_has_the_answers_of_a_map_for_each_next_hop() -> None:
    sources = await with_dane(World())
    found = {one.key: one for one in await said("list_answers", sources, params=AnswersQuery())}
    assert set(found) == {"good.example", "[good.example]:587", "other.example"}
    assert found["good.example"].text == "dane-only"
    assert found["[good.example]:587"].text.startswith("secure match=mx.good.example")
    assert found["good.example"].expires is not None
