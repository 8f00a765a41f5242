"""What was counted, in the history's file: it adds up, whatever ends the process or the file."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mtasts_resolver.store import hourcounts
from mtasts_resolver.store.changes import Change, Subject
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.history import KEPT, History
from mtasts_resolver.store.hourcounts import HOUR, DaySum, HourCount
from tests.events import events
from tests.unit.store.history import all_of, opened, policy_change
from tests.unit.store.support import WALL, crash
from tests.unit.store.test_history_bounds import TurningClock

NOON = int(WALL // 86_400 * 24) + 12  # hours since 1970, of a day
DAY = NOON // 24
EVER = (0.0, 1e11)


def counted(number: int, *, hour: int = NOON, outcome: str = "found") -> HourCount:
    since = hour * HOUR + 60.0
    return HourCount(hour, "policy", "refresh", outcome, number, since, since + 300.0)


async def dropped(kept: History, clock: TurningClock) -> None:
    """Return when the last slice of what is too old is being dropped."""
    await all_of(kept)  # which opens the file
    async with asyncio.timeout(20):
        while clock.times:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.01)


async def sums(
    kept: History, since: float = 0.0, until: float = 1e11
) -> dict[tuple[int, str], int]:
    return {(one.day - DAY, one.outcome): one.number for one in await kept.counted(since, until)}


async def test_counts_add_up_over_restarts(file: Path) -> None:
    for number in (1, 2, 40):
        async with opened(file) as kept:
            kept.count([counted(number), counted(1, outcome="policy-body")])
            assert kept.counts_wait
    async with opened(file) as kept:
        assert await sums(kept) == {(0, "found"): 43, (0, "policy-body"): 3}
        assert (await kept.counted(*EVER))[0] == DaySum(
            DAY, "policy", "refresh", "found", 43, NOON * HOUR + 60.0, NOON * HOUR + 360.0
        )


async def test_days_are_told_apart_and_each_hour_is_of_one_of_two_periods_that_meet(
    file: Path,
) -> None:
    async with opened(file) as kept:
        kept.count([counted(2**index, hour=NOON + index) for index in range(24)])
        assert await sums(kept) == {(0, "found"): 2**12 - 1, (1, "found"): 2**24 - 2**12}
        # Of a zone that is half an hour off: the hour that a boundary cuts is of the earlier.
        for boundary in ((NOON + 3) * HOUR, (NOON + 3) * HOUR + 1_800):
            before, after = await sums(kept, 0.0, boundary), await sums(kept, boundary)
            assert sum(before.values()) + sum(after.values()) == 2**24 - 1
        assert await sums(kept, NOON * HOUR + 1_800, (NOON + 2) * HOUR) == {(0, "found"): 2}


async def test_what_is_counted_once_is_added_once_though_the_disk_was_slow(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that took too long was done all the same, and its counts are handed over again."""
    async with opened(file) as kept:
        done = kept._file.count

        def too_late(number: int, some: list[HourCount]) -> None:
            done(number, some)
            raise UnavailableError("the disk does not answer")

        monkeypatch.setattr(kept._file, "count", too_late)
        kept.count([counted(5)])
        await kept.flush()
        assert kept.counts_wait
        monkeypatch.undo()
        assert await sums(kept) == {(0, "found"): 5}
        assert not kept.counts_wait
        kept.count([counted(6)])
        assert await sums(kept) == {(0, "found"): 11}


async def test_what_was_written_survives_a_crash(file: Path, tmp_path: Path) -> None:
    async with opened(file) as kept:
        kept.count([counted(5)])
        await kept.flush()
        left = crash(file, tmp_path / "left")
    async with opened(left) as kept:
        assert await sums(kept) == {(0, "found"): 5}


async def test_a_file_of_changes_alone_gets_the_table(file: Path) -> None:
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "x"))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE counts")
        connection.execute("PRAGMA user_version=1")
    async with opened(file) as kept:
        kept.count([counted(5)])
        assert await sums(kept) == {(0, "found"): 5}
        assert [change.now for change in await all_of(kept)] == ["x"]


async def test_what_is_older_than_a_year_goes_and_so_does_what_is_too_much(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def left(clock: TurningClock) -> set[int]:
        async with opened(file, clock=clock) as kept:
            await dropped(kept, clock)
            return {one.number for one in await kept.counted(*EVER)}

    year = int(KEPT // HOUR)
    async with opened(file) as kept:
        kept.count([counted(index, hour=NOON - year + 24 * index) for index in range(1, 5)])
    assert await left(TurningClock((NOON + 48) * HOUR, 1)) == {2, 3, 4}
    monkeypatch.setattr(
        hourcounts, "_BOUND", "SELECT hour FROM counts ORDER BY hour DESC LIMIT 1 OFFSET 2"
    )
    assert await left(TurningClock(NOON * HOUR, 1)) == {3, 4}


async def test_rows_that_make_no_sense_cost_nothing_else(file: Path) -> None:
    async with opened(file) as kept:
        kept.count([counted(5)])
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "INSERT INTO counts VALUES (?, x'ff', ?, '', 'x', 'y', NULL)", (NOON, "n" * 9_999)
        )
        connection.execute("INSERT INTO counts VALUES (?, '', '', '', 1e300, 0, 0)", (NOON,))
        connection.execute("INSERT INTO counts VALUES (?, 'a', '', '', -7, 0, 0)", (NOON,))
        connection.commit()
    async with opened(file) as kept:
        found = await kept.counted(*EVER)
        assert DaySum(DAY, "policy", "refresh", "found", 5, *found[2][5:]) in found
        assert all(len(one.name) <= 64 and 0 <= one.number <= 2**53 for one in found)


async def test_an_answer_that_is_still_given_stays_however_old(file: Path) -> None:
    """Else nobody could tell, after a year, what Postfix got before it was noted anew."""
    old = WALL - KEPT - 86_400
    async with opened(file) as kept:
        for domain in ("a.example", "b.example"):
            answer = Change(old, domain, Subject.ANSWER, "dane", "dane", hop=domain, map="default")
            kept.note(answer)
        kept.note(
            Change(
                WALL, "a.example", Subject.ANSWER, "dane", "dane", hop="a.example", map="default"
            )
        )
    clock = TurningClock(WALL, 1)
    async with opened(file, clock=clock) as kept:
        await dropped(kept, clock)
        assert [change.domain for change in await all_of(kept)] == ["a.example"]


async def test_changes_of_a_clock_that_was_ahead_hold_up_none_that_are_too_old(
    file: Path,
) -> None:
    async with opened(file) as kept:
        for number in range(6):
            time = WALL + KEPT if number < 3 else WALL - 2 * KEPT
            kept.note(policy_change(f"d{number}.example", str(number), time=time))
    clock = TurningClock(WALL, 1)
    async with opened(file, clock=clock) as kept:
        await dropped(kept, clock)
        assert [change.now for change in await all_of(kept)] == ["2", "1", "0"]


def test_what_is_lost_at_the_end_is_told(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with opened(file) as kept:
            kept.count([counted(5)])

    file.mkdir()
    asyncio.run(scenario())
    told = [event for _, event, _ in events(caplog, "WARNING")]
    assert told == ["history-unavailable", "history-counts-dropped"]
