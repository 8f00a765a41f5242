"""What a fault costs the history, and what it must not cost the policies."""

import asyncio
import logging
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtasts_resolver.store import history
from mtasts_resolver.store.changetable import Wanted
from mtasts_resolver.store.errors import UnavailableError
from tests.events import events
from tests.unit.store.history import all_of, mode, opened, policy_change, texts
from tests.unit.store.support import (
    SteppedClock,
    contents_of,
    crash,
    fill,
    in_mount_namespace,
    mount,
    policies,
)


def read(file: Path) -> bytes:
    return file.read_bytes()


def write(file: Path, body: bytes) -> None:
    file.write_bytes(body)


def remove(file: Path) -> None:
    for name in file.parent.glob(f"{file.name}*"):
        name.unlink()


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


@pytest.mark.threat("store-damaged")
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


@pytest.mark.parametrize("cut", [1, 2_000, 4_090])
def test_a_file_that_is_cut_off_within_a_page_is_begun_afresh(
    file: Path, written: Path, cut: int
) -> None:
    """What is missing would read as zeros: one domain's change was found for another's."""
    file.write_bytes(written.read_bytes()[:-cut])

    async def live() -> None:
        async with opened(file) as kept:
            kept.note(policy_change("new.example", "new"))
            assert await texts(kept, Wanted(domain="new.example")) == ["new"]
            assert await texts(kept) == ["new"]

    asyncio.run(live())


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
            await kept.find(Wanted())  # to read works all the while, which says nothing of writing
            assert kept.trouble is not None
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


async def test_what_a_reader_meets_is_looked_at_again_though_nothing_waits(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE mail (id INTEGER)")
    clock = SteppedClock()
    async with opened(file, clock=clock) as kept:
        with pytest.raises(UnavailableError):
            await kept.find(Wanted())
        remove(file)
        async with asyncio.timeout(20):
            while kept.trouble is not None:
                clock.step()
                await asyncio.sleep(0.01)
        assert mode(file) == 0o600  # that of a fresh file


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
