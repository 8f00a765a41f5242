"""From request to reply: map options, and keys that cost nothing. Rows A1, A4, C8, K1, K2."""

import asyncio
from collections.abc import Awaitable

import pytest

from mtasts_resolver.answers.service import MAX_UNKNOWN_MAPS, LookupService, RepliesRevoked
from mtasts_resolver.answers.tallies import TCP_TABLE, UNKNOWN_MAP
from mtasts_resolver.base.overload import MisconfiguredError
from mtasts_resolver.config import CacheConfig, Config, MapOptions
from mtasts_resolver.knowledge import inflight
from mtasts_resolver.knowledge.cache import ManyDicts
from mtasts_resolver.knowledge.dnssec import DnssecProbe
from mtasts_resolver.knowledge.events import DnssecChanged
from mtasts_resolver.policy import StsFinding
from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import NOT_FOUND, Reply, Status, TimedReply
from mtasts_resolver.store import StoreReturned
from tests.events import events
from tests.unit.knowledge import world as published
from tests.unit.knowledge.world import TTL, World, ask, document, settle

SECURE = "secure match=mx.good.example"


def service_for(world: World) -> LookupService:
    """Return a service of a host without a validating resolver: DANE is off."""
    discoverer = world.discoverer()
    dane = world.dane(discoverer, DnssecProbe(discoverer, "off", world.clock, world.events))
    return LookupService(
        world.sts,
        dane,
        world.overrides,
        clock=world.clock,
        config=world.config,
        counters=world.counters,
        events=world.events,
    )


@pytest.mark.row("A1")
async def test_each_map_answers_as_it_is_configured() -> None:
    maps = {
        "plain": MapOptions(sni=False),
        "strict": MapOptions(testing="enforce"),
    }
    world = World(Config(maps=maps, tcp_table_map="plain"))
    world.internet.publish("good.example", document())
    world.internet.publish("test.example", document("testing"))
    service = service_for(world)
    with_sni = Reply(Status.OK, f"{SECURE} servername=hostname")
    for name in ("default", "QUERY", "postfix", "strict", "nobody-configured-it"):
        reply = await ask(service, "good.example", name)
        assert (reply.status, reply.text) == (with_sni.status, with_sni.text)
    assert (await ask(service, "good.example", "plain")).text == SECURE
    assert (await ask(service, "good.example", "")).text == SECURE  # tcp_table has no names


@pytest.mark.parametrize("name", ["querywithtlsrpt", "QUERYWITHTLSRPT", "TLSRPT", "Reports"])
async def test_case_does_not_count_in_the_name_of_a_map(name: str) -> None:
    world = World(Config(maps={"reports": MapOptions(tlsrpt=True)}))
    world.internet.publish("good.example", document())
    service = service_for(world)
    reply = await ask(service, "good.example", name)
    assert "policy_type=sts" in reply.text
    assert service.tallies.total(UNKNOWN_MAP) == 0
    assert service.tallies.total(name.lower()) == 1


async def test_a_map_that_there_is_not_is_default_and_each_look_up_in_it_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(Config(maps={"default": MapOptions(sni=False)}))
    world.internet.publish("good.example", document())
    service = service_for(world)
    for _ in range(3):
        assert (await ask(service, "good.example", "tlsrtp")).text == SECURE
        assert (await ask(service, "good.example", "TLSRTP")).text == SECURE
        assert await ask(service, ".example", "tlsrtp") == NOT_FOUND
    assert service.tallies.total(UNKNOWN_MAP) == service.tallies.total() == 9
    (warning,) = [logged for logged in events(caplog) if logged.event == "map-unknown"]
    assert warning.level == "WARNING"
    assert warning.fields["map"] == "tlsrtp"
    assert warning.fields["known"] == ["default", "query", "postfix", "tlsrpt", "querywithtlsrpt"]


@pytest.mark.threat("map-names")
async def test_names_of_maps_that_there_are_not_are_told_in_a_bounded_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    service = service_for(world)
    for number in range(2 * MAX_UNKNOWN_MAPS):
        await ask(service, ".example", f"{'x' * 50}{number}{'x' * 9_000}")
    told = [logged for logged in events(caplog) if logged.event == "map-unknown"]
    assert len(told) == MAX_UNKNOWN_MAPS
    assert [tally.count for tally in service.tallies] == [2 * MAX_UNKNOWN_MAPS]
    service.reconfigure(world.config)
    await ask(service, ".example", "x" * 9_000)
    assert len([logged for logged in events(caplog) if logged.event == "map-unknown"]) == (
        MAX_UNKNOWN_MAPS + 1
    )


@pytest.mark.row("C8")
async def test_testing_is_enforced_in_the_map_that_says_so() -> None:
    world = World(Config(maps={"strict": MapOptions(testing="enforce")}))
    world.internet.publish("test.example", document("testing"))
    service = service_for(world)
    assert await ask(service, "test.example") == NOT_FOUND
    assert (await ask(service, "test.example", "strict")).text.startswith(SECURE)


@pytest.mark.row("K1", "K2")
@pytest.mark.parametrize(
    "key",
    [".example", "[198.51.100.10]:587", "[2001:db8::1]:25", "localhost", "[mailhub]:submission"],
)
async def test_a_key_without_a_policy_domain_costs_nothing(key: str) -> None:
    world = World()
    answer = service_for(world).answer(Request("default", key))
    assert isinstance(answer, TimedReply)
    assert answer.reply == NOT_FOUND
    await settle()
    assert world.internet.queries == []
    assert len(world.sts.cache) == 0


@pytest.mark.threat("next-hop-spelled")
@pytest.mark.row("K3", "K4")
async def test_every_spelling_of_a_domain_is_one_domain() -> None:
    world = World()
    world.internet.publish("xn--bcher-kva.example", document())
    service = service_for(world)
    for key in ("bücher.example", "BÜCHER.example.", "[xn--bcher-kva.example]:25"):
        assert (await ask(service, key)).status is Status.OK
    assert world.internet.queries == ["xn--bcher-kva.example"]


async def test_what_memory_knows_is_answered_without_waiting() -> None:
    world = World()
    world.internet.publish("good.example", document())
    service = service_for(world)
    first = service.answer(Request("default", "good.example"))
    assert isinstance(first, Awaitable)
    await first
    assert isinstance(service.answer(Request("default", "good.example")), TimedReply)
    assert world.counters.waited == 1


@pytest.mark.row("A4")
async def test_a_failure_of_dns_is_deferred_only_where_the_administrator_says_so() -> None:
    for config, status in (
        (Config(), Status.NOTFOUND),
        (Config(on_dns_failure="defer"), Status.TEMP),
    ):
        world = World(config)
        world.internet.dns_down = True
        reply = await ask(service_for(world), "good.example")
        assert reply.status is status
        assert ("SERVFAIL from 192.0.2.53" in reply.text) == (status is Status.TEMP)


async def test_a_discoverer_that_cannot_work_is_not_called_overloaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()

    async def misconfigured(domain: str) -> StsFinding:
        raise MisconfiguredError("https: /x/ca.pem: no such file or directory")

    monkeypatch.setattr(world.sts, "resolve", misconfigured)
    reply = await ask(service_for(world), "good.example")
    assert reply.status is Status.TEMP
    assert "new domains cannot be looked up: https: /x/ca.pem: no such file" in reply.text
    assert "overloaded" not in reply.text


@pytest.mark.row("A4")
async def test_overload_is_a_temporary_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflight, "MAX_QUEUED", 1)
    world = World()
    world.internet.gate = asyncio.Event()
    service = service_for(world)
    waiting = asyncio.create_task(ask(service, "a.example"))
    await settle()
    reply = await ask(service, "b.example")
    assert reply.status is Status.TEMP
    assert "overloaded" in reply.text
    world.internet.gate.set()
    assert await waiting == NOT_FOUND


async def test_new_options_hold_from_the_next_look_up_on() -> None:
    world = World()
    world.internet.publish("good.example", document())
    service = service_for(world)
    await ask(service, "good.example")
    held = service.answer(Request("default", "good.example"))
    assert isinstance(held, TimedReply)
    revoked: list[RepliesRevoked] = []
    world.events.listen(RepliesRevoked, revoked.append)
    service.reconfigure(Config(maps={"default": MapOptions(sni=False)}))
    assert len(revoked) == 1  # whoever keeps its bytes asks again
    assert service.answer(Request("default", "good.example")) is not held
    assert (await ask(service, "good.example")).text == SECURE


async def test_to_revoke_all_replies_touches_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be a million: neither a reload nor a change of DNSSEC may look at each."""
    world = World()
    service = service_for(world)
    for number in range(50):
        await ask(service, f"d{number}.example")
        service.answer(Request("default", f"d{number}.example"))
    entry = world.sts.cache.get("d1.example")
    assert entry is not None
    (held,) = entry.replies
    with monkeypatch.context() as patch:
        for name in ("items", "steadily", "get"):
            patch.delattr(ManyDicts, name)
        service.reconfigure(Config())
        world.events.publish(DnssecChanged(validates=True))
    again = service.answer(Request("default", "d1.example"))
    assert isinstance(again, TimedReply)
    assert again is not held
    assert entry.replies == (again,)


async def test_a_reply_is_kept_until_something_is_due_or_new() -> None:
    world = World()
    world.internet.publish("good.example", document())
    service = service_for(world)
    await ask(service, "good.example")
    held = service.answer(Request("default", "good.example"))
    assert isinstance(held, TimedReply)
    assert held.until <= world.clock.now + TTL  # then the id is looked at again
    world.internet.publish("good.example", document("none"))
    await world.sts.renew("good.example")
    assert held.until < world.clock.now
    assert await ask(service, "good.example") == NOT_FOUND


async def test_what_one_domain_publishes_costs_no_other_its_reply() -> None:
    """Whoever publishes a policy can change it at any time."""
    world = World(Config(maps={"default": MapOptions(dane=False)}))
    for domain in ("good.example", "other.example"):
        world.internet.publish(domain, document())
    service = service_for(world)
    for domain in ("good.example", "other.example"):
        await ask(service, domain)
    held = service.answer(Request("default", "other.example"))
    for number in range(2, 10):
        world.internet.publish("good.example", document("none"), str(number))
        await world.sts.renew("good.example")
        await ask(service, "good.example")
    assert service.answer(Request("default", "other.example")) is held


async def test_a_reply_that_was_to_hold_longer_than_the_next_look_is_recalled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The TTL of the record has become shorter since the reply was made."""
    monkeypatch.setattr(published, "TTL", 3_600.0)
    world = World(Config(maps={"default": MapOptions(dane=False)}))
    world.internet.publish("good.example", document())
    service = service_for(world)
    await ask(service, "good.example")
    await world.clock.advance(TTL + 1)
    await ask(service, "good.example")  # has the id looked at: it may be believed for an hour
    await settle()
    held = service.answer(Request("default", "good.example"))
    assert isinstance(held, TimedReply)
    assert held.until > world.clock.now + 3_000
    entry = world.sts.cache.get("good.example")
    assert entry is not None
    entry.stale_at = world.clock.now + TTL
    world.internet.publish("good.example", document("none"), "2")
    await world.clock.advance(TTL + 1)
    world.sts.lookup("good.example")
    await settle()
    assert held.until < world.clock.now
    assert await ask(service, "good.example") == NOT_FOUND


async def test_a_stored_policy_recalls_the_answer_that_there_is_none() -> None:
    world = World()
    world.internet.publish("good.example", document())
    await world.mode("good.example")
    world.restart()
    del world.internet.records["good.example"]
    world.store.unreadable = True
    service = service_for(world)
    assert await ask(service, "good.example") == NOT_FOUND
    held = service.answer(Request("default", "good.example"))
    assert isinstance(held, TimedReply)
    assert held.until > world.clock.now
    world.store.unreadable = False
    world.events.publish(StoreReturned())
    assert held.until < world.clock.now
    assert (await ask(service, "good.example")).status is Status.OK


async def test_replies_that_are_over_do_not_pile_up() -> None:
    world = World()
    world.internet.publish("good.example", document())
    service = service_for(world)
    for _ in range(50):
        await ask(service, "good.example")
        await ask(service, "GOOD.example")
        await world.clock.advance(TTL + 1)
        entry = world.sts.cache.get("good.example")
        assert entry is not None
        assert len(entry.replies) == 1


async def test_every_spelling_shares_a_reply_and_each_map_has_its_own() -> None:
    world = World()
    world.internet.publish("good.example", document())
    service = service_for(world)
    await ask(service, "good.example")
    kept = {
        id(service.answer(Request(name, key)))
        for name in ("default", "DEFAULT")
        for key in ("good.example", "GOOD.example", "[good.example]:25")
    }
    assert len(kept) == 1
    for name in ("query", ""):  # which are counted apart; the other protocol has other bytes
        kept.add(id(service.answer(Request(name, "good.example"))))
    assert len(kept) == 3
    entry = world.sts.cache.get("good.example")
    assert entry is not None
    assert len(entry.replies) == 3


def counts(service: LookupService) -> dict[tuple[str, str], int]:
    return {(tally.map_name, tally.answer): tally.count for tally in service.tallies if tally.count}


async def test_each_look_up_is_counted_once_by_map_and_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether it was waited for, known, refused, or of no domain at all."""
    world = World(Config(maps={"strict": MapOptions(testing="enforce")}))
    world.internet.publish("good.example", document())
    world.internet.publish("test.example", document("testing"))
    service = service_for(world)
    for key in ("good.example", "good.example", "test.example", "none.example", ".example"):
        for name in ("default", "STRICT", "", "nobody-configured-it"):
            await ask(service, key, name)
    monkeypatch.setattr(inflight, "MAX_QUEUED", 0)
    await ask(service, "other.example")
    assert counts(service) == {
        ("default", "secure"): 2,
        ("default", "notfound"): 3,
        ("default", "temp"): 1,
        ("strict", "secure"): 3,
        ("strict", "notfound"): 2,
        (TCP_TABLE, "secure"): 2,
        (TCP_TABLE, "notfound"): 3,
        (UNKNOWN_MAP, "secure"): 2,
        (UNKNOWN_MAP, "notfound"): 3,
    }
    assert service.tallies.total() == 21


async def test_what_is_too_long_for_tcp_table_is_counted_as_what_is_sent() -> None:
    world = World()
    hosts = [f"mx{number}.{'x' * 60}.good.example" for number in range(80)]
    world.internet.publish("good.example", document("enforce", *hosts))
    service = service_for(world)
    for name in ("default", ""):
        for _ in range(2):
            await ask(service, "good.example", name)
    assert counts(service) == {("default", "secure"): 2, (TCP_TABLE, "temp"): 2}


async def test_counts_outlive_a_reload() -> None:
    world = World(Config(maps={"short-lived": MapOptions()}))
    service = service_for(world)
    await ask(service, ".example", "short-lived")
    service.reconfigure(Config())
    await ask(service, ".example", "short-lived")
    assert counts(service) == {("short-lived", "notfound"): 1, (UNKNOWN_MAP, "notfound"): 1}


async def test_a_reply_goes_with_the_entry_that_it_was_made_of() -> None:
    world = World(Config(cache=CacheConfig(memory_entries=1_000)))
    service = service_for(world)
    held = []
    for number in range(1_010):
        await ask(service, f"d{number}.example")
        answer = service.answer(Request("default", f"d{number}.example"))
        assert isinstance(answer, TimedReply)
        held.append(answer)
    assert sum(answer.until > world.clock.now for answer in held) <= 1_000
