"""A ruined file is set aside and reported, and never stops the daemon (row C9)."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.store import StoredPolicy, sqlite
from mtasts_resolver.store.database import MAX_BROKEN_NAMED
from mtasts_resolver.store.errors import StoreError
from mtasts_resolver.store.rescue import MAX_SET_ASIDE
from mtasts_resolver.store.schema import prepare
from mtasts_resolver.store.sqlite import CHECK_DELAY, LOOK_INTERVAL, SqliteStore
from mtasts_resolver.store.table import MAX_VALUE_BYTES
from tests.events import events
from tests.unit.store.support import (
    StoppedClock,
    contents,
    contents_of,
    crash,
    fill,
    new_store,
    policies,
    policy,
)

ASIDE = "policies.sqlite.damaged-20261121T221500Z"  # the time is that of StoppedClock
PAGE = 4096  # SQLite's page


def ruin(path: Path, start: int = PAGE) -> None:
    """Overwrite everything from `start` on with nonsense, in place."""
    nonsense = bytes(range(256)) * (path.stat().st_size // 256 + 1)
    with path.open("r+b") as file:
        file.seek(start)
        file.write(nonsense[: path.stat().st_size - start])


def aside(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir() if "damaged" in file.name)


def _no_database(path: Path) -> None:
    path.write_bytes(b"mail from the moon\n" * 1000)


def _noise_in_pages(path: Path) -> None:
    asyncio.run(fill(path, policies(200).values()))
    ruin(path)


def _noise_in_header(path: Path) -> None:
    asyncio.run(fill(path, policies(200).values()))
    ruin(path, 0)


def _one_byte_of_the_header(place: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        asyncio.run(fill(path, policies(3).values()))
        with path.open("r+b") as file:
            file.seek(place)
            file.write(b"\xff")

    damage.__name__ = f"header_byte_{place}"
    return damage


def _column_not_utf8(path: Path) -> None:
    asyncio.run(fill(path, policies(3).values()))
    body = path.read_bytes()
    assert body.count(b"(key TEXT") == 1
    path.write_bytes(body.replace(b"(key TEXT", b"(\xffey TEXT"))


def _cut_short(path: Path) -> None:
    asyncio.run(fill(path, policies(200).values()))
    with path.open("r+b") as file:
        file.truncate(3 * PAGE)


@pytest.mark.row("C9")
@pytest.mark.parametrize(
    "damage",
    [
        _no_database,
        _noise_in_pages,
        _noise_in_header,
        _cut_short,
        _column_not_utf8,
        *map(_one_byte_of_the_header, (0, 16, 18, 19, 20, 47)),
    ],
    ids=lambda damage: damage.__name__,
)
def test_a_file_that_is_ruined_at_the_start(
    path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    damage(path)
    before = path.read_bytes()

    asyncio.run(fill(path, [policy("a.example")]))
    assert path.with_name(ASIDE).read_bytes() == before
    (error,) = events(caplog, "ERROR")
    assert error.event == "store-damaged"
    assert error.fields["file"] == path
    assert error.fields["set_aside"] == ASIDE
    assert str(error.fields["reason"])
    assert asyncio.run(contents_of(path)) == {"a.example": policy("a.example")}


def _noise_in_the_last_page(path: Path) -> None:
    ruin(path, path.stat().st_size - PAGE)


def _a_row_less(path: Path) -> None:
    """Lower the number of rows that the first leaf of the table says it has."""
    with path.open("r+b") as file:
        file.seek(3 * PAGE)
        assert file.read(1) == b"\x0d"  # the type of a table's leaf
        file.seek(3 * PAGE + 4)
        rows = file.read(1)[0]
        file.seek(3 * PAGE + 4)
        file.write(bytes([rows - 1]))


class CheckingClock(StoppedClock):
    """A clock that lets no time pass before a check of the whole file, and notes the check."""

    def __init__(self) -> None:
        self.checks = 0

    async def sleep(self, seconds: float) -> None:
        if seconds != CHECK_DELAY:
            await super().sleep(seconds)
        self.checks += 1


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the store has no event for it
            await asyncio.sleep(0.01)


@pytest.mark.row("C9")
@pytest.mark.parametrize("damage", [_noise_in_the_last_page, _a_row_less])
async def test_damage_is_found_before_it_is_met(
    path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    everything = policies(200)
    await fill(path, everything.values())
    damage(path)
    store = new_store(path, everything.values, clock=CheckingClock())
    await store.open()
    await until(lambda: aside(path))
    await until(lambda: store.pending == 200)
    assert [logged.event for logged in events(caplog)] == ["store-damaged"]
    await store.close()
    assert await contents_of(path) == everything


async def test_each_opening_is_checked_once(path: Path) -> None:
    clock = CheckingClock()
    store = SqliteStore(path, clock=clock)
    await store.open()
    await until(lambda: clock.checks == 1)
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    store.put(policy("a.example"))
    await store.flush()
    await until(lambda: clock.checks == 2)
    await store.get("a.example")
    await store.close()
    assert clock.checks == 2
    assert aside(path) == []


async def test_a_check_does_not_outlive_its_store(path: Path) -> None:
    await fill(path, policies(20_000, document="x" * 2_000).values())
    store = new_store(path)
    await store.open()
    checking = asyncio.create_task(store.check())
    await asyncio.sleep(0)
    checking.cancel()
    await store.close()
    # The last to close the file removes what SQLite keeps beside it.
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.row("C9")
@pytest.mark.parametrize("first", ["get", "scan", "check", "flush"])
async def test_damage_found_while_running_loses_nothing_in_memory(
    path: Path, first: str, caplog: pytest.LogCaptureFixture
) -> None:
    everything = policies(300)
    await fill(path, everything.values())
    store = new_store(path, everything.values)
    await store.open()
    ruin(path)
    store.put(policy("d0.example", policy_id="2"))

    match first:
        case "get":
            await store.get("d1.example")
        case "scan":
            await contents(store)
        case "check":
            await store.check()
        case "flush":
            await store.flush()
    assert [logged.event for logged in events(caplog, "ERROR")] == ["store-damaged"]
    assert aside(path) == [ASIDE]
    assert await store.get("d1.example") == policy("d1.example")
    assert store.trouble is None
    await store.close()
    assert await contents_of(path) == {
        **everything,
        "d0.example": policy("d0.example", policy_id="2"),
    }


def test_nothing_is_overwritten(path: Path) -> None:
    for number in range(3):
        _no_database(path)
        path.with_name(f"{path.name}-wal").write_bytes(b"%d" % number)
        asyncio.run(fill(path, [policy("a.example")]))
    names = [ASIDE, f"{ASIDE}-2", f"{ASIDE}-3"]
    assert {name for name in aside(path) if not name.endswith(("-wal", "-shm"))} == set(names)
    for number, name in enumerate(names):
        assert path.with_name(f"{name}-wal").read_bytes() == b"%d" % number


def test_the_newest_damaged_files_are_kept(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(MAX_SET_ASIDE + 6):
        path.write_bytes(b"this is file number %d, and no database " % number * 50)
        asyncio.run(fill(path, [policy("a.example")]))
    kept = {path.with_name(name).read_bytes().split()[4] for name in aside(path)}
    assert kept == {b"%d," % number for number in range(6, MAX_SET_ASIDE + 6)}
    removed = events(caplog, "WARNING")
    assert len(removed) == 6
    fields = {"file": path.with_name(ASIDE), "kept": MAX_SET_ASIDE}
    assert removed[0] == ("WARNING", "store-remains-removed", fields)


BROKEN_ROWS = {
    "text": ("a.example", "no json"),
    "shape": ("b.example", '{"domain": "b.example"}'),
    "type": ("c.example", "[1]"),
    "null": ("d.example", None),
    "bytes": ("e.example", b"\xff\xfe"),
    "number": ("f.example", 17),
    "key": (b"\xff", b"{}"),
    "no key": (None, b"{}"),
    "deep": ("g.example", b'{"x":' + b"[" * 100_000),
    "long": ("h.example", b" " * (MAX_VALUE_BYTES + 1)),
}


@pytest.mark.row("C9")
async def test_a_broken_row_is_reported_once_and_deleted(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(path, policies(3).values())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "REPLACE INTO policies (key, value) VALUES (?, ?)", BROKEN_ROWS.values()
        )
        connection.execute("INSERT INTO policies VALUES (CAST(x'ff' AS TEXT), CAST(x'ff' AS TEXT))")
        connection.execute("INSERT INTO policies SELECT 'x.example', value FROM policies LIMIT 1")
    store = new_store(path)
    await store.open()
    assert await store.get("a.example") is None
    for _ in range(2):
        assert await contents(store) == policies(3)
    logged = events(caplog)
    assert len(logged) == len(BROKEN_ROWS) + 2
    assert {(level, event) for level, event, _ in logged} == {("WARNING", "store-row-invalid")}
    assert {"a.example", "\\xff", "x.example", None} <= {fields["key"] for _, _, fields in logged}
    assert all(fields["file"] == path and str(fields["reason"]) for _, _, fields in logged)
    assert store.trouble is None

    store.put(policy("a.example"))
    await store.flush()
    assert await contents(store) == {**policies(3), "a.example": policy("a.example")}
    await store.close()
    assert aside(path) == []


async def test_many_broken_rows_get_no_line_each(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(path, policies(3).values())
    with closing(sqlite3.connect(path)) as connection, connection:
        broken = [(f"broken{number}.example", "no json") for number in range(500)]
        connection.executemany("REPLACE INTO policies (key, value) VALUES (?, ?)", broken)
    store = new_store(path)
    await store.open()
    assert await contents(store) == policies(3)
    await store.flush()
    await store.close()
    logged = [event for _, event, _ in events(caplog)]
    assert logged == ["store-row-invalid"] * MAX_BROKEN_NAMED + ["store-rows-deleted"]
    assert events(caplog)[-1].fields["rows"] == 500
    assert await contents_of(path) == policies(3)


@pytest.mark.row("C2")
@pytest.mark.parametrize("removed", [["", "-wal"], [""], ["-wal"]], ids="".join)
@pytest.mark.parametrize("found_by", ["write", "look"])
async def test_what_is_removed_while_running_is_written_again(
    path: Path, removed: list[str], found_by: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever happens to the process afterwards."""
    caplog.set_level(logging.WARNING)
    before = policies(200)
    memory = {**policies(300), "a.example": policy("a.example")}
    await fill(path, before.values())
    store = new_store(path, memory.values, clock=LookingClock())
    await store.open()
    for stored in memory.values():  # these are in the write-ahead log alone
        store.put(stored)
    await store.flush()
    for suffix in removed:
        path.with_name(path.name + suffix).unlink()
    if found_by == "write":
        store.put(policy("a.example"))
        await store.flush()
    else:
        LookingClock.look.set()
        await until(lambda: store.pending)
        await store.flush()
    missing = path.with_name(path.name + removed[0])
    assert events(caplog) == [("WARNING", "store-replaced", {"file": missing})]
    assert store.trouble is None
    assert store.pending == 0
    image = crash(path, path.parent / "image")
    await store.close()
    assert await contents_of(image) == memory


@pytest.mark.row("C2")
async def test_more_than_may_wait_is_written_again_a_slice_at_a_time(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    memory = policies(250)
    most = 0

    def recover() -> Iterator[StoredPolicy]:
        nonlocal most
        for stored in memory.values():
            most = max(most, store.pending)
            yield stored

    await fill(path, memory.values())
    monkeypatch.setattr(sqlite, "MAX_PENDING", 60)
    monkeypatch.setattr(sqlite, "WRITE_ROWS", 20)
    store = new_store(path, recover)
    await store.open()
    path.with_name(path.name).unlink()
    store.put(policy("a.example"))
    await store.flush()
    assert store.pending == 0
    assert most < 60
    assert events(caplog) == [("WARNING", "store-replaced", {"file": path})]
    assert await contents(store) == {**memory, "a.example": policy("a.example")}
    await store.close()


class LookingClock(StoppedClock):
    """A clock that lets a look at the file begin when `look` is set, once."""

    look: asyncio.Event

    def __init__(self) -> None:
        LookingClock.look = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if seconds != LOOK_INTERVAL:
            await super().sleep(seconds)
        await self.look.wait()
        self.look.clear()


async def test_a_restored_file_does_not_meet_the_log_of_the_one_before(path: Path) -> None:
    backup = path.with_name("backup.sqlite")
    await fill(backup, [policy("old.example")])
    await fill(path, policies(200).values())
    store = new_store(path)
    await store.open()
    for stored in policies(300).values():
        store.put(stored)
    await store.flush()
    backup.replace(path)
    store.put(policy("new.example"))
    await store.flush()
    assert store.trouble is None
    image = crash(path, path.parent / "image")
    await store.close()
    expected = {name: policy(name) for name in ("old.example", "new.example")}
    assert await contents_of(image) == await contents_of(path) == expected


def test_what_takes_the_place_of_the_file_is_told_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    everything = policies(3)

    async def scenario() -> None:
        await fill(path, everything.values())
        store = new_store(path, everything.values)
        await store.open()
        put_directory_there()
        store.put(policy("a.example"))
        for _ in range(3):
            await store.flush()
        logged = [event for _, event, _ in events(caplog)]
        assert logged == ["store-replaced", "store-unavailable"]
        await asyncio.to_thread(path.rmdir)
        await store.flush()
        assert store.trouble is None
        await store.close()

    def put_directory_there() -> None:
        path.unlink()
        path.mkdir()

    asyncio.run(scenario())
    found = asyncio.run(contents_of(path))
    assert found == {**everything, "a.example": policy("a.example")}


def test_a_file_that_a_newer_program_has_taken_over_is_left_alone(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    newer = path.with_name("newer.sqlite")
    prepare(newer)
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("PRAGMA user_version=2")
    before = newer.read_bytes()

    async def scenario() -> None:
        store = new_store(path)
        await store.open()
        newer.replace(path)
        store.put(policy("a.example"))
        await store.flush()
        assert store.trouble is not None
        assert "schema version 2" in store.trouble
        assert await store.get("a.example") == policy("a.example")
        await store.close()

    asyncio.run(scenario())
    assert path.read_bytes() == before
    unwritten = ("ERROR", "store-changes-unwritten", {"file": path, "count": 1})
    assert events(caplog)[-1] == unwritten


async def _live_through(path: Path, valid: dict[str, object]) -> None:
    """Use whatever is at `path`: whatever it is, no error but StoreError may come out."""
    store = new_store(path)
    try:
        await store.open()
    except StoreError:
        await store.close()
        return
    for domain in list(valid)[:5]:
        await store.get(domain)
    await contents(store)
    await store.check()
    store.put(policy("new.example"))
    await store.flush()
    assert await store.get("new.example") == policy("new.example")
    await store.close()
    assert store.pending == 0
    assert (await contents_of(path))["new.example"] == policy("new.example")


@pytest.mark.threat("store-damaged")
@pytest.mark.row("C9")
@given(data=st.data())
def test_any_damage_is_survived(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "state" / "policies.sqlite"
        path.parent.mkdir()
        asyncio.run(fill(path, policies(100).values()))
        body = bytearray(path.read_bytes())
        header = st.integers(0, 99)
        positions = header | st.integers(0, len(body) - 1)
        for position in data.draw(st.lists(positions, max_size=30), label="positions"):
            body[position] = data.draw(st.integers(0, 255))
        path.write_bytes(body[: data.draw(st.none() | positions, label="length")])
        asyncio.run(_live_through(path, dict(policies(100))))


def put_in_place(path: Path, body: bytes) -> None:
    """Have `body` at `path`, and nothing beside it."""
    for file in path.parent.iterdir():
        file.unlink()
    path.write_bytes(body)


@pytest.mark.row("C9")
@pytest.mark.parametrize("more", [0, 6])
def test_a_file_that_lacks_its_end_is_survived(path: Path, more: int) -> None:
    """Part of a page may be left, and SQLite take it for a whole one."""
    asyncio.run(fill(path, policies(100).values()))
    body = path.read_bytes()
    for length in range(4_096 + more, len(body), 4_096):
        put_in_place(path, body[:length])
        asyncio.run(_live_through(path, dict(policies(100))))


@pytest.mark.row("C9")
@pytest.mark.parametrize("byte", [0, 0xFF])
def test_damage_to_any_byte_of_the_schema_is_survived(path: Path, byte: int) -> None:
    asyncio.run(fill(path, policies(3).values()))
    body = path.read_bytes()
    statement = b"CREATE TABLE policies (key TEXT PRIMARY KEY, value BLOB)"
    start = body.index(statement)
    for place in range(start, start + len(statement)):
        put_in_place(path, body[:place] + bytes([byte]) + body[place + 1 :])
        asyncio.run(_live_through(path, dict(policies(3))))


@pytest.mark.row("C9")
@given(noise=st.binary(max_size=64), place=st.integers(0, 40_000))
def test_a_damaged_log_costs_only_what_it_held(noise: bytes, place: int) -> None:
    async def scenario(path: Path) -> Path:
        await fill(path, policies(50).values())
        store = new_store(path)
        await store.open()
        for stored in policies(60).values():
            store.put(stored)
        await store.flush()
        image = crash(path, path.parent / "image")
        await store.close()
        return image

    with TemporaryDirectory() as name:
        image = asyncio.run(scenario(Path(name) / "policies.sqlite"))
        log = image.with_name(f"{image.name}-wal")
        body = log.read_bytes()
        log.write_bytes(body[:place] + noise + body[place + len(noise) :])
        found = asyncio.run(contents_of(image))
        assert found.items() >= policies(50).items()
        assert found.items() <= policies(60).items()
