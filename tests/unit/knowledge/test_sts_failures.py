"""What the resolver does where DNS or a policy host fails, and whom it tells."""

import asyncio
import itertools
import logging

import pytest

from mtasts_resolver.discovery.errors import (
    CertificateError,
    DnsServerError,
    DnsTimeoutError,
    InvalidPolicyError,
    StatusError,
)
from mtasts_resolver.knowledge.events import PolicyExpired
from mtasts_resolver.knowledge.lifetimes import (
    MAX_RETRY,
    MIN_ID_CHECK,
    MIN_RETRY,
    RETRY_JITTER,
    RETRY_SOON,
)
from mtasts_resolver.knowledge.nameservers import OUTAGE_AFTER
from tests.unit.knowledge.world import DAY, GOOD, HOUR, TTL, World, document, events, fields, held


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def outage() -> DnsTimeoutError:
    """Return what a fetch raises where our name servers fail after the record was looked up."""
    error = DnsTimeoutError("A mta-sts.good.example: 192.0.2.53 did not answer in time")
    error.outage = True
    return error


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


@pytest.mark.threat("https-blocked")
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


@pytest.mark.threat("https-blocked")
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


@pytest.mark.threat("dns-down")
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
