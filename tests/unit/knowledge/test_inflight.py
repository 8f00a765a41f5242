"""Discoveries at once: bounded, and nobody who is slow keeps others from beginning."""

import asyncio

import pytest

from mtasts_resolver.knowledge import inflight
from mtasts_resolver.knowledge.inflight import Discoveries

PATIENCE = 30.0


class Work:
    """Discoveries that wait for as long as they are told to."""

    def __init__(self) -> None:
        self.made: Discoveries[str] = Discoveries("discovery")
        self.gates: dict[str, asyncio.Event] = {}
        self.begun: list[str] = []
        self.tasks: dict[str, asyncio.Task[str]] = {}

    def start(self, *domains: str) -> None:
        for domain in domains:
            self.gates[domain] = asyncio.Event()
            self.tasks[domain] = self.made.start(domain, self._discover(domain))

    async def _discover(self, domain: str) -> str:
        async with self.made.slot(domain):
            self.begun.append(domain)
            await self.gates[domain].wait()
            return domain

    async def has_begun(self, domain: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while domain not in self.begun:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0)

    async def end(self, *domains: str) -> None:
        for domain in domains:
            self.gates[domain].set()
            assert await self.tasks[domain] == domain


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setattr(inflight, "MAX_AT_ONCE", 2)
    monkeypatch.setattr(inflight, "MAX_SLOW", 3)
    return Work()


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_as_many_as_may_be_are_under_way_at_once(work: Work) -> None:
    work.start("a", "b", "c")
    await turns()
    assert work.begun == ["a", "b"]
    assert work.made.waits("c")
    assert (len(work.made), work.made.waiting) == (3, 1)
    assert work.tasks["a"].get_name() == "discovery a"
    await work.end("a")
    await work.has_begun("c")
    await work.end("b", "c")


@pytest.mark.threat("domains-many")
async def test_who_is_slow_leaves_his_place_and_goes_on(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflight, "SLOW_AFTER", 0.01)
    work.start("slow", "silent", "healthy")
    await work.has_begun("healthy")
    assert not work.made.waits("slow")
    await work.end("healthy", "slow", "silent")


async def test_they_too_are_bounded_and_give_back_all_places(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflight, "SLOW_AFTER", 0.01)
    most = [f"d{number}" for number in range(5)]  # 3 that are slow, and 2 that would be
    for _ in range(2):
        work.begun.clear()
        work.start(*most, "beyond")
        await work.has_begun("d4")
        await asyncio.sleep(0.05)  # longer than it takes to leave: there is nowhere to go
        assert work.made.waits("beyond")
        await work.end("d0")
        await work.has_begun("beyond")
        await work.end(*most[1:], "beyond")
    monkeypatch.setattr(inflight, "SLOW_AFTER", PATIENCE)
    work.start("x", "y", "z")
    await turns()
    assert work.begun[-2:] == ["x", "y"]
    await work.end("x", "y", "z")


async def test_of_many_places_that_are_free_at_once_a_few_are_given_away_in_each_turn(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflight, "BEGIN_AT_ONCE", 1)
    work.start("a", "b", "c", "d")
    await turns()
    for domain in "ab":
        work.gates[domain].set()
    begun = []
    while len(work.begun) < 4:
        begun.append(len(work.begun))
        await asyncio.sleep(0)
    assert 3 in begun
    await work.end("c", "d")


async def test_who_is_cancelled_gives_back_his_place_without_a_word(
    work: Work, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inflight, "SLOW_AFTER", 0.01)
    for _ in range(4):
        work.start("a", "b", "c", "d", "e")
        await work.has_begun("e")
        work.begun.clear()
        await work.made.close()
    await turns()
    assert caplog.records == []
    work.start("healthy")
    await work.has_begun("healthy")
    await work.end("healthy")
