"""How much the history keeps, and for how long."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mtasts_resolver.store import changetable, history
from mtasts_resolver.store.changes import MAX_TEXT, bounded
from mtasts_resolver.store.changetable import Wanted
from mtasts_resolver.store.history import KEPT
from tests.unit.store.history import all_of, opened, policy_change, texts
from tests.unit.store.support import WALL, StoppedClock


def test_a_text_is_cut_and_still_tells_one_from_another() -> None:
    one, other = "x" * MAX_TEXT + "1", "x" * MAX_TEXT + "2"
    assert bounded("x" * MAX_TEXT) == "x" * MAX_TEXT
    assert bounded(one) != bounded(other)
    assert len(bounded("x" * 10_000_000)) < MAX_TEXT + 200


@pytest.mark.threat("policy-flaps")
async def test_a_domain_that_changes_all_the_time_keeps_its_latest(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changetable, "MAX_DOMAIN_ROWS", 20)
    async with opened(file) as kept:
        kept.note(policy_change("quiet.example", "once"))
        for number in range(1_000):
            kept.note(policy_change("a.example", str(number)))
        expected = [str(number) for number in range(999, 979, -1)]
        assert await texts(kept, Wanted(domain="a.example")) == expected
        assert await texts(kept, Wanted(domain="quiet.example")) == ["once"]


async def test_the_bytes_of_a_domain_are_bounded(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changetable, "MAX_DOMAIN_BYTES", 100_000)
    async with opened(file) as kept:
        for number in range(300):
            kept.note(policy_change("a.example", bounded(f"{number} " + "x" * 65_000)))
        found = await texts(kept)
    assert 4 < len(found) < 12
    assert [(text or "").split()[0] for text in found][:2] == ["299", "298"]


@pytest.mark.parametrize("limit", [{"MAX_ROWS": 50}, {"MAX_BYTES": 4_000}])
async def test_all_together_are_bounded(
    file: Path, limit: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in limit.items():
        monkeypatch.setattr(changetable, name, value)
    async with opened(file) as kept:
        for number in range(1_000):
            kept.note(policy_change(f"d{number}.example", str(number)))
        found = await texts(kept)
    assert found == [str(number) for number in range(999, 999 - len(found), -1)]
    assert 10 < len(found) <= 50
    with closing(sqlite3.connect(file)) as connection:
        counted = connection.execute("SELECT count(*), sum(size) FROM changes").fetchone()
        assert counted == connection.execute("SELECT * FROM totals").fetchone()
        assert counted[1] <= changetable.MAX_BYTES


class TurningClock(StoppedClock):
    """A clock whose sleeps before a slice is dropped end at once, so often."""

    def __init__(self, now: float, times: int) -> None:
        self.now = now
        self.times = times

    def wall(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if seconds != history.DROP_INTERVAL or not self.times:
            await super().sleep(seconds)
        self.times -= 1


async def test_what_is_older_than_a_year_goes_in_slices(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "DROPS_AT_ONCE", 2)
    async with opened(file) as kept:
        for number in range(1_600):
            old = number < 1_500
            time = WALL - KEPT - 1 if old else WALL - KEPT + 1
            kept.note(policy_change(f"d{number}.example", str(number), time=time))
    for left in (600, 100, 100):
        async with opened(file, clock=TurningClock(WALL, 1)) as kept:
            async with asyncio.timeout(20):
                while len(await all_of(kept)) != left:  # noqa: ASYNC110 - it has no event for it
                    await asyncio.sleep(0.01)


async def test_nothing_goes_before_the_clock_had_time_to_be_set_right(file: Path) -> None:
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "x"))
    async with opened(file, clock=TurningClock(WALL + 10 * KEPT, 0)) as kept:
        assert await texts(kept) == ["x"]


async def test_a_page_is_bounded_in_bytes(file: Path) -> None:
    async with opened(file) as kept:
        for number in range(40):
            kept.note(policy_change(f"d{number}.example", f"{number} " + "x" * 8_000))
        assert 5 < len(await kept.find(Wanted())) < 20
        assert [(text or "").split()[0] for text in await texts(kept)] == [
            str(number) for number in range(39, -1, -1)
        ]
