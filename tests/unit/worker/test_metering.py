"""What a question costs is its domain's affair, and no other's."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import msgspec
import pytest

from mtasts_resolver.config import Config, DnsConfig, HttpsConfig
from mtasts_resolver.discovery.errors import DiscoveryError, DnsTimeoutError, FetchTimeoutError
from mtasts_resolver.discovery.findings import FoundDane, FoundRecord
from mtasts_resolver.discovery.policyhost.fetch import PolicyFetcher
from mtasts_resolver.policy import Dane
from mtasts_resolver.worker import direct, messages, metering
from mtasts_resolver.worker.lag import Lag
from mtasts_resolver.worker.metering import Cost, FairScheduler
from tests.unit.worker.test_child import _logs_as_before, ask_once

__all__ = ["_logs_as_before"]

RECORD = FoundRecord("42", 600.0)
PATIENCE = 30.0


def compute(seconds: float) -> None:
    """Use a processor for so long."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def compute_for_ever(*_: object) -> None:
    """Do little in each turn, as a parser does whose peer never ends."""
    while True:
        compute(0.001)
        await asyncio.sleep(0)


async def compute_in_tasks(*_: object) -> None:
    await asyncio.gather(compute_for_ever(), compute_for_ever())


async def the_record(*_: object) -> FoundRecord:
    return RECORD


@pytest.fixture(params=[compute_for_ever, compute_in_tasks])
def costly(request: pytest.FixtureRequest) -> Callable[..., Awaitable[None]]:
    found: Callable[..., Awaitable[None]] = request.param
    return found


@pytest.mark.threat("https-costly")
async def test_a_fetch_that_takes_far_more_than_others_is_a_failure_of_its_domain(
    monkeypatch: pytest.MonkeyPatch, costly: Callable[..., Awaitable[None]]
) -> None:
    monkeypatch.setattr(direct, "lookup_record", the_record)
    monkeypatch.setattr(PolicyFetcher, "fetch_policy", costly)
    answer = await ask_once(Config(), messages.Ask(1, "sts", "x.example"))
    assert isinstance(answer, messages.Failed)
    assert answer.code == "policy-fetch-costly"
    assert answer.record == RECORD
    assert "policy host of x.example" in answer.reason


async def test_so_is_a_record_that_does(
    monkeypatch: pytest.MonkeyPatch, costly: Callable[..., Awaitable[None]]
) -> None:
    monkeypatch.setattr(direct, "lookup_record", costly)
    answer = await ask_once(Config(), messages.Ask(1, "sts", "x.example"))
    assert isinstance(answer, messages.Failed)
    assert answer.code == "dns-answer-unusable"


async def test_of_mx_hosts_that_do_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, costly: Callable[..., Awaitable[None]]
) -> None:
    monkeypatch.setattr(direct, "discover_dane", costly)
    answer = await ask_once(Config(), messages.Ask(1, "dane", "x.example"))
    assert isinstance(answer, messages.Found)
    finding = msgspec.msgpack.decode(answer.found, type=FoundDane).finding
    assert (finding.status, finding.code) == (Dane.UNKNOWN, "dns-answer-unusable")
    assert "processor time" in finding.reason


@pytest.mark.parametrize("kind", [DnsTimeoutError, FetchTimeoutError])
async def test_a_time_out_for_which_a_domain_was_late_itself_is_its_failure(
    monkeypatch: pytest.MonkeyPatch, kind: type[DiscoveryError]
) -> None:
    async def slow(*_: object) -> None:
        compute(0.6)
        raise kind("it took too long")

    monkeypatch.setattr(metering, "MOST", 10**12)
    monkeypatch.setattr(direct, "lookup_record", slow)
    # However busy this host is now: the loop is late by what is computed in it, and no more.
    monkeypatch.setattr(Lag, "seconds", property(lambda _: time.thread_time()))
    config = Config(dns=DnsConfig(timeout=1.0), https=HttpsConfig(timeout=1.0))
    answer = await ask_once(config, messages.Ask(1, "sts", "x.example"))
    assert isinstance(answer, messages.Failed)
    assert answer.code == kind.code


@pytest.fixture
async def made() -> AsyncIterator[FairScheduler]:
    loop = asyncio.get_running_loop()
    yield FairScheduler(loop)
    loop.set_task_factory(None)


class Diary:
    """Who has computed in which turn of the loop."""

    def __init__(self) -> None:
        self.turn = 0
        self.seen: list[tuple[int, str]] = []
        self._count()

    def _count(self) -> None:
        self.turn += 1
        asyncio.get_running_loop().call_soon(self._count)

    async def steps(self, name: str, number: int) -> None:
        for _ in range(number):
            self.seen.append((self.turn, name))
            await asyncio.sleep(0)


@pytest.mark.threat("https-costly")
async def test_who_has_used_more_than_others_need_goes_on_one_at_a_time(
    made: FairScheduler,
) -> None:
    diary = Diary()

    async def work(cost: Cost, name: str) -> None:
        cost.used = metering.USUAL + 1 if name != "light" else 0
        await asyncio.sleep(0)
        await asyncio.gather(diary.steps(name, 20), diary.steps(name, 20))

    names = ["heavy", "fat", "light"]
    tasks = [made.start(partial(work, name=name)) for name in names]
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*tasks)
    costly = [turn for turn, name in diary.seen if name != "light"]
    light = [turn for turn, name in diary.seen if name == "light"]
    assert len(costly) == len(set(costly)) == 80
    assert len(set(light)) == 20  # both of its tasks in each turn
    assert light[-1] - light[0] == 19  # and in each turn that there was


async def test_of_those_who_has_used_least_goes_first(
    made: FairScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metering, "MOST", 10**12)
    diary = Diary()

    async def work(cost: Cost, more: int) -> None:
        cost.used = metering.USUAL + more * 10**9
        await asyncio.sleep(0)
        await diary.steps(str(more), 3)

    tasks = [made.start(partial(work, more=more)) for more in (3, 1, 2)]
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*tasks)
    # Whoever has just had a turn is not ready for the next, so two share them.
    assert {name for _, name in diary.seen[:6]} == {"1", "2"}
    assert [name for _, name in diary.seen[6:]] == ["3", "3", "3"]


async def test_who_is_cancelled_while_he_waits_for_his_turn_ends(made: FairScheduler) -> None:
    begun = asyncio.Event()

    async def work(cost: Cost) -> None:
        cost.used = metering.USUAL + 1
        never_begun = asyncio.create_task(compute_for_ever())
        never_begun.cancel()
        begun.set()
        await compute_for_ever()

    tasks = [made.start(work) for _ in range(3)]
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
        for task in tasks:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in done] == [asyncio.CancelledError] * 3


async def test_who_is_cancelled_for_another_reason_has_not_failed(made: FairScheduler) -> None:
    async def work(_: Cost) -> None:
        with metering.charged(FetchTimeoutError, "x"):
            await asyncio.Event().wait()

    task = made.start(work)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
