"""A disk that is full, read-only or taken: answers go on, nothing in memory is lost (C2, C9)."""

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mtasts_resolver.store import WRITE_DELAY, rescue, schema, table
from mtasts_resolver.store.sqlite import RETRY_FIRST, RETRY_LAST, SqliteStore
from tests.events import events
from tests.unit.store.support import (
    SteppedClock,
    contents,
    contents_of,
    crash,
    fill,
    in_mount_namespace,
    mount,
    new_store,
    policies,
    policy,
)

LARGE = "x" * 10_000  # a few dozen of these fill the small disks below


def names(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [logged.event for logged in events(caplog)]


def small_disk(directory: Path) -> Path:
    """Mount 400 kB of memory at `directory`."""
    mount("-t", "tmpfs", "-o", "size=400k", "tmpfs", str(directory))
    return directory / "policies.sqlite"


def use_up(directory: Path) -> Path:
    """Leave no free byte on the disk of `directory`; return the file that takes it."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return filler


@pytest.mark.row("C2", "C9")
def test_a_disk_that_fills_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        path = small_disk(tmp_path)
        store = new_store(path)
        await store.open()
        store.put(policy("early.example"))
        await store.flush()
        assert store.pending == 0
        filler = use_up(tmp_path)

        late = policies(20, document=LARGE)
        for stored in late.values():
            store.put(stored)
        for _ in range(5):
            await store.flush()
            assert store.pending == 20
            assert await store.get("early.example") == policy("early.example")
            assert await store.get("d7.example") == late["d7.example"]
            assert await contents(store) == {**late, "early.example": policy("early.example")}
        assert store.trouble is not None
        assert "full" in store.trouble
        assert "free space" in store.trouble
        (unavailable,) = events(caplog)
        assert unavailable.level == "WARNING"
        assert unavailable.event == "store-unavailable"
        assert unavailable.fields["file"] == path
        assert "free space" in str(unavailable.fields["reason"])

        filler.unlink()
        await store.flush()
        assert store.pending == 0
        assert store.trouble is None
        assert events(caplog)[1:] == [("INFO", "store-available", {"file": path})]
        await store.close()
        assert await contents_of(path) == {**late, "early.example": policy("early.example")}

    in_mount_namespace(scenario)


@pytest.mark.row("C2", "C9")
def test_a_disk_that_is_full_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        path = small_disk(tmp_path)
        await fill(path, policies(5).values())
        filler = use_up(tmp_path)

        store = new_store(path)
        await store.open()
        assert await store.get("d1.example") == policy("d1.example")
        assert await contents(store) == policies(5)
        assert await store.count() == 5
        store.put(policy("late.example", document=LARGE))
        await store.flush()
        assert store.pending == 1
        assert "store-unavailable" in names(caplog)

        filler.unlink()
        await store.flush()
        assert store.pending == 0
        assert store.trouble is None
        assert await store.count() == 6
        await store.close()

    in_mount_namespace(scenario)


@pytest.mark.row("C9")
def test_sqlitedicts_own_commit_dies_on_a_full_disk_and_the_store_lives_on(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        path = small_disk(tmp_path)
        store = new_store(path)
        await store.open()
        store.put(policy("early.example"))
        await store.flush()
        filler = use_up(tmp_path)
        connection = store._database._table
        assert connection is not None
        for name, stored in policies(20, document=LARGE).items():
            connection[name] = stored
        with pytest.raises(sqlite3.OperationalError, match="full"):
            connection.commit()
        connection.conn.join(20)
        assert not connection.alive

        filler.unlink()
        assert await store.get("early.example") == policy("early.example")
        store.put(policy("late.example"))
        await store.flush()
        assert store.pending == 0
        await store.close()

    in_mount_namespace(scenario)


@pytest.mark.row("C2", "C9")
def test_a_disk_that_is_read_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "mtasts_resolver")

    async def scenario() -> None:
        path = tmp_path / "policies.sqlite"
        await fill(path, policies(300).values())
        mount("--bind", str(tmp_path), str(tmp_path))
        mount("-o", "remount,bind,ro", str(tmp_path))

        store = new_store(path)
        await store.open()
        assert await store.get("d1.example") == policy("d1.example")
        store.put(policy("late.example"))
        store.delete("d0.example")
        expected = {**policies(300), "late.example": policy("late.example")}
        del expected["d0.example"]
        for _ in range(3):
            await store.flush()
            assert store.pending == 2
            assert await contents(store) == expected
        (unavailable,) = events(caplog)
        assert unavailable.event == "store-unavailable"
        assert f"writable for uid {os.geteuid()}" in str(unavailable.fields["reason"])

        mount("-o", "remount,bind,rw", str(tmp_path))
        await store.flush()
        assert store.pending == 0
        assert await contents(store) == expected
        assert store._database._copy == {}
        await store.close()
        assert await contents_of(path) == expected

    in_mount_namespace(scenario)


def _add_a_column(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE policies ADD COLUMN more BLOB")


@pytest.mark.row("C2", "C9")
@pytest.mark.parametrize("version", [1, 2])
def test_a_disk_that_becomes_read_only_after_a_crash(
    tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written last is in the log alone, and is applied all the same.

    A later program cannot migrate the file, and so cannot open it as its own.
    """

    async def scenario() -> None:
        store = new_store(tmp_path / "policies.sqlite")
        await store.open()
        for stored in policies(5).values():
            store.put(stored)
        await store.flush()
        image = crash(tmp_path / "policies.sqlite", tmp_path / "image")
        await store.close()
        monkeypatch.setattr(schema, "VERSION", version)
        monkeypatch.setattr(schema, "MIGRATIONS", {1: _add_a_column})
        mount("--bind", str(image.parent), str(image.parent))
        mount("-o", "remount,bind,ro", str(image.parent))

        store = new_store(image)
        await store.open()
        assert store.trouble is not None
        assert await contents(store) == policies(5)
        await store.close()

    in_mount_namespace(scenario)


@pytest.mark.row("C9")
def test_a_damaged_file_on_a_read_only_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "mtasts_resolver")

    async def scenario() -> None:
        path = tmp_path / "policies.sqlite"
        path.write_bytes(b"no database " * 1000)
        mount("--bind", str(tmp_path), str(tmp_path))
        mount("-o", "remount,bind,ro", str(tmp_path))
        store = new_store(path)
        await store.open()
        store.put(policy("a.example"))
        for _ in range(3):
            await store.flush()
        (unavailable,) = events(caplog)
        assert unavailable.event == "store-unavailable"
        assert "cannot be set aside" in str(unavailable.fields["reason"])
        assert await store.get("a.example") == policy("a.example")

        mount("-o", "remount,bind,rw", str(tmp_path))
        await store.flush()
        assert store.pending == 0
        assert names(caplog) == ["store-unavailable", "store-damaged"]
        await store.close()
        assert await contents_of(path) == {"a.example": policy("a.example")}

    in_mount_namespace(scenario)


async def test_a_directory_that_cannot_be_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    obstacle = tmp_path / "state"
    obstacle.write_text("I am no directory")
    path = obstacle / "deep" / "policies.sqlite"
    store = new_store(path)
    await store.open()
    store.put(policy("a.example"))
    await store.flush()
    assert store.pending == 1
    assert await store.get("a.example") == policy("a.example")
    assert await store.get("b.example") is None
    assert await contents(store) == {"a.example": policy("a.example")}
    assert await store.count() == 0
    (unavailable,) = events(caplog)
    assert unavailable.event == "store-unavailable"
    assert "Not a directory" in str(unavailable.fields["reason"])

    obstacle.unlink()
    await store.flush()
    assert store.pending == 0
    assert names(caplog) == ["store-unavailable", "store-available"]
    await store.close()
    assert await contents_of(path) == {"a.example": policy("a.example")}


async def test_what_cannot_be_written_at_the_end_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "policies.sqlite"
    path.mkdir()
    store = new_store(path)
    await store.open()
    store.put(policy("a.example"))
    await store.close()
    assert names(caplog) == ["store-unavailable", "store-changes-unwritten"]
    assert events(caplog)[1].fields["count"] == 1


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Return a directory that every user may enter."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


@pytest.mark.row("C2", "C9")
@pytest.mark.parametrize(("mode", "readable"), [(0o644, True), (0o600, False)])
def test_permission_denied(open_directory: Path, mode: int, readable: bool) -> None:
    """Root may write everywhere, so another user tries."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    path = open_directory / "policies.sqlite"
    asyncio.run(fill(path, [policy("a.example")]))
    path.chmod(mode)
    # The store lives once before the change: the other user may not read what is imported late.
    script = f"""
import asyncio, os
from pathlib import Path
from tests.unit.store.support import fill, new_store, policy
asyncio.run(fill(Path({str(open_directory / "first.sqlite")!r}), [policy("a.example")]))
os.setgroups([]); os.setgid(65534); os.setuid(65534)
async def main():
    store = new_store(Path({str(path)!r}))
    await store.open()
    print(await store.get("a.example") == policy("a.example"))
    store.put(policy("b.example"))
    await store.flush()
    print(store.pending, store.trouble)
    await store.close()
asyncio.run(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    first, second = ended.stdout.splitlines()
    assert first == str(readable)
    assert second.startswith("1 ")
    assert "writable for uid 65534" in second
    assert "Traceback" not in ended.stderr


@asynccontextmanager
async def locked_by_another_process(path: Path) -> AsyncIterator[None]:
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert await process.stdout.readline() == b"locked\n"
    try:
        yield
    finally:
        process.stdin.close()
        await process.wait()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "BUSY_TIMEOUT_MS", 10)


@pytest.mark.row("C9")
@pytest.mark.usefixtures("impatient")
async def test_a_lock_of_another_process_is_no_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "policies.sqlite"
    await fill(path, policies(3).values())
    store = new_store(path)
    await store.open()
    async with locked_by_another_process(path):
        store.put(policy("late.example"))
        for _ in range(3):
            await store.flush()
            assert store.pending == 1
            assert await store.get("d1.example") == policy("d1.example")
        (unavailable,) = events(caplog)
        assert unavailable.event == "store-unavailable"
        assert "run one daemon per file" in str(unavailable.fields["reason"])
        second = new_store(path)
        await second.open()
        assert await contents(second) == policies(3)
    await store.flush()
    await second.flush()
    assert store.pending == 0
    assert second.trouble is None
    assert await contents(second) == {**policies(3), "late.example": policy("late.example")}
    await store.close()
    await second.close()


async def test_two_stores_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "policies.sqlite"
    stores = [new_store(path), new_store(path)]
    await asyncio.gather(*(store.open() for store in stores))
    for number, stored in enumerate(policies(400).values()):
        stores[number % 2].put(stored)
        if number % 100 == 0:
            await asyncio.gather(*(store.flush() for store in stores))
    for store in stores:
        await store.flush()
        assert store.pending == 0
    assert await contents(stores[0]) == await contents(stores[1]) == policies(400)
    for store in stores:
        await store.close()


async def test_two_stores_begin_one_file_at_once(tmp_path: Path) -> None:
    for number in range(50):
        stores = [new_store(tmp_path / f"{number}.sqlite") for _ in range(2)]
        await asyncio.gather(*(store.open() for store in stores))
        for store in stores:  # one may have found it locked
            await store.flush()
            assert store.trouble is None
            await store.close()


async def test_the_pauses_between_attempts_grow_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "policies.sqlite"
    path.mkdir()
    clock = SteppedClock()
    store = SqliteStore(path, clock=clock)
    await store.open()
    pauses = []
    for _ in range(10):
        pauses.append(await clock.sleeps.get())
        clock.step()
    assert await clock.sleeps.get() == RETRY_LAST
    assert pauses[0] == pauses[1] == RETRY_FIRST
    assert pauses[1:7] == [RETRY_FIRST * 2**n for n in range(6)]
    assert set(pauses[7:]) == {RETRY_LAST}

    path.rmdir()
    store.put(policy("a.example"))
    clock.step()
    async with asyncio.timeout(20):
        while store.pending or store.trouble:  # noqa: ASYNC110 - the store has no event for it
            await asyncio.sleep(0.01)
    store.put(policy("b.example"))
    assert await clock.sleeps.get() == WRITE_DELAY
    await store.close()


async def test_dropped_changes_are_recovered_from_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mtasts_resolver.store.sqlite.MAX_PENDING", 3)
    path = tmp_path / "policies.sqlite"
    path.mkdir()
    memory = policies(3)
    store = new_store(path, memory.values)
    await store.open()
    for stored in (*memory.values(), policy("x.example"), policy("y.example")):
        store.put(stored)
    await store.flush()
    assert store.pending == 3
    path.rmdir()
    await store.flush()
    assert store.pending == 0
    dropped = ("WARNING", "store-changes-dropped", {"file": path, "count": 2})
    assert dropped in events(caplog)
    await store.close()
    assert await contents_of(path) == {
        **memory,
        "x.example": policy("x.example"),
        "y.example": policy("y.example"),
    }


def test_a_copy_in_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policies.sqlite"
    asyncio.run(fill(path, policies(10).values()))
    assert rescue.read_copy(path) == policies(10)
    monkeypatch.setattr(rescue, "MAX_COPIED", 4)
    assert len(rescue.read_copy(path)) == 4
    assert rescue.read_copy(tmp_path / "missing") == {}
