"""What is counted goes to the history, into the hour that it was in."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.base.events import Events
from mtasts_resolver.control.lastingcounts import INTERVAL, MAX_KINDS, OTHERS, LastingCounts
from mtasts_resolver.knowledge.events import Discovered
from mtasts_resolver.knowledge.statistics import DiscoveryStatistics
from mtasts_resolver.postfix.reply import Tally
from mtasts_resolver.store.history import History
from mtasts_resolver.store.hourcounts import HOUR, HourCount
from tests.unit.knowledge.world import FakeClock


class Kept(History):
    """Keeps what it is given, and writes nothing."""

    def __init__(self) -> None:
        self.waits = False
        self.given: list[HourCount] = []

    @property
    def counts_wait(self) -> bool:
        return self.waits

    def count(self, counted: Sequence[HourCount]) -> None:
        self.given += counted

    async def begun(self) -> None:
        return

    def totals(self) -> dict[tuple[str, ...], int]:
        found: dict[tuple[str, ...], int] = {}
        for one in self.given:
            kind = (one.subject, one.name, one.outcome)
            found[kind] = found.get(kind, 0) + one.number
        return found


class Counted:
    """Lasting counts on a clock that the test turns, and what is counted."""

    def __init__(self) -> None:
        self.clock, self.kept, self.events = FakeClock(), Kept(), Events()
        self.clock.offset += -self.clock.wall() % HOUR  # at the beginning of an hour
        self.tallies: list[Tally] = []
        self.counts = LastingCounts(
            self.kept, self.clock, self.tallies, DiscoveryStatistics(self.events)
        )

    def discovered(self, outcome: str, code: str = "", *, refresh: bool = False) -> None:
        self.events.publish(Discovered("policy", refresh, outcome, code, 0.1))  # type: ignore[arg-type]


def test_each_outcome_and_each_answer_is_counted_once() -> None:
    counted = Counted()
    for outcome in ("found", "found", "unchanged", "absent"):
        counted.discovered(outcome)
    counted.discovered("failed", "policy-body", refresh=True)
    secure = Tally("default", "secure", count=3)
    counted.tallies += [secure, Tally("pilot", "notfound", "secure", count=2)]
    counted.counts.note()
    secure.count += 4
    counted.discovered("found")
    counted.counts.note()
    counted.counts.note()
    assert counted.kept.totals() == {
        ("policy", "look-up", "found"): 3,
        ("policy", "look-up", "unchanged"): 1,
        ("policy", "look-up", "absent"): 1,
        ("policy", "refresh", "policy-body"): 1,
        ("look-up", "default", "secure"): 7,
        ("look-up", "pilot", "would be secure"): 2,
    }


async def test_differences_go_to_their_hours_also_where_the_clock_is_set() -> None:
    counted = Counted()
    begun = int(counted.clock.wall() // HOUR)
    running = asyncio.create_task(counted.counts.run())
    await counted.clock.advance(HOUR - 1)
    counted.discovered("found")  # in the last second of the first hour
    await counted.clock.advance(1)
    counted.discovered("absent")
    counted.clock.offset += 24 * HOUR + 10
    await counted.clock.advance(2 * INTERVAL)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    hours = {(one.hour - begun, one.outcome) for one in counted.kept.given}
    assert hours == {(0, "found"), (0, "seconds"), (25, "absent"), (25, "seconds")}
    assert all(one.first <= one.last for one in counted.kept.given)
    awake = counted.kept.totals()["daemon", "running", "seconds"]
    assert HOUR + INTERVAL <= awake <= HOUR + 2 * INTERVAL


async def test_what_the_disk_does_not_take_is_counted_later() -> None:
    counted = Counted()
    counted.kept.waits = True
    for _ in range(3):
        counted.discovered("found")
        await counted.clock.advance(INTERVAL)
        counted.counts.note()
    assert counted.kept.given == []
    counted.kept.waits = False
    counted.counts.note()
    assert counted.kept.totals()["policy", "look-up", "found"] == 3


async def test_a_host_that_was_suspended_did_not_count_all_the_while() -> None:
    counted = Counted()
    await counted.clock.advance(10 * HOUR)
    counted.counts.note()
    assert counted.kept.totals() == {("daemon", "running", "seconds"): int(2 * INTERVAL)}


def test_the_kinds_are_bounded_and_none_is_lost() -> None:
    counted = Counted()
    counted.tallies += [Tally(f"m{n:03}", "secure", count=1) for n in range(MAX_KINDS + 50)]
    counted.counts.note()
    totals = counted.kept.totals()
    assert len(totals) == MAX_KINDS + 1
    assert sum(totals.values()) == MAX_KINDS + 50
    assert totals["look-up", OTHERS, OTHERS] == 50


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.integers(1, 5)),
        st.tuples(st.just("discover"), st.sampled_from(("found", "absent", "failed"))),
        st.tuples(st.just("pass"), st.floats(0, 2 * HOUR)),
        st.tuples(st.just("set the clock"), st.floats(-2 * HOUR, 2 * HOUR)),
        st.tuples(st.just("disk"), st.booleans()),
        st.tuples(st.just("note"), st.none()),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_happens_each_is_counted_once(steps: list[tuple[str, Any]]) -> None:
    counted = Counted()
    tally = Tally("default", "secure")
    counted.tallies.append(tally)
    discoveries = 0
    for what, how in steps:
        match what:
            case "answer":
                tally.count += how
            case "discover":
                counted.discovered(how, "policy-body" if how == "failed" else "")
                discoveries += 1
            case "pass":
                counted.clock.now += how
            case "set the clock":
                counted.clock.offset += how
            case "disk":
                counted.kept.waits = how
            case _:
                counted.counts.note()
    counted.kept.waits = False
    counted.counts.note()
    totals = counted.kept.totals()
    assert totals.get(("look-up", "default", "secure"), 0) == tally.count
    assert sum(count for (what, *_), count in totals.items() if what == "policy") == discoveries
    assert totals.get(("daemon", "running", "seconds"), 0) <= counted.clock.now - 5_000.0
    assert all(one.number > 0 and one.first <= one.last for one in counted.kept.given)
