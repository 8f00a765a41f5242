"""A disk that is full, read-only or taken: answers go on, nothing in memory is lost (C2, C9)."""

import asyncio
import logging
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from mtasts_resolver.store import WRITE_DELAY, files, rescue, schema
from mtasts_resolver.store.behind import RETRY_FIRST, RETRY_LAST
from mtasts_resolver.store.errors import HeldError, UnavailableError
from mtasts_resolver.store.sqlite import SqliteStore
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


@pytest.mark.threat("disk-fails")
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
        store.put(policy("late.example", document=LARGE))
        await store.flush()
        assert store.pending == 1
        assert "store-unavailable" in names(caplog)

        filler.unlink()
        await store.flush()
        assert store.pending == 0
        assert store.trouble is None
        assert len(await contents(store)) == 6
        await store.close()

    in_mount_namespace(scenario)


@pytest.mark.threat("disk-fails")
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
        assert "Read-only file system" in str(unavailable.fields["reason"])
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
    with pytest.raises(UnavailableError):
        await store.get("b.example")
    assert await contents(store) == {"a.example": policy("a.example")}
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
from mtasts_resolver.store.errors import UnavailableError
from tests.unit.store.support import fill, new_store, policy
asyncio.run(fill(Path({str(open_directory / "first.sqlite")!r}), [policy("a.example")]))
os.setgroups([]); os.setgid(65534); os.setuid(65534)
async def main():
    store = new_store(Path({str(path)!r}))
    await store.open()
    try:
        print(await store.get("a.example") == policy("a.example"))
    except UnavailableError:
        print(False)
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
async def another_process(path: Path, use: str) -> AsyncIterator[int]:
    """Have another process that has connected to `path` run `use`; yield its id."""
    script = (
        "import sqlite3, sys; from pathlib import Path;"
        "from mtasts_resolver.store.table import PolicyTable;"
        f"path = Path(sys.argv[1]); {use};"
        "print('at work', flush=True); sys.stdin.read()"
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
    assert await process.stdout.readline() == b"at work\n"
    try:
        yield process.pid
    finally:
        process.stdin.close()
        await process.wait()


READS = "c = sqlite3.connect(path); c.execute('BEGIN'); c.execute('SELECT * FROM policies')"
HAS_IT = "table = PolicyTable(path)"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BUSY_TIMEOUT_MS", 10)


@pytest.mark.row("C9")
@pytest.mark.usefixtures("impatient")
async def test_somebody_who_reads_the_file_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An administrator with sqlite3, or a backup: that must not keep the daemon from starting."""
    path = tmp_path / "policies.sqlite"
    await fill(path, policies(3).values())
    async with another_process(path, READS):
        store = new_store(path)
        await store.open()
        store.put(policy("late.example"))
        for _ in range(3):
            await store.flush()
            assert store.pending == 1
            assert await store.get("d1.example") == policy("d1.example")
        (unavailable,) = events(caplog)
        assert unavailable.event == "store-unavailable"
        assert "another process holds it" in str(unavailable.fields["reason"])
    await store.flush()
    assert store.pending == 0
    await store.close()
    assert await contents_of(path) == {**policies(3), "late.example": policy("late.example")}


@pytest.mark.usefixtures("impatient")
async def test_a_second_daemon_is_told_who_has_the_file(tmp_path: Path) -> None:
    path = tmp_path / "policies.sqlite"
    await fill(path, policies(3).values())
    async with another_process(path, HAS_IT) as pid:
        store = new_store(path)
        with pytest.raises(HeldError, match=f"^process {pid} has {path} for itself"):
            await store.open()
        await store.close()
    assert await contents_of(path) == policies(3)


@pytest.mark.usefixtures("impatient")
async def test_one_that_comes_later_than_the_look_at_the_file_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "policies.sqlite"
    await fill(path, policies(3).values())
    monkeypatch.setattr("mtasts_resolver.store.database.prepare", lambda _: None)
    async with another_process(path, HAS_IT) as pid:
        store = new_store(path)
        with pytest.raises(HeldError, match=f"^process {pid} has {path} for itself"):
            await store.open()
        await store.close()


@pytest.mark.usefixtures("impatient")
async def test_a_file_of_another_daemon_that_is_put_there_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, others = tmp_path / "policies.sqlite", tmp_path / "others.sqlite"
    await fill(others, policies(3).values())
    store = new_store(path)
    await store.open()
    async with another_process(others, HAS_IT) as pid:
        path.unlink()
        path.hardlink_to(others)
        store.put(policy("a.example"))
        for _ in range(3):
            await store.flush()
        assert f"process {pid} has {path} for itself" in str(store.trouble)
        assert names(caplog) == ["store-replaced", "store-unavailable"]
    await store.flush()
    assert store.trouble is None
    await store.close()
    assert await contents_of(path) == {**policies(3), "a.example": policy("a.example")}


@pytest.mark.threat("link-in-store")
@pytest.mark.parametrize("kind", ["fifo", "directory", "socket", "link", "device"])
@pytest.mark.parametrize(
    "name", ["policies.sqlite", "policies.sqlite-wal", "policies.sqlite-journal"]
)
async def test_what_is_no_regular_file_is_neither_waited_for_nor_followed(
    tmp_path: Path, kind: str, name: str
) -> None:
    path, odd, victim = tmp_path / "policies.sqlite", tmp_path / name, tmp_path / "victim"
    await fill(path, policies(3).values())
    path.rename(tmp_path / "kept")
    if odd != path:
        shutil.copy(tmp_path / "kept", path)
    victim.write_bytes(b"precious")
    match kind:
        case "fifo":
            os.mkfifo(odd)
        case "directory":
            odd.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(str(odd))
        case "link":
            odd.symlink_to(victim)
        case "device":
            if os.geteuid() != 0:
                pytest.skip("making a device needs root")
            os.mknod(odd, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    store = new_store(path)
    async with asyncio.timeout(20):
        await store.open()
        store.put(policy("late.example"))
        await store.flush()
        assert store.trouble == (f"{name} is no regular file: remove it, or name another path")
        assert await store.get("late.example") == policy("late.example")
        if odd.is_dir() and not odd.is_symlink():
            odd.rmdir()
        else:
            odd.unlink()
        await store.flush()
        assert store.trouble is None
        await store.close()
    assert victim.read_bytes() == b"precious"
    assert "late.example" in await contents_of(path)


async def test_what_an_earlier_version_left_behind_is_taken_over(tmp_path: Path) -> None:
    """It shared the file, and so had a -shm beside it, which may be in any state."""
    path = tmp_path / "policies.sqlite"
    await fill(path, policies(3).values())
    with closing(sqlite3.connect(path, isolation_level=None)) as earlier:
        earlier.execute("UPDATE policies SET value = replace(value, '\"1\"', '\"2\"')")
        image = crash(path, tmp_path / "image")
    shm = image.with_name(f"{image.name}-shm")
    os.truncate(shm, 100)
    expected = {name: policy(name, policy_id="2") for name in policies(3)}
    store = new_store(image)
    await store.open()
    assert await contents(store) == expected
    assert not shm.exists()
    await store.close()
    assert os.listdir(image.parent) == [path.name]  # noqa: PTH208


def test_nothing_that_others_could_truncate_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "policies.sqlite"

    async def scenario() -> None:
        store = new_store(path)
        await store.open()
        store.put(policy("a.example"))
        await store.flush()
        maps.append(await asyncio.to_thread(Path("/proc/self/maps").read_text))
        await store.close()

    maps: list[str] = []
    asyncio.run(scenario())
    assert maps
    assert str(path) not in maps[0]


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
