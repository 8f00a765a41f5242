"""What the resolver remembers, and when it looks again: rows C1 to C9, P11 and R6."""

import asyncio
import itertools
import logging
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from mtasts_resolver.base.overload import TOO_BUSY, TOO_MANY, OverloadedError
from mtasts_resolver.base.ratelimit import MAX_LINES
from mtasts_resolver.config import CacheConfig, Config, DnsConfig, HttpsConfig
from mtasts_resolver.discovery.errors import (
    CertificateError,
    DnsServerError,
    DnsTimeoutError,
    InvalidPolicyError,
    StatusError,
)
from mtasts_resolver.discovery.findings import FoundSts
from mtasts_resolver.knowledge import inflight
from mtasts_resolver.knowledge.entry import ABSENT, StsEntry
from mtasts_resolver.knowledge.events import PolicyExpired, PolicyForgotten
from mtasts_resolver.knowledge.lifetimes import (
    MAX_ABSENCE,
    MAX_RETRY,
    MIN_ID_CHECK,
    MIN_RETRY,
    RETRY_JITTER,
    RETRY_SOON,
)
from mtasts_resolver.knowledge.nameservers import OUTAGE_AFTER
from mtasts_resolver.knowledge.policies import DOUBTED_PER_TURN
from mtasts_resolver.postfix.reply import NOT_FOUND, TimedReply
from mtasts_resolver.store import StoredPolicy, StoreReturned
from mtasts_resolver.worker.direct import DirectDiscoverer
from tests.unit.knowledge.world import DAY, START, TTL, World, document, settle

GOOD = "good.example"
HOUR = 3_600.0


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.msg for record in caplog.records]


def fields(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    return [record.__dict__["fields"] for record in caplog.records if record.msg == event]


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


@pytest.mark.row("C3")
async def test_a_record_without_a_policy_is_delivered_to_as_without_and_reported(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.publish(GOOD, CertificateError("certificate expired 3 days ago"))
    finding = await world.sts.resolve(GOOD)
    assert (finding.policy, finding.known) == (None, True)
    assert finding.reason == "certificate expired 3 days ago"
    assert fields(caplog, "policy-unavailable") == [
        {
            "domain": GOOD,
            "code": "policy-host-certificate-invalid",
            "reason": "certificate expired 3 days ago",
        }
    ]


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


@pytest.mark.row("C9")
async def test_a_failed_fetch_of_a_new_policy_does_not_replace_the_old_one(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.publish(GOOD, document("enforce"))
    await world.mode(GOOD)
    world.internet.publish(GOOD, InvalidPolicyError("line 2: no mode"), policy_id="2")
    await world.clock.advance(TTL + 1)
    await world.mode(GOOD)
    assert await world.mode(GOOD) == "enforce"
    assert world.store.rows[GOOD].policy_id == "1"
    assert fields(caplog, "policy-refresh-failed")[0]["reason"] == "line 2: no mode"


@pytest.mark.row("P11")
async def test_a_failed_fetch_is_not_tried_again_for_five_minutes_then_ever_more_rarely(
    world: World,
) -> None:
    world.internet.publish(GOOD, StatusError("status 404"))
    tried: list[float] = []
    for _ in range(3 * 24 * 60):
        before = len(world.internet.fetches)
        await world.mode(GOOD)
        if len(world.internet.fetches) > before:
            tried.append(world.clock.now)
        await world.clock.advance(60)
    waits = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert min(waits) >= MIN_RETRY
    assert max(waits) <= MAX_RETRY * 1.25 + 60
    assert waits[-1] > 10 * waits[0]
    assert len(set(waits)) > 3  # jitter


@pytest.mark.row("P11")
async def test_a_changed_id_is_fetched_at_once_and_starts_anew(world: World) -> None:
    world.internet.publish(GOOD, StatusError("status 404"))
    for _ in range(8):
        await world.mode(GOOD)
        await world.clock.advance(2 * HOUR)
    await world.mode(GOOD)
    world.internet.publish(GOOD, document(), policy_id="2")
    await world.clock.advance(TTL + 1)  # far from the next try for the old id
    await world.mode(GOOD)
    assert await world.mode(GOOD) == "enforce"


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


async def test_a_refresh_that_failed_is_held_and_stores_when_the_domain_was_asked_for(
    world: World,
) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.internet.web_down = True
    await world.clock.advance(2 * DAY)
    await world.mode(GOOD)
    size = world.sts.cache.bytes
    await world.sts.renew(GOOD)
    assert world.store.rows[GOOD].asked_at == world.clock.wall()
    assert world.sts.cache.bytes > size  # the reason is kept, too
    entry, size = held(world), world.sts.cache.bytes
    world.sts.cache.put(GOOD, entry)
    assert world.sts.cache.bytes == size
    for failures in (2, 3, 4, 5, 6):
        assert entry.failure is not None
        world.clock.now = entry.failure.retry_at
        entry.until = world.clock.now + 2 * HOUR
        await world.sts.renew(GOOD)
        assert entry.failure.failures == failures
        # The nearer the end, the sooner.
        assert MIN_RETRY <= entry.failure.retry_at - world.clock.now <= HOUR * (1 + RETRY_JITTER)


@pytest.mark.row("P11")
async def test_failures_are_counted_for_each_id(world: World) -> None:
    for number, policy_id in enumerate(("1", "1", "2"), start=1):
        world.internet.publish(GOOD, StatusError(f"status 40{number}"), policy_id)
        await world.mode(GOOD)
        failure = held(world).failure
        assert failure is not None
        assert (failure.policy_id, failure.failures) == (policy_id, 2 if number == 2 else 1)
        assert (failure.code, failure.reason) == (StatusError.code, f"status 40{number}")
        world.clock.now = failure.retry_at


@pytest.mark.row("C6")
async def test_a_failing_refresh_is_reported_once_and_again_as_expiry_nears(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.publish(GOOD, document(max_age=int(10 * DAY)))
    await world.mode(GOOD)
    world.internet.web_down = True
    for _ in range(239):
        await world.clock.advance(HOUR)
        await world.sts.renew(GOOD)
        assert world.sts.failing_refresh == 1
    reports = [record for record in caplog.records if record.msg == "policy-refresh-failed"]
    assert [record.levelno for record in reports] == [
        logging.WARNING,
        logging.ERROR,
        logging.ERROR,
    ]
    first = fields(caplog, "policy-refresh-failed")[0]
    assert first["domain"] == GOOD
    assert first["reason"] == "status 503"
    assert 9.9 <= first["days_until_expiry"] <= 10
    await world.clock.advance(HOUR)
    assert await world.sts.renew(GOOD) is None
    assert "policy-expired" in events(caplog)
    assert world.sts.failing_refresh == 0
    assert GOOD not in world.store.rows


@pytest.mark.row("C6")
async def test_a_refresh_that_works_again_is_reported(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.internet.web_down = True
    await world.sts.renew(GOOD)
    world.internet.web_down = False
    await world.clock.advance(HOUR)
    await world.sts.renew(GOOD)
    assert "policy-refresh-recovered" in events(caplog)
    assert world.sts.failing_refresh == 0


@pytest.mark.row("C6", "C7")
async def test_a_policy_in_mode_none_may_vanish_without_a_word(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.publish(GOOD, document("none", max_age=int(DAY)))
    assert await world.mode(GOOD) == "none"
    del world.internet.records[GOOD], world.internet.documents[GOOD]
    for _ in range(23):
        await world.clock.advance(HOUR)
        assert await world.mode(GOOD) == "none"
        await world.sts.renew(GOOD)
    assert GOOD in world.store.rows
    await world.clock.advance(HOUR)
    await world.sts.renew(GOOD)
    assert GOOD not in world.store.rows
    assert {record.levelno for record in caplog.records} <= {logging.INFO}
    assert world.sts.failing_refresh == 0


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


async def test_a_failure_of_dns_is_no_absence_and_is_soon_asked_again(world: World) -> None:
    world.internet.publish(GOOD, document())
    world.internet.dns_down = True
    finding = await world.sts.resolve(GOOD)
    assert not finding.known
    assert "SERVFAIL" in finding.reason
    world.internet.dns_down = False
    await world.clock.advance(RETRY_SOON)
    assert await world.mode(GOOD) == "enforce"


async def test_an_outage_of_the_name_servers_is_reported_once_and_its_end_too(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.dns_down = True
    for number in range(30):
        await world.mode(f"d{number}.example")
    world.internet.dns_down = False
    await world.mode("other.example")
    assert events(caplog) == ["name-servers-failing", "name-servers-answer-again"]


def outage() -> DnsTimeoutError:
    """Return what a fetch raises where our name servers fail after the record was looked up."""
    error = DnsTimeoutError("A mta-sts.good.example: 192.0.2.53 did not answer in time")
    error.outage = True
    return error


async def test_an_outage_between_the_record_and_the_policy_is_no_failure_of_the_domain(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.publish(GOOD, outage())
    finding = await world.sts.resolve(GOOD)
    assert not finding.known
    assert finding.code == "dns-timeout"
    for number in range(30):
        world.internet.publish(f"d{number}.example", outage())
        await world.mode(f"d{number}.example")
    assert events(caplog) == ["name-servers-failing"]
    assert world.counters.fetch_failures == 0
    world.internet.publish(GOOD, document())
    await world.clock.advance(RETRY_SOON)
    assert await world.mode(GOOD) == "enforce"


async def test_an_outage_while_the_policy_alone_is_fetched_again(world: World) -> None:
    """The pause after a failure ends while the record is looked up."""
    world.internet.publish(GOOD, StatusError("status 503"))
    await world.mode(GOOD)
    failure = held(world).failure
    assert failure is not None
    world.internet.publish(GOOD, outage())
    world.internet.gate = asyncio.Event()
    looking = asyncio.create_task(world.sts.resolve(GOOD))
    await world.clock.advance(failure.retry_at - world.clock.now)
    world.internet.gate.set()
    finding = await looking
    assert world.internet.fetches == [GOOD, GOOD]
    assert (finding.known, finding.code) == (False, "dns-timeout")
    assert held(world).finding == finding


async def test_an_outage_while_a_policy_is_refreshed_leaves_it_in_force(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.publish(GOOD, document())
    await world.mode(GOOD)
    world.internet.publish(GOOD, outage())
    assert await world.sts.renew(GOOD) is not None
    assert await world.mode(GOOD) == "enforce"
    (failed,) = fields(caplog, "policy-refresh-failed")
    assert failed["code"] == "dns-timeout"
    assert world.sts.failing_refresh == 1


async def test_domains_whose_own_servers_fail_are_no_outage(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.internet.dns_down, world.internet.dns_outage = True, False
    for number in range(30):
        await world.mode(f"d{number}.example")
        await world.clock.advance(OUTAGE_AFTER)
    assert events(caplog) == []


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


# -- what is held where there is no policy -----------------------------------------------------


def held(world: World, domain: str = GOOD) -> StsEntry:
    entry = world.sts.cache.get(domain)
    assert entry is not None
    return entry


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


async def test_dead_name_servers_are_asked_once_a_minute(world: World) -> None:
    world.internet.dns_down = True
    for _ in range(3):
        assert await world.mode(GOOD) is None
        assert not held(world).finding.known
        await world.clock.advance(RETRY_SOON - 1)
        assert await world.mode(GOOD) is None
        await world.clock.advance(1)
    assert len(world.internet.queries) == 3


async def test_what_still_holds_is_looked_at_again_a_minute_after_the_servers_failed(
    world: World,
) -> None:
    world.internet.publish(GOOD, StatusError("status 404"))
    assert await world.mode(GOOD) is None
    entry = held(world)
    assert (entry.finding.code, entry.asked) == (StatusError.code, world.clock.now)
    assert entry.stale_at == world.clock.now + MIN_ID_CHECK
    assert entry.failure is not None
    assert entry.until == entry.failure.retry_at
    entry.until = world.clock.now + DAY  # as after some failures more
    world.internet.dns_down = True
    await world.clock.advance(MIN_ID_CHECK)
    before = len(world.internet.queries)
    for _ in range(3):
        await world.mode(GOOD)
    assert held(world) is entry
    assert entry.stale_at == world.clock.now + RETRY_SOON
    assert len(world.internet.queries) == before + 1


@pytest.mark.row("P11")
async def test_failures_of_the_policy_host_are_counted_on_though_dns_fails_meanwhile(
    world: World,
) -> None:
    world.internet.publish(GOOD, StatusError("status 404"))
    for failures in (1, 2, 3):
        assert await world.mode(GOOD) is None
        failure = held(world).failure
        assert failure is not None
        assert failure.failures == failures
        world.internet.dns_down = True
        await world.clock.advance(failure.retry_at - world.clock.now)
        assert await world.mode(GOOD) is None
        assert held(world).failure == failure
        world.internet.dns_down = False
        await world.clock.advance(RETRY_SOON)


async def test_a_policy_that_is_over_is_told_and_goes_when_nothing_takes_its_place(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    expired: list[PolicyExpired] = []
    world.events.listen(PolicyExpired, expired.append)
    world.internet.publish(GOOD, document(max_age=int(DAY)))
    await world.mode(GOOD)
    world.internet.records.clear()
    await world.clock.advance(DAY + 1)
    assert await world.mode(GOOD) is None
    assert [(told.domain, told.policy_id) for told in expired] == [(GOOD, "1")]
    assert fields(caplog, "policy-expired") == [{"domain": GOOD, "mode": "enforce"}]
    assert GOOD not in world.store.rows


async def test_each_failure_of_dns_is_counted_and_told_to_whoever_wants_to_know(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.internet.dns_down = True
    for number in range(2):
        await world.mode(f"d{number}.example")
    assert world.counters.dns_failures == 2
    (first, _) = fields(caplog, "dns-failed")
    assert first["code"] == DnsServerError.code
    assert "SERVFAIL from 192.0.2.53" in first["reason"]
