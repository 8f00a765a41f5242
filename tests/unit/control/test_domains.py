"""What is known of domains, as an administrator asks for it."""

import pytest

from mtasts_resolver.config import CacheConfig, Config, MapOptions
from mtasts_resolver.control.values.domains import DomainQuery, DomainSummary
from mtasts_resolver.control.views.domain import view_domain
from mtasts_resolver.control.views.domains import find_domains, list_domains
from mtasts_resolver.control.views.policies import exported
from mtasts_resolver.discovery.errors import StatusError
from mtasts_resolver.policy import NextHop
from mtasts_resolver.store import StoredPolicy
from tests.unit.control.sources import sources_of
from tests.unit.knowledge.world import DAY, START, World, document


async def known_world(config: Config | None = None) -> World:
    """Return a world with a domain of each kind."""
    world = World(config)
    world.internet.publish("enforce.example", document(), "11")
    world.internet.publish("testing.example", document("testing"))
    world.internet.publish("none.example", document("none"))
    world.internet.publish("short.example", document(max_age=86_400))
    world.internet.publish("broken.example", StatusError("status 404"))
    for name in ("enforce", "testing", "none", "short", "broken", "absent"):
        await world.mode(f"{name}.example")
    return world


async def names(world: World, **query: object) -> list[str]:
    """Return the first labels of the domains on a page."""
    page = await list_domains(sources_of(world), DomainQuery(**query))  # type: ignore[arg-type]
    return [summary.domain.removesuffix(".example") for summary in page.domains]


async def one(world: World, domain: str) -> DomainSummary:
    page = await list_domains(sources_of(world), DomainQuery(matching=domain, mode="all"))
    (summary,) = page.domains
    return summary


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["enforce", "none", "short", "testing"]),
        ({"mode": "enforce"}, ["enforce", "short"]),
        ({"mode": "testing"}, ["testing"]),
        ({"mode": "none"}, ["none"]),
        ({"mode": "absent"}, ["absent", "broken"]),
        ({"mode": "all"}, ["absent", "broken", "enforce", "none", "short", "testing"]),
        ({"expires_within": 2 * DAY}, ["short"]),
        ({"matching": "*E.example"}, ["enforce", "none"]),
        ({"matching": "[es]*"}, ["enforce", "short"]),
        ({"matching": "example"}, []),
        ({"unused_for": 1.0}, []),
        ({"descending": True}, ["testing", "short", "none", "enforce"]),
        ({"sort": "expires", "limit": 1}, ["short"]),
        ({"sort": "mode"}, ["enforce", "short", "none", "testing"]),
    ],
)
async def test_the_list_has_what_is_meant_in_its_order(
    query: dict[str, object], found: list[str]
) -> None:
    assert await names(await known_world(), **query) == found


async def test_a_page_ends_where_the_next_begins() -> None:
    sources = sources_of(await known_world())
    first = await list_domains(sources, DomainQuery(limit=3))
    assert (len(first.domains), first.matched) == (3, 4)
    second = await list_domains(sources, DomainQuery(limit=3, after=first.next))
    assert [summary.domain for summary in second.domains] == ["testing.example"]
    assert (second.next, second.matched) == (None, 4)


async def test_a_line_says_what_is_known() -> None:
    world = await known_world()
    summary = await one(world, "enforce.example")
    assert summary == DomainSummary(
        domain="enforce.example",
        mode="enforce",
        id="11",
        max_age=7 * 86_400,
        fetched="2027-01-15T08:00:00Z",
        due=summary.due,
        expires="2027-01-22T08:00:00Z",
        used="2027-01-15T08:00:00Z",
        dane="off",
        answer="secure",
    )
    assert summary.due is not None
    assert "2027-01-16T02:00:00Z" <= summary.due <= "2027-01-16T08:00:00Z"


async def test_a_line_says_why_there_is_no_policy() -> None:
    world = await known_world()
    absent = await one(world, "absent.example")
    assert (absent.mode, absent.code, absent.answer) == (None, "no-record", "notfound")
    assert absent.due is None
    broken = await one(world, "broken.example")
    assert (broken.code, broken.reason) == ("policy-fetch-status", "status 404")


async def test_those_that_fail_are_found_with_the_reason() -> None:
    world = await known_world()
    world.internet.web_down = True
    await world.sts.renew("short.example")
    assert await names(world, failing=True) == ["short"]
    assert await names(world, failing=True, mode="testing") == []
    failing = (await one(world, "short.example")).failing
    assert failing is not None
    assert (failing.since, failing.code) == ("2027-01-15T08:00:00Z", "policy-fetch-status")
    assert failing.reason == "status 503"
    assert failing.retry >= "2027-01-15T08:05:00Z"


async def test_to_look_is_no_look_up() -> None:
    world = await known_world()
    await world.clock.advance(DAY / 2)
    queries = len(world.internet.queries)
    assert await names(world, unused_for=DAY / 3) == ["enforce", "none", "short", "testing"]
    await view_domain(sources_of(world), NextHop("enforce.example"))
    assert (await one(world, "enforce.example")).used == "2027-01-15T08:00:00Z"
    assert len(world.internet.queries) == queries


async def test_what_only_the_store_holds_is_among_them() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=2)))
    for name in "abc":
        world.internet.publish(f"{name}.example", document())
        await world.sts.resolve(f"{name}.example")
    page = await list_domains(sources_of(world), DomainQuery())
    assert [(one.domain, one.in_memory) for one in page.domains] == [
        ("a.example", False),
        ("b.example", True),
        ("c.example", True),
    ]
    details = await view_domain(sources_of(world), NextHop("a.example"))
    assert details is not None
    assert details.document == document()
    assert world.sts.cache.get("a.example") is None


async def test_one_that_fails_and_that_only_the_store_holds_is_among_them() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=2)))
    for name in "abc":
        world.internet.publish(f"{name}.example", document())
        await world.sts.resolve(f"{name}.example")
    world.internet.web_down = True
    await world.sts.renew("a.example")
    page = await list_domains(sources_of(world), DomainQuery(failing=True))
    assert [(one.domain, one.in_memory) for one in page.domains] == [("a.example", False)]
    assert page.domains[0].failing is not None


async def test_where_the_store_cannot_be_read_the_page_says_what_is_missing() -> None:
    world = await known_world()
    world.store.unreadable = True
    page = await list_domains(sources_of(world), DomainQuery())
    assert len(page.domains) == 4
    assert page.incomplete == "the store cannot be read: the disk does not answer"


async def test_a_damaged_row_of_the_store_is_passed_over() -> None:
    world = await known_world(Config(cache=CacheConfig(memory_entries=1_000)))
    world.sts.cache.remove("enforce.example")
    damaged = StoredPolicy("enforce.example", "1", "<html>", START, START)
    world.store.rows["enforce.example"] = damaged
    assert "enforce" not in await names(world)
    assert "enforce.example" in world.store.rows


# -- one domain ----------------------------------------------------------------------------------


async def test_all_that_is_known_of_one_domain() -> None:
    maps = {"strict": MapOptions(testing="enforce"), "plain": MapOptions(dane=False)}
    world = await known_world(Config(maps=maps, preload=("testing.example",)))
    details = await view_domain(sources_of(world), NextHop("testing.example"))
    assert details is not None
    assert details.summary.mode == "testing"
    assert details.document == document("testing")
    assert details.mx == ("mx.good.example",)
    assert details.preloaded
    answers = {name: answer for answer in details.answers for name in answer.maps}
    assert answers["default"].reply == "NOTFOUND"
    assert answers["default"].why == "neither DANE nor MTA-STS applies: main.cf decides"
    assert answers["strict"].answer == "secure"
    assert answers["strict"].why == "MTA-STS decides: DANE does not apply"
    assert answers["querywithtlsrpt"].answer == "notfound"
    assert set(answers) == {
        *("default", "query", "postfix", "tlsrpt", "querywithtlsrpt", "strict", "plain")
    }


async def test_of_a_domain_that_nobody_asked_for_nothing_is_known() -> None:
    assert await view_domain(sources_of(World()), NextHop("unknown.example")) is None


async def test_a_policy_that_is_over_is_shown_and_answers_nothing() -> None:
    world = await known_world()
    await world.clock.advance(2 * DAY)
    details = await view_domain(sources_of(world), NextHop("short.example"))
    assert details is not None
    assert details.summary.mode == "enforce"
    assert details.summary.answer is None
    assert [answer.answer for answer in details.answers] == [None] * len(details.answers)


async def test_the_walk_goes_on_while_domains_come_and_go() -> None:
    world = await known_world()
    sources = sources_of(world)
    met = []
    async for known in find_domains(sources, DomainQuery(mode="all")):
        met.append(known.domain)
        world.sts.cache.remove(known.domain)
        await world.mode(f"new{len(met)}.example")
        if len(met) > 50:
            break
    assert {"enforce.example", "absent.example"} <= set(met)


async def test_while_the_store_is_loaded_each_policy_is_met_once() -> None:
    world = World()
    for number in range(50):
        domain = f"d{number}.example"
        world.store.put(StoredPolicy(domain, "1", document(), START, START))
    sources = sources_of(world)
    for stored in list(world.store.rows.values())[:10]:
        world.sts.policies.load(stored)
    waiting = iter(list(world.store.rows.values())[10:])
    met = []
    async for known in find_domains(sources, DomainQuery()):
        met.append(known.domain)
        if (coming := next(waiting, None)) is not None:
            world.sts.policies.load(coming)  # as the loader does behind the walk
    assert sorted(met) == sorted(world.store.rows)


@pytest.mark.parametrize("asked_at", [-1e300, -1e11, 0.0, 1e300])
@pytest.mark.parametrize("fetched_at", [START, 1e300])
async def test_times_that_a_store_cannot_mean_cost_no_list(
    asked_at: float, fetched_at: float
) -> None:
    world = await known_world()
    world.store.put(StoredPolicy("odd.example", "1", document(), fetched_at, asked_at))
    sources = sources_of(world)
    assert len((await list_domains(sources, DomainQuery())).domains) == 5
    odd = [known async for known in find_domains(sources, DomainQuery(matching="odd.*"))]
    assert exported(sources, odd[0]) is not None
