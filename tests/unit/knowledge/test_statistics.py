"""What becomes of each discovery is counted once, with its outcome and its time."""

import asyncio

from mtasts_resolver.base.counters import BOUNDS, Histogram
from mtasts_resolver.discovery.errors import StatusError
from mtasts_resolver.knowledge.events import Discovered
from mtasts_resolver.knowledge.statistics import DiscoveryKind, DiscoveryStatistics
from tests.unit.knowledge.world import DAY, TTL, World, document, settle


def ended(statistics: DiscoveryStatistics) -> dict[tuple[str, bool, str], int]:
    return {kind: sum(histogram.counts) for kind, histogram in statistics.durations.items()}


async def test_each_discovery_of_a_policy_is_counted_as_what_it_came_to() -> None:
    world = World()
    statistics = DiscoveryStatistics(world.events)
    world.internet.publish("good.example", document())
    world.internet.publish("broken.example", StatusError("status 404"))
    world.internet.records["wrong.example"] = [b"v=STSv1; id=;"]
    for domain in ("good.example", "none.example", "broken.example", "wrong.example"):
        await world.mode(domain)
    assert ended(statistics) == {
        ("policy", False, "found"): 1,
        ("policy", False, "absent"): 1,
        ("policy", False, "failed"): 2,
    }
    assert statistics.failures == {
        ("policy", False, StatusError.code): 1,
        ("policy", False, "record-invalid"): 1,
    }


async def test_discoveries_and_fetches_are_counted_and_the_former_timed() -> None:
    world = World()
    statistics = DiscoveryStatistics(world.events)
    world.internet.publish("good.example", document())
    world.internet.gate = asyncio.Event()
    looking = asyncio.create_task(world.mode("good.example"))
    await world.clock.advance(2)
    world.internet.gate.set()
    await looking
    for domain in ("a.example", "b.example"):
        world.internet.publish(domain, StatusError("status 404"))
        await world.mode(domain)
    assert statistics.durations[DiscoveryKind("policy", False, "found")].seconds == 2
    counters = world.counters
    assert (counters.discoveries, counters.fetches, counters.fetch_failures) == (3, 3, 2)


async def test_a_look_behind_an_answer_finds_the_same_id_or_none_or_fails() -> None:
    world = World()
    world.internet.publish("good.example", document())
    await world.mode("good.example")
    statistics = DiscoveryStatistics(world.events)

    async def look_again() -> None:
        await world.clock.advance(2 * TTL)
        await world.mode("good.example")

    await look_again()
    world.internet.dns_down = True
    await look_again()
    world.internet.dns_down = False
    del world.internet.records["good.example"]
    await look_again()
    world.internet.publish("good.example", document("testing"), "2")
    await look_again()
    assert ended(statistics) == {
        ("policy", False, "unchanged"): 1,
        ("policy", False, "failed"): 1,
        ("policy", False, "absent"): 1,
        ("policy", False, "found"): 1,
    }
    assert statistics.failures == {("policy", False, "dns-server-failure"): 1}


async def test_nothing_but_a_failure_has_a_code() -> None:
    world = World()
    codes: dict[str, str] = {}
    world.events.listen(Discovered, lambda told: codes.update({told.outcome: told.code}))
    world.internet.publish("good.example", document())
    await world.mode("none.example")
    for _ in range(2):
        await world.mode("good.example")
        await world.clock.advance(2 * TTL)
    assert codes == {"absent": "", "found": "", "unchanged": ""}
    codes.clear()
    del world.internet.records["good.example"]
    await world.mode("good.example")
    world.internet.dns_down = True
    await world.mode("other.example")
    assert codes == {"absent": "", "failed": "dns-server-failure"}


async def test_refreshes_are_counted_apart() -> None:
    world = World()
    world.internet.publish("good.example", document())
    await world.mode("good.example")
    statistics = DiscoveryStatistics(world.events)
    await world.sts.renew("good.example")
    world.internet.web_down = True
    await world.clock.advance(DAY / 24)
    await world.sts.renew("good.example")
    await world.clock.advance(DAY / 24)
    await world.sts.renew("good.example")
    await settle()
    assert ended(statistics) == {("policy", True, "found"): 1, ("policy", True, "failed"): 2}
    await world.clock.advance(TTL)
    await world.mode("good.example")  # whose look behind the answer does not try it yet
    assert ended(statistics)["policy", False, "unchanged"] == 1
    assert statistics.failures == {("policy", True, StatusError.code): 2}


def test_a_histogram_tells_apart_what_took_up_to_each_bound() -> None:
    histogram = Histogram()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 0.001, BOUNDS[-1], BOUNDS[-1] + 1):
        histogram.observe(seconds)
    assert histogram.counts == [2, 1, *[0] * (len(BOUNDS) - 3), 1, 1]
    assert histogram.seconds == 2 * BOUNDS[0] + 0.001 + 2 * BOUNDS[-1] + 1
