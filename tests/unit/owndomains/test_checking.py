"""When own domains are checked: a month of it, restarts, clocks that are set, reloads."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TypeVar

import pytest

from mtasts_resolver.base.events import Events
from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.config import OwnDomainConfig
from mtasts_resolver.findings import Finding
from mtasts_resolver.knowledge.pacing import TooSoonError
from mtasts_resolver.knowledge.schedule import PAUSE
from mtasts_resolver.owndomains.checking import (
    CONFIRM,
    CUT_OFF,
    SPREAD,
    START_DELAY,
    NotOwnError,
    OwnChecks,
)
from mtasts_resolver.owndomains.events import OwnDomainChecked, OwnDomainNotChecked
from mtasts_resolver.owndomains.lastcheck import LastCheck
from mtasts_resolver.published.judge import SeenBefore
from mtasts_resolver.published.observed import Observed
from tests.events import events
from tests.unit.knowledge.world import DAY, FakeClock, settle
from tests.unit.owndomains.seen import BROKEN, DOMAIN, FakeLooker, cut_off, observed, texts

HOUR = 3_600.0

T = TypeVar("T")
ERROR = BROKEN.found("mx1.own.example", "no STARTTLS")


def own(*domains: str, interval: float = 6 * HOUR, smtp: bool = True) -> list[OwnDomainConfig]:
    return [OwnDomainConfig(domain=each, interval=interval, smtp=smtp) for each in domains]


async def at_once(work: Callable[[], T]) -> T:
    """Do it in this turn, not in a thread, which the test's clock knows nothing of."""
    return work()


class Bench:
    """Checks of domains that are what the test says."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.events = Events()
        self.looker = FakeLooker(self.clock)
        self.findings: Sequence[Finding] = ()
        self.before: list[SeenBefore | None] = []
        self.checked: list[OwnDomainChecked] = []
        self.not_checked: list[OwnDomainNotChecked] = []
        self.events.listen(OwnDomainChecked, self.checked.append)
        self.events.listen(OwnDomainNotChecked, self.not_checked.append)

    def judge(self, _seen: Observed, before: SeenBefore | None) -> tuple[Finding, ...]:
        self.before.append(before)
        return tuple(self.findings)

    @asynccontextmanager
    async def running(
        self, domains: Sequence[OwnDomainConfig], kept: dict[str, LastCheck] | None = None
    ) -> AsyncIterator[OwnChecks]:
        chance = random.Random(8461)  # noqa: S311  the same jitter in every run
        checks = OwnChecks(self.looker, self.judge, self.events, self.clock, chance, beside=at_once)
        checks.take(domains, kept or {})
        task = asyncio.create_task(checks.run())
        try:
            yield checks
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await checks.close()


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_month_of_checks_is_spread_and_keeps_its_pace(bench: Bench) -> None:
    names = [f"d{number}.example" for number in range(20)]
    bench.looker.takes = 30.0
    async with bench.running(own(*names)):
        await bench.clock.advance(30 * DAY)
    assert bench.looker.most_at_once == 1
    for name in names:
        times = bench.looker.times(name)
        assert 105 <= len(times) <= 132
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert all(0.89 * 6 * HOUR <= gap <= 1.2 * 6 * HOUR for gap in gaps)
        assert len(set(gaps)) > 50
    last_day = sorted(time for time, _, _ in bench.looker.looks if time > bench.clock.now - DAY)
    # They began within minutes of each other, and are all over the day now.
    assert max(later - earlier for earlier, later in pairwise(last_day)) < 3 * HOUR


async def test_the_first_checks_come_soon_one_after_the_other(bench: Bench) -> None:
    begun = bench.clock.now
    async with bench.running(own("a.example", "b.example", "c.example")):
        await bench.clock.advance(START_DELAY - 1)
        assert not bench.looker.looks
        await bench.clock.advance(1 + 3 * 2 * SPREAD)
    assert [name for _, name, _ in bench.looker.looks] == ["a.example", "b.example", "c.example"]
    assert bench.looker.looks[0][0] == begun + START_DELAY


async def test_a_restart_checks_nothing_that_was_checked_lately(bench: Bench) -> None:
    async with bench.running(own(DOMAIN)) as checks:
        await bench.clock.advance(HOUR)
        last = checks.of(DOMAIN).last
        assert last is not None
    checked = len(bench.looker.looks)
    async with bench.running(own(DOMAIN), {DOMAIN: last}) as checks:
        assert checks.of(DOMAIN).last is last
        await bench.clock.advance(4 * HOUR)
        assert len(bench.looker.looks) == checked
        await bench.clock.advance(2 * HOUR)
    assert len(bench.looker.looks) == checked + 1
    assert not bench.checked[-1].first


@pytest.mark.parametrize("step", [-400 * DAY, -HOUR, 12 * HOUR, 400 * DAY])
async def test_a_clock_that_was_set_between_two_runs_delays_no_check(
    bench: Bench, step: float
) -> None:
    async with bench.running(own(DOMAIN)) as checks:
        await bench.clock.advance(HOUR)
        last = checks.of(DOMAIN).last
    checked = len(bench.looker.looks)
    bench.clock.offset += step
    assert last is not None
    async with bench.running(own(DOMAIN), {DOMAIN: last}):
        await bench.clock.advance(7 * HOUR)
    assert checked < len(bench.looker.looks) <= checked + 2


async def test_a_clock_that_is_set_while_it_runs_changes_nothing(bench: Bench) -> None:
    async with bench.running(own(DOMAIN)):
        for step in (-400 * DAY, 400 * DAY) * 4:
            bench.clock.offset += step
            await bench.clock.advance(DAY)
    gaps = [later - earlier for earlier, later in pairwise(bench.looker.times(DOMAIN))]
    assert all(0.89 * 6 * HOUR <= gap <= 1.11 * 6 * HOUR for gap in gaps)
    assert len(gaps) > 25


async def test_a_reload_adds_and_removes_and_leaves_the_others_alone(bench: Bench) -> None:
    async with bench.running(own("a.example", "b.example")) as checks:
        await bench.clock.advance(HOUR)
        kept = checks.of("b.example").due
        checks.take(own("b.example", "c.example"), {})
        assert checks.of("b.example").due == kept
        with pytest.raises(NotOwnError):
            checks.of("a.example")
        before = len(bench.looker.looks)
        await bench.clock.advance(START_DELAY)
        assert [name for _, name, _ in bench.looker.looks[before:]] == ["c.example"]
        await bench.clock.advance(DAY)
    assert len(bench.looker.times("a.example")) == 1
    assert [each.options.domain for each in checks] == ["b.example", "c.example"]


async def test_a_reload_with_another_interval_holds_at_once(bench: Bench) -> None:
    async with bench.running(own(DOMAIN, interval=7 * DAY)) as checks:
        await bench.clock.advance(HOUR)
        checks.take(own(DOMAIN, interval=2 * HOUR, smtp=False), {})
        await bench.clock.advance(2 * HOUR)
    assert [smtp for _, _, smtp in bench.looker.looks] == [True, False]
    assert not bench.checked[-1].first


async def test_a_domain_that_is_removed_while_it_is_checked_is_forgotten(bench: Bench) -> None:
    bench.looker.takes = 60.0
    async with bench.running(own(DOMAIN)) as checks:
        await bench.clock.advance(START_DELAY + 1)
        assert checks.is_checked(DOMAIN)
        checks.take([], {})
        await bench.clock.advance(DAY)
    assert not bench.checked
    assert len(bench.looker.looks) == 1


async def test_what_is_newly_wrong_is_looked_at_again_before_it_is_told(bench: Bench) -> None:
    async with bench.running(own(DOMAIN)):
        await bench.clock.advance(HOUR)
        bench.findings = [ERROR]
        await bench.clock.advance(DAY)
    times = bench.looker.times(DOMAIN)
    assert times[2] - times[1] == CONFIRM
    assert times[3] - times[2] > HOUR
    assert [told.news.appeared for told in bench.checked[:4]] == [(), (), (ERROR,), ()]


async def test_a_host_that_is_cut_off_checks_nothing_and_says_so_once(bench: Bench) -> None:
    async with bench.running(own(DOMAIN)) as checks:
        await bench.clock.advance(HOUR)
        last = checks.of(DOMAIN).last
        bench.looker.shown = lambda _: cut_off()
        await bench.clock.advance(DAY)
        assert checks.of(DOMAIN).last is last
        assert checks.of(DOMAIN).trouble == CUT_OFF
        bench.looker.shown = lambda _: observed()
        await bench.clock.advance(PAUSE)
        assert checks.of(DOMAIN).trouble == ""
    assert bench.not_checked == [OwnDomainNotChecked(DOMAIN, CUT_OFF)]
    assert len(bench.checked) == 2
    assert not bench.checked[-1].news


async def test_a_discoverer_that_has_no_time_is_asked_again(bench: Bench) -> None:
    bench.looker.overloaded = "the discoverer has ended"
    async with bench.running(own(DOMAIN)) as checks:
        await bench.clock.advance(START_DELAY)
        assert checks.of(DOMAIN).trouble == "the discoverer has ended"
        bench.looker.overloaded = ""
        await bench.clock.advance(PAUSE)
        assert checks.of(DOMAIN).last is not None


async def test_who_judges_is_told_what_was_before(bench: Bench) -> None:
    async with bench.running(own(DOMAIN)):
        await bench.clock.advance(DAY)
    first, second, *_ = bench.before
    assert first is None
    assert second is not None
    assert second.id == "1"


async def test_a_check_by_command_is_waited_for_and_joined(bench: Bench) -> None:
    bench.looker.takes = 60.0
    async with bench.running(own(DOMAIN)) as checks:
        both = [asyncio.create_task(checks.check_now(DOMAIN)) for _ in range(2)]
        await settle()
        assert checks.is_checked(DOMAIN)
        await bench.clock.advance(60.0)
        standings = await asyncio.gather(*both)
    assert all(standing.last is not None for standing in standings)
    assert len(bench.looker.looks) == 1


async def test_a_check_by_command_puts_the_next_one_off(bench: Bench) -> None:
    async with bench.running(own(DOMAIN)) as checks:
        await bench.clock.advance(5 * HOUR)
        await checks.check_now(DOMAIN)
        asked = bench.clock.now
        await bench.clock.advance(5 * HOUR)
        assert bench.looker.times(DOMAIN)[-1] == asked


async def test_checks_by_command_come_no_sooner_than_they_may(bench: Bench) -> None:
    async with bench.running(own(DOMAIN)) as checks:
        await checks.check_now(DOMAIN)
        with pytest.raises(TooSoonError):
            await checks.check_now(DOMAIN)
        with pytest.raises(NotOwnError):
            await checks.check_now("other.example")
        bench.looker.overloaded = "no time"
        await bench.clock.advance(10.0)
        with pytest.raises(OverloadedError, match="no time"):
            await checks.check_now(DOMAIN)


async def test_who_asked_may_go_and_the_check_goes_on(bench: Bench) -> None:
    bench.looker.takes = 20.0
    async with bench.running(own(DOMAIN)) as checks:
        asked = asyncio.create_task(checks.check_now(DOMAIN))
        await settle()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await bench.clock.advance(20.0)
        assert checks.of(DOMAIN).last is not None


async def test_a_bug_is_logged_though_nobody_waits_any_more(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_domain: str) -> Observed:
        raise RuntimeError("a bug")

    bench.looker.takes, bench.looker.shown = 20.0, broken
    async with bench.running(own(DOMAIN)) as checks:
        asked = asyncio.create_task(checks.check_now(DOMAIN))
        await settle()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await bench.clock.advance(20.0)
    (logged,) = events(caplog, "ERROR")
    assert (logged.event, logged.fields["domain"]) == ("internal-error", DOMAIN)


async def test_a_bug_in_one_check_ends_no_other(bench: Bench) -> None:
    def broken(domain: str) -> Observed:
        if domain == "a.example":
            raise RuntimeError("a bug")
        return observed()

    bench.looker.shown = broken
    async with bench.running(own("a.example", "b.example")) as checks:
        await bench.clock.advance(HOUR)
        assert checks.of("b.example").last is not None
    assert len(bench.looker.times("a.example")) > 5


async def test_a_change_is_published_with_what_was(bench: Bench) -> None:
    async with bench.running(own(DOMAIN)):
        await bench.clock.advance(HOUR)
        bench.looker.shown = lambda _: observed(record=texts("r", "v=STSv1; id=2;"))
        await bench.clock.advance(7 * HOUR)
    (change,) = bench.checked[-1].news.changes
    assert (change.was, change.now) == ("v=STSv1; id=1;", "v=STSv1; id=2;")
