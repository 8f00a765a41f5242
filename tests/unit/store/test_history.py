"""The history in its file: what is kept, for how long, and what a fault costs."""

import asyncio
import logging
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtasts_resolver.base.events import Events
from mtasts_resolver.store import changetable, history
from mtasts_resolver.store.changes import (
    MAX_TEXT,
    Change,
    ChangesRecorded,
    RecordedChange,
    Subject,
    bounded,
)
from mtasts_resolver.store.changetable import Wanted
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.history import KEPT, History, history_path
from tests.events import events
from tests.unit.store.support import (
    WALL,
    StoppedClock,
    contents_of,
    crash,
    fill,
    in_mount_namespace,
    mount,
    policies,
)


@pytest.fixture
def file(path: Path) -> Path:
    return history_path(path)


def policy_change(domain: str, now: str | None, *, time: float = WALL, **more: Any) -> Change:
    return Change(time, domain, Subject.POLICY, "changed", now, **more)


def dane(status: str, *, was: str | None = None) -> Change:
    return Change(WALL, "a.example", Subject.DANE, status, status, was=was, hop="a.example")


@asynccontextmanager
async def opened(
    file: Path, *, clock: StoppedClock | None = None, told: Events | None = None
) -> AsyncIterator[History]:
    """Yield a history that writes when it is flushed or read, and then close it."""
    kept = History(file, clock=clock or StoppedClock(), events=told or Events())
    kept.open()
    try:
        yield kept
    finally:
        await kept.close()


async def all_of(kept: History, wanted: Wanted | None = None) -> list[Change]:
    """Return what is in the history, the latest first, and see that each number is lower."""
    found: list[RecordedChange] = []
    async for page in kept.pages(wanted or Wanted()):
        found += page
    numbers = [change.number for change in found]
    assert numbers == sorted(set(numbers), reverse=True)
    return [change.change for change in found]


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def read(file: Path) -> bytes:
    return file.read_bytes()


def write(file: Path, body: bytes) -> None:
    file.write_bytes(body)


def remove(file: Path) -> None:
    for name in file.parent.glob(f"{file.name}*"):
        name.unlink()


async def texts(kept: History, wanted: Wanted | None = None) -> list[str | None]:
    return [change.now for change in await all_of(kept, wanted)]


async def test_a_change_outlives_the_process_with_all_that_it_says(file: Path) -> None:
    change = Change(
        WALL,
        "a.example",
        Subject.POLICY,
        "changed",
        now="mode: testing\n",
        was="mode: enforce\n",
        now_id="2",
        was_id="1",
        weakened=("mode",),
        reason="\x00 ünd \U0001f984",
        by="anna",
    )
    async with opened(file) as kept:
        kept.note(change)
    async with opened(file) as kept:
        assert await all_of(kept) == [change]
    assert mode(file) == 0o600


async def test_the_latest_come_first_by_domain_and_of_all(file: Path) -> None:
    async with opened(file) as kept:
        for number in range(3):
            for domain in ("a.example", "b.example"):
                kept.note(policy_change(domain, f"{domain} {number}"))
        kept.note(Change(WALL, "", Subject.DAEMON, "started"))
        found = await texts(kept, Wanted(domain="a.example"))
        assert found == ["a.example 2", "a.example 1", "a.example 0"]
        assert len(await all_of(kept)) == 7
        assert [change.event for change in await all_of(kept, Wanted(domain=""))] == ["started"]


async def test_what_weakens_and_what_is_recent_can_be_asked_for(file: Path) -> None:
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "1", time=WALL - 9))
        kept.note(policy_change("a.example", "2", time=WALL - 5, weakened=("mode",)))
        kept.note(policy_change("a.example", "3", time=WALL))
        kept.note(policy_change("b.example", "4", time=WALL, weakened=("mx",)))
        assert await texts(kept, Wanted(weakened=True)) == ["4", "2"]
        assert await texts(kept, Wanted(domain="a.example", weakened=True)) == ["2"]
        assert await texts(kept, Wanted(domain="a.example", since=WALL - 5)) == ["3", "2"]


async def test_what_is_the_same_as_the_last_is_no_change(file: Path) -> None:
    """Whoever notes it need not remember: not even that it was noted before a restart."""
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "x", now_id="1"))
        kept.note(policy_change("a.example", "x", now_id="1"))
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "x", now_id="1"))
        kept.note(policy_change("a.example", "x", now_id="2"))
        kept.note(policy_change("a.example", None))
        kept.note(policy_change("a.example", None))
        found = [(change.was, change.now, change.now_id) for change in await all_of(kept)]
        assert found == [("x", None, None), ("x", "x", "2"), (None, "x", "1")]


async def test_maps_and_next_hops_are_kept_apart(file: Path) -> None:
    def answer(hop: str, map_name: str) -> Change:
        return Change(WALL, "a.example", Subject.ANSWER, "dane", "dane", hop=hop, map=map_name)

    async with opened(file) as kept:
        for hop in ("a.example", "a.example:587"):
            for map_name in ("default", "tlsrpt"):
                kept.note(answer(hop, map_name))
                kept.note(answer(hop, map_name))
        assert len(await all_of(kept)) == 4


async def test_what_is_so_of_most_domains_is_kept_where_something_else_was(file: Path) -> None:
    def answer(text: str) -> Change:
        return Change(WALL, "a.example", Subject.ANSWER, text, text, hop="a.example")

    async with opened(file) as kept:
        kept.note(answer("notfound"), usual=True)
        assert await all_of(kept) == []
        kept.note(answer("dane"))
        kept.note(answer("notfound"), usual=True)
        kept.note(answer("notfound"), usual=True)
        assert await texts(kept) == ["notfound", "dane"]


@pytest.mark.parametrize(
    ("statuses", "weakened"),
    [
        (["required", "none"], True),
        (["required", "partial"], True),
        (["required", "unknown"], False),
        (["required", "unknown", "none"], True),
        (["required", "unknown", "required"], False),
        (["partial", "none"], False),
        (["none", "unknown", "none"], False),
    ],
)
async def test_dane_that_is_lost_weakens_whatever_memory_knew(
    file: Path, statuses: list[str], weakened: bool
) -> None:
    for status in statuses:
        async with opened(file) as kept:
            kept.note(dane(status))
    async with opened(file) as kept:
        latest = (await all_of(kept))[0]
    assert latest.now == statuses[-1]
    assert bool(latest.weakened) == weakened


async def test_who_listens_is_told_what_was_kept(file: Path) -> None:
    told = Events()
    heard: list[Change] = []
    told.listen(ChangesRecorded, lambda event: heard.extend(c.change for c in event.changes))
    async with opened(file, told=told) as kept:
        kept.note(policy_change("a.example", "x"))
        kept.note(policy_change("a.example", "x"))
        kept.note(policy_change("a.example", "y"))
        await kept.flush()
        assert [(change.was, change.now) for change in heard] == [(None, "x"), ("x", "y")]


# -- bounds ----------------------------------------------------------------------------------------


def test_a_text_is_cut_and_still_tells_one_from_another() -> None:
    one, other = "x" * MAX_TEXT + "1", "x" * MAX_TEXT + "2"
    assert bounded("x" * MAX_TEXT) == "x" * MAX_TEXT
    assert bounded(one) != bounded(other)
    assert len(bounded("x" * 10_000_000)) < MAX_TEXT + 200


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


# -- faults ----------------------------------------------------------------------------------------


async def test_more_than_may_wait_is_lost_and_told(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(history, "MAX_NOTED", 10)
    async with opened(file) as kept:
        for number in range(15):
            kept.note(policy_change("a.example", str(number)))
            kept.note(policy_change("b.example", "none"), usual=True)
        assert kept.pending == 10
        await kept.flush()
        assert kept.pending == 0
    logged = [(event, fields.get("count")) for _, event, fields in events(caplog, "WARNING")]
    assert logged == [("history-changes-dropping", None), ("history-changes-dropped", 10)]


async def test_a_ruined_history_is_set_aside_and_costs_no_policy(
    path: Path, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(path, policies(20).values())
    before = read(path)
    async with opened(file) as kept:
        for number in range(300):
            kept.note(policy_change(f"d{number}.example", "x" * 100))
    body = read(file)
    write(file, body[:4_096] + bytes(range(256)) * (len(body) // 256 - 16))
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "x"))
        assert await texts(kept) == ["x"]
    (damaged,) = [fields for _, event, fields in events(caplog) if event == "store-damaged"]
    assert damaged["file"] == file
    assert read(file.parent / str(damaged["set_aside"]))[:4_096] == body[:4_096]
    assert read(path) == before
    assert await contents_of(path) == policies(20)


async def test_a_ruined_file_of_policies_costs_no_history(path: Path, file: Path) -> None:
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "x"))
    write(path, b"mail from the moon\n" * 1_000)
    assert await contents_of(path) == {}
    async with opened(file) as kept:
        assert await texts(kept) == ["x"]


async def test_rows_that_hold_no_change_are_passed_over(file: Path) -> None:
    async with opened(file) as kept:
        for number in range(250):
            kept.note(policy_change("a.example", str(number)))
    broken = [b"no json", b"{}", b"\xff", None, 17, b"[" * 100_000, b" " * 2_000_000]
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE changes SET change = 'x' WHERE id BETWEEN 100 AND 220")
        for number, value in enumerate(broken, start=230):
            connection.execute("UPDATE changes SET change = ? WHERE id = ?", (value, number))
        connection.execute("UPDATE changes SET time = 'x', size = x'ff' WHERE id = 1")
    async with opened(file) as kept:
        found = await texts(kept)
        assert len(found) == 250 - 121 - len(broken)
        kept.note(policy_change("a.example", "new"))
        assert (await texts(kept))[0] == "new"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with some changes in it."""
    file = tmp_path_factory.mktemp("damage") / "history.sqlite"

    async def write_some() -> None:
        async with opened(file) as kept:
            for number in range(60):
                kept.note(policy_change(f"d{number}.example", "x" * 100))

    asyncio.run(write_some())
    return file


@settings(max_examples=40)
@given(data=st.data())
def test_any_damage_is_survived(data: st.DataObject, written: Path) -> None:
    async def live(file: Path) -> None:
        async with opened(file) as kept:
            kept.note(policy_change("new.example", "new"))
            try:
                assert await texts(kept, Wanted(domain="new.example")) == ["new"]
                await all_of(kept)
            except UnavailableError:
                assert kept.trouble is not None

    body = bytearray(written.read_bytes())
    positions = st.integers(0, 99) | st.integers(0, len(body) - 1)
    for position in data.draw(st.lists(positions, max_size=30), label="positions"):
        body[position] = data.draw(st.integers(0, 255))
    with TemporaryDirectory() as name:
        file = Path(name) / "history.sqlite"
        file.write_bytes(body[: data.draw(st.none() | positions, label="length")])
        asyncio.run(live(file))


def test_a_newer_file_or_another_programs_is_left_alone(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for statement in ("CREATE TABLE mail (id INTEGER)", "PRAGMA user_version=7"):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(statement)
        before = file.read_bytes()

        async def scenario() -> None:
            async with opened(file) as kept:
                kept.note(policy_change("a.example", "x"))
                with pytest.raises(UnavailableError):
                    await kept.find(Wanted())
                assert kept.trouble is not None
                assert str(file) in kept.trouble

        asyncio.run(scenario())
        assert file.read_bytes() == before
    assert {event for _, event, _ in events(caplog)} == {
        "history-unavailable",
        "history-changes-dropped",
    }


def test_a_full_disk_passes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path))
        file = tmp_path / "history.sqlite"
        async with opened(file) as kept:
            await kept.find(Wanted())
            filler = tmp_path / "filler"
            filler.write_bytes(b"x" * 110_000)
            for number in range(100):
                kept.note(policy_change(f"d{number}.example", "x" * 2_000))
            await kept.flush()
            assert kept.trouble is not None
            assert "free space" in kept.trouble
            assert kept.pending == 100
            filler.unlink()
            mount("-o", "remount,size=8m", str(tmp_path))
            await kept.flush()
            assert kept.trouble is None
            assert len(await all_of(kept)) == 100

    in_mount_namespace(scenario)
    assert [event for _, event, _ in events(caplog)] == [
        "history-unavailable",
        "history-available",
    ]


async def test_a_file_that_is_removed_is_begun_anew(file: Path) -> None:
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "x"))
        await kept.flush()
        remove(file)
        kept.note(policy_change("a.example", "y"))
        await kept.flush()
        image = crash(file, file.parent / "image")
    async with opened(image) as kept:
        assert await texts(kept) == ["y"]


SCRIPT = """
import asyncio, sys, time
from pathlib import Path
from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.base.events import Events
from mtasts_resolver.store.changes import Change, Subject
from mtasts_resolver.store.history import History

async def main(path):
    history = History(Path(path), clock=SystemClock(), events=Events())
    history.open()
    number = 0
    while True:
        history.note(Change(time.time(), "a.example", Subject.POLICY, "changed", str(number)))
        print(number, time.monotonic(), flush=True)
        number += 1
        await asyncio.sleep(0.005)

asyncio.run(main(sys.argv[1]))
"""


def test_sigkill_costs_at_most_the_last_second(file: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(file)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said: list[tuple[int, float]] = []
    for line in process.stdout:
        number, moment = line.split()
        said.append((int(number), float(moment)))
        if said[-1][1] - said[0][1] > 2:
            process.kill()
            break
    process.communicate()
    durable = [number for number, moment in said if moment < said[-1][1] - 1]

    async def kept_numbers() -> set[int]:
        async with opened(file) as kept:
            return {int(text or -1) for text in await texts(kept)}

    assert durable
    assert asyncio.run(kept_numbers()) >= set(durable)
