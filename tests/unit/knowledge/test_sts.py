"""What the resolver remembers, and when it looks again."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from mtasts_resolver.base.ratelimit import MAX_LINES
from mtasts_resolver.discovery.errors import StatusError
from mtasts_resolver.discovery.findings import FoundSts
from mtasts_resolver.knowledge.entry import ABSENT
from mtasts_resolver.knowledge.events import PolicyForgotten
from mtasts_resolver.knowledge.lifetimes import MIN_ID_CHECK
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.worker.direct import DirectDiscoverer
from tests.unit.knowledge.world import (
    DAY,
    GOOD,
    HOUR,
    START,
    TTL,
    World,
    document,
    events,
    fields,
    held,
    settle,
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


async def test_a_policy_is_discovered_once_and_then_answered_from_memory(world: World) -> None:
    world.internet.publish(GOOD, document())
    assert world.sts.lookup(GOOD) is None
    assert await world.mode(GOOD) == "enforce"
    for _ in range(5):
        entry = world.sts.lookup(GOOD)
        assert entry is not None
        assert entry.finding.policy is not None
        assert entry.finding.policy.mx == ("mx.good.example",)
    assert world.internet.queries == [GOOD]
    assert world.internet.fetches == [GOOD]


async def test_however_many_ask_there_is_one_discovery(world: World) -> None:
    world.internet.publish(GOOD, document())
    world.internet.gate = asyncio.Event()
    waiting = [asyncio.create_task(world.mode(GOOD)) for _ in range(100)]
    await settle()
    world.internet.gate.set()
    assert set(await asyncio.gather(*waiting)) == {"enforce"}
    assert world.internet.queries == [GOOD]


@pytest.mark.row("C1")
async def test_an_unchanged_id_does_not_extend_a_policy(world: World) -> None:
    world.internet.publish(GOOD, document(max_age=int(DAY)))
    assert await world.mode(GOOD) == "enforce"
    world.internet.web_down = True
    while world.clock.wall() < START + DAY - HOUR:
        await world.clock.advance(HOUR)
        assert await world.mode(GOOD) == "enforce"
    await world.clock.advance(HOUR + 1)
    assert len(world.internet.queries) > 20  # the id was looked at all the time, and never changed
    assert await world.mode(GOOD) is None


@pytest.mark.threat("dns-hides-policy")
@pytest.mark.row("C2", "R6")
@pytest.mark.parametrize(
    "records", [None, [], [b"v=STSv1; id=1;", b"v=STSv1; id=2;"], [b"v=STSv1;"], [b"v=spf1 -all"]]
)
async def test_no_usable_record_does_not_remove_a_cached_policy(
    world: World, records: list[bytes] | None
) -> None:
    world.internet.publish(GOOD, document())
    assert await world.mode(GOOD) == "enforce"
    if records is None:
        del world.internet.records[GOOD]
    else:
        world.internet.records[GOOD] = records
    for _ in range(3):
        await world.clock.advance(HOUR)
        assert await world.mode(GOOD) == "enforce"
    assert len(world.internet.queries) == 4


@pytest.mark.row("C5")
async def test_a_new_id_is_noticed_behind_an_answer_that_does_not_wait(world: World) -> None:
    world.internet.publish(GOOD, document("enforce"))
    assert await world.mode(GOOD) == "enforce"
    world.internet.publish(GOOD, document("none"), policy_id="2")
    await world.clock.advance(TTL + 1)
    world.internet.gate = asyncio.Event()
    entry = world.sts.lookup(GOOD)
    assert entry is not None
    assert entry.finding.policy is not None
    assert entry.finding.policy.mode == "enforce"
    await settle()
    assert world.sts.lookup(GOOD) is entry  # the check runs, and nobody waits for it
    world.internet.gate.set()
    await settle()
    assert await world.mode(GOOD) == "none"


@pytest.mark.row("C5")
async def test_a_policy_that_expires_while_its_id_is_checked_is_fetched(world: World) -> None:
    world.internet.publish(GOOD, document(max_age=3_600))
    await world.mode(GOOD)
    await world.clock.advance(3_599)
    world.internet.gate = asyncio.Event()
    assert await world.mode(GOOD) == "enforce"  # and the id is being checked
    await world.clock.advance(2)
    waiting = asyncio.create_task(world.mode(GOOD))
    await settle()
    world.internet.gate.set()
    assert await waiting == "enforce"
    assert world.internet.fetches == [GOOD, GOOD]
    assert world.internet.queries == [GOOD, GOOD]


async def test_the_id_is_checked_at_most_every_few_minutes(world: World) -> None:
    world.internet.publish(GOOD, document())
    for _ in range(600):
        await world.mode(GOOD)
        await world.clock.advance(6)
    assert 10 <= len(world.internet.queries) <= 13  # an hour in steps of five minutes


@pytest.mark.row("C5")
async def test_after_a_restart_the_id_is_checked_at_the_first_use(world: World) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.restart()
    world.internet.publish(GOOD, document("none"), policy_id="2")
    assert await world.mode(GOOD) == "enforce"
    assert await world.mode(GOOD) == "none"


async def test_a_policy_holds_from_its_fetch_on_and_was_asked_for_by_the_last_look_up(
    world: World,
) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    await world.clock.advance(HOUR)
    await world.sts.renew(GOOD)
    now, wall = world.clock.now, world.clock.wall()
    assert world.store.rows[GOOD] == StoredPolicy(GOOD, "1", document(), wall, wall - HOUR)
    entry = held(world)
    assert (entry.until, entry.asked) == (now + 7 * DAY, now - HOUR)
    assert entry.stale_at == now + MIN_ID_CHECK


@pytest.mark.threat("dns-hides-policy")
@pytest.mark.row("C4")
async def test_a_refresh_fetches_although_the_id_is_unchanged_or_gone(world: World) -> None:
    world.internet.publish(GOOD, document("testing"))
    await world.mode(GOOD)
    world.internet.documents[GOOD] = document("enforce")
    await world.sts.renew(GOOD)
    assert await world.mode(GOOD) == "enforce"
    del world.internet.records[GOOD]
    world.internet.documents[GOOD] = document("none")
    await world.sts.renew(GOOD)
    assert await world.mode(GOOD) == "none"
    world.internet.dns_down = True
    world.internet.documents[GOOD] = document("testing")
    await world.sts.renew(GOOD)
    assert await world.mode(GOOD) == "testing"
    assert world.store.rows[GOOD].policy_id == "1"


async def test_an_absence_is_believed_for_its_ttl(world: World) -> None:
    assert await world.mode("none.example") is None
    await world.clock.advance(TTL - 1)
    assert await world.mode("none.example") is None
    assert len(world.internet.queries) == 1
    world.internet.publish("none.example", document())
    await world.clock.advance(2)
    assert await world.mode("none.example") == "enforce"


async def test_absences_are_kept_in_memory_only(world: World) -> None:
    await world.mode("none.example")
    world.internet.dns_down = True
    await world.mode("down.example")
    assert world.store.rows == {}


async def test_what_is_to_be_fetched_is_asked_for_together_with_the_record_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[str]] = []
    ask = DirectDiscoverer.sts

    async def noting(self: DirectDiscoverer, domain: str, known_ids: Sequence[str]) -> FoundSts:
        asked.append(known_ids)
        return await ask(self, domain, known_ids)

    monkeypatch.setattr(DirectDiscoverer, "sts", noting)
    world.internet.publish(GOOD, document(max_age=600))
    await world.mode(GOOD)
    world.clock.now = held(world).stale_at
    await world.mode(GOOD)  # an id that is known
    await world.sts.renew(GOOD)
    world.clock.now = held(world).until
    await world.mode(GOOD)  # over
    assert asked == [[], ["1"], [], []]
    assert len(world.internet.fetches) == 3
    world.internet.publish(GOOD, StatusError("status 404"), "2")
    world.clock.now = held(world).until
    await world.mode(GOOD)
    failure = held(world).failure
    assert failure is not None
    del asked[:]
    world.clock.now = held(world).stale_at
    await world.mode(GOOD)
    again = held(world)
    assert (again.failure, again.until) == (failure, failure.retry_at)
    assert (again.asked, again.stale_at) == (world.clock.now, world.clock.now + MIN_ID_CHECK)
    world.clock.now = failure.retry_at
    await world.mode(GOOD)
    assert asked == [["2"], []]


async def test_what_seems_over_and_is_stored_for_longer_is_answered_without_a_question(
    world: World,
) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    held(world).until = world.clock.now  # as by a clock that was ahead
    assert await world.mode(GOOD) == "enforce"
    assert world.internet.queries == [GOOD]


@pytest.mark.threat("next-hop-idle")
async def test_what_nobody_asked_for_in_forget_after_is_forgotten_and_told(world: World) -> None:
    forgotten: list[PolicyForgotten] = []
    world.events.listen(PolicyForgotten, forgotten.append)
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    entry = held(world)
    forget_after = world.config.refresh.forget_after
    entry.asked = world.clock.now - forget_after + 1
    renewed = await world.sts.renew(GOOD)
    assert renewed is not None
    assert forgotten == []
    renewed.asked -= 1
    assert await world.sts.renew(GOOD) is None
    assert forgotten == [PolicyForgotten(GOOD, renewed.finding.policy, "1")]
    assert world.store.rows == {}


async def test_who_waited_learns_what_was_found_though_it_is_purged_at_once(world: World) -> None:
    world.internet.publish(GOOD, document())
    world.internet.gate = asyncio.Event()
    first = asyncio.create_task(world.sts.resolve(GOOD))
    await settle()
    purging = asyncio.create_task(world.sts.purge(GOOD))
    await settle()
    second = asyncio.create_task(world.sts.resolve(GOOD))
    await settle()
    world.internet.gate.set()
    for waiting in (first, second):
        assert (await waiting).policy is not None
    await purging
    assert world.sts.cache.get(GOOD) is None


async def test_a_bug_in_a_discovery_is_told_and_the_next_one_begins_afresh(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.publish(GOOD, document())
    with monkeypatch.context() as broken:
        broken.setattr(world.internet, "query", None)
        with pytest.raises(TypeError):
            await world.sts.resolve(GOOD)
    (told,) = fields(caplog, "internal-error")
    assert (told["domain"], told["during"]) == (GOOD, "discovery")
    assert "TypeError" in caplog.text
    assert await world.mode(GOOD) == "enforce"


async def test_a_policy_of_no_age_is_valid_and_lives_a_minute(world: World) -> None:
    world.internet.publish(GOOD, document(max_age=0))
    assert await world.mode(GOOD) == "enforce"
    assert world.sts.due_at(GOOD) == held(world).until == world.clock.now + 60
    for _ in range(59):
        await world.clock.advance(1)
        assert await world.mode(GOOD) == "enforce"
    assert world.internet.fetches == [GOOD]
    world.internet.web_down = True
    await world.clock.advance(1)
    assert await world.mode(GOOD) is None


async def test_changes_are_logged_and_look_ups_are_not(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.publish(GOOD, document("testing"))
    for _ in range(10):
        await world.mode(GOOD)
    world.internet.publish(GOOD, document("enforce"), policy_id="2")
    await world.clock.advance(TTL + 1)
    for _ in range(10):
        await world.mode(GOOD)
    await world.clock.advance(DAY)
    await world.sts.renew(GOOD)
    await world.mode("none.example")
    assert events(caplog) == ["policy-found", "policy-changed"]
    assert fields(caplog, "policy-changed") == [
        {
            "domain": GOOD,
            "mode": "enforce",
            "mx": "mx.good.example",
            "max_age": 604_800,
            "id": "2",
        }
    ]


async def test_the_end_of_the_resolver_ends_its_discoveries(world: World) -> None:
    world.internet.gate = asyncio.Event()
    waiting = asyncio.create_task(world.sts.resolve(GOOD))
    await settle()
    await world.sts.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_many_bad_domains_get_no_line_each(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for number in range(3 * MAX_LINES):
        world.internet.publish(f"bad{number}.example", StatusError("status 404"))
        await world.mode(f"bad{number}.example")
        world.internet.records[f"worse{number}.example"] = [b"v=STSv1; id=;"]
        await world.mode(f"worse{number}.example")
    for event in ("policy-unavailable", "policy-record-invalid"):
        assert [record.msg for record in caplog.records].count(event) == MAX_LINES
    await world.sts.close()
    world.journal.flush(at_once=True)
    left_out = [record for record in caplog.records if record.msg == "events-left-out"]
    assert [record.__dict__["fields"]["count"] for record in left_out] == [2 * MAX_LINES] * 2


async def test_that_there_is_no_record_is_held_for_its_ttl_and_no_longer(world: World) -> None:
    assert await world.mode(GOOD) is None
    entry = held(world)
    assert entry.finding is ABSENT
    assert entry.asked == world.clock.now
    assert entry.until == entry.stale_at == world.clock.now + TTL
    await world.clock.advance(TTL - 1)
    await world.mode(GOOD)
    assert len(world.internet.queries) == 1
    await world.clock.advance(1)
    await world.mode(GOOD)
    assert len(world.internet.queries) == 2


@pytest.mark.row("R6")
async def test_a_record_that_is_none_is_told_when_it_is_new(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.records[GOOD] = [b"v=STSv1;"]
    for _ in range(3):
        assert await world.mode(GOOD) is None
        await world.clock.advance(TTL)
    finding = held(world).finding
    assert (finding.code, finding.known) == ("record-invalid", True)
    assert "id" in finding.reason
    assert fields(caplog, "policy-record-invalid") == [
        {"domain": GOOD, "code": "record-invalid", "reason": finding.reason}
    ]
    del world.internet.records[GOOD]
    assert await world.mode(GOOD) is None
    await world.clock.advance(TTL)
    world.internet.records[GOOD] = [b"v=STSv1;"]
    assert await world.mode(GOOD) is None
    assert len(fields(caplog, "policy-record-invalid")) == 2
