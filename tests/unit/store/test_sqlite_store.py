"""The store in everyday use."""

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.store import WRITE_DELAY, Store, sqlite
from mtasts_resolver.store.database import PAGE_ROWS
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.sqlite import SqliteStore
from tests.events import events
from tests.unit.store.support import (
    SteppedClock,
    contents,
    contents_of,
    crash,
    fill,
    new_store,
    policies,
    policy,
    written_by_itself,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "policies.sqlite"


def rows_on_disk(path: Path) -> int:
    """Return how many policies would be found if the process died now."""
    with TemporaryDirectory() as name, closing(connect_copy(path, Path(name))) as connection:
        number: int = connection.execute("SELECT COUNT(*) FROM policies").fetchone()[0]
        return number


def connect_copy(path: Path, directory: Path) -> sqlite3.Connection:
    """Open a copy: the store has its file for itself."""
    return sqlite3.connect(crash(path, directory / "image"))


async def test_it_keeps_the_protocol(path: Path) -> None:
    store: Store = new_store(path)
    await store.open()
    await store.close()


@pytest.mark.row("C2")
async def test_a_policy_outlives_the_process(path: Path) -> None:
    wanted = policy(
        "a.example", document="version: STSv1\r\nmode: enforce\r\nnote: b\u00fccher\r\n"
    )
    await fill(path, [wanted])

    store = new_store(path)
    await store.open()
    assert await store.get("a.example") == wanted
    assert await store.get("b.example") is None
    assert await contents(store) == {"a.example": wanted}
    await store.close()


async def test_what_waits_is_seen_and_the_last_change_wins(path: Path) -> None:
    store = new_store(path)
    await store.open()
    store.put(policy("a.example", policy_id="1"))
    store.put(policy("a.example", policy_id="2"))
    store.put(policy("b.example"))
    store.delete("b.example")
    assert store.pending == 2
    assert await store.get("a.example") == policy("a.example", policy_id="2")
    assert await store.get("b.example") is None
    assert await contents(store) == {"a.example": policy("a.example", policy_id="2")}
    assert rows_on_disk(path) == 0

    await store.flush()
    assert store.pending == 0
    assert rows_on_disk(path) == 1
    store.delete("a.example")
    assert await store.get("a.example") is None
    assert await contents(store) == {}
    await store.close()
    assert rows_on_disk(path) == 0


async def test_writes_wait_for_company_for_write_delay(path: Path) -> None:
    clock = SteppedClock()
    store = SqliteStore(path, clock=clock)
    await store.open()
    store.put(policy("a.example"))
    assert await clock.sleeps.get() == WRITE_DELAY
    store.put(policy("b.example"))
    assert rows_on_disk(path) == 0

    clock.step()
    store.put(policy("c.example"))
    await written_by_itself(store)
    assert rows_on_disk(path) == 3
    assert clock.sleeps.empty()
    await store.close()


async def test_the_writer_needs_no_flush(path: Path) -> None:
    store = SqliteStore(path, clock=SystemClock())
    await store.open()
    store.put(policy("a.example"))
    await written_by_itself(store)
    assert rows_on_disk(path) == 1
    await store.close()


async def test_a_put_during_a_write_is_written_next(path: Path) -> None:
    store = new_store(path)
    await store.open()
    store.put(policy("a.example", policy_id="1"))
    flushing = asyncio.create_task(store.flush())
    await asyncio.sleep(0)  # the worker has the first one in hand now
    store.put(policy("a.example", policy_id="2"))
    store.put(policy("b.example"))
    await flushing
    assert store.pending == 0
    await store.close()
    assert await contents_of(path) == {
        "a.example": policy("a.example", policy_id="2"),
        "b.example": policy("b.example"),
    }


async def test_more_than_one_transaction(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "WRITE_ROWS", 7)
    await fill(path, policies(50).values())
    assert await contents_of(path) == policies(50)


async def test_scan_yields_bounded_batches_of_everything(path: Path) -> None:
    written, waiting = policies(3 * PAGE_ROWS), policies(PAGE_ROWS + 1)
    await fill(path, written.values())
    store = new_store(path)
    await store.open()
    for stored in waiting.values():
        store.put(policy(stored.domain, policy_id="2"))
    batches = [batch async for batch in store.scan()]
    assert max(map(len, batches)) <= PAGE_ROWS
    found = {stored.domain: stored.policy_id for batch in batches for stored in batch}
    assert sum(map(len, batches)) == len(found)
    assert found == {**dict.fromkeys(written, "1"), **dict.fromkeys(waiting, "2")}
    await store.close()


async def test_scan_bears_writes_between_its_batches(path: Path) -> None:
    written = policies(3 * PAGE_ROWS)
    await fill(path, written.values())
    store = new_store(path)
    await store.open()
    found: dict[str, str] = {}
    async for batch in store.scan():
        assert not found.keys() & {stored.domain for stored in batch}
        found |= {stored.domain: stored.policy_id for stored in batch}
        for stored in batch:  # moves the row to the end of the file
            store.put(policy(stored.domain, policy_id="2"))
        store.delete(f"d{3 * PAGE_ROWS - 1}.example")
        await store.flush()
    assert found == dict.fromkeys(list(written)[:-1], "1")
    await store.close()


async def test_scan_bears_another_file_between_its_batches(path: Path) -> None:
    """Every place has another number in it."""
    everything = policies(3 * PAGE_ROWS)
    await fill(path, everything.values())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE policies SET rowid = rowid + 10000")
    store = new_store(path, everything.values)
    await store.open()
    scan = aiter(store.scan())
    found = await anext(scan)
    for file in (path, *path.parent.glob(f"{path.name}-*")):
        file.unlink()
    store.put(policy("d0.example"))
    await store.flush()
    assert store.pending == 0
    async for batch in scan:
        found += batch
    assert len(found) == len(everything)
    assert {stored.domain: stored for stored in found} == everything
    await store.close()


def test_a_scan_that_cannot_read_everything_says_so(path: Path) -> None:
    path.mkdir(parents=True)

    async def scenario() -> None:
        store = new_store(path)
        await store.open()
        store.put(policy("waiting.example"))
        scan = aiter(store.scan())
        assert await anext(scan) == [policy("waiting.example")]
        with pytest.raises(UnavailableError, match="not open"):
            await anext(scan)
        assert "no regular file" in str(store.trouble)
        await asyncio.to_thread(path.rmdir)
        await store.flush()
        assert store.trouble is None
        assert [batch async for batch in store.scan()] == [[policy("waiting.example")]]
        assert await contents(store) == {"waiting.example": policy("waiting.example")}
        await store.close()

    asyncio.run(scenario())


async def test_the_event_loop_turns_while_the_disk_works(path: Path) -> None:
    store = new_store(path)
    await store.open()
    for stored in policies(2000).values():
        store.put(stored)
    flushing = asyncio.create_task(store.flush())
    turns = 0
    while not flushing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100
    await store.close()


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    asyncio.run(fill(path, [policy("a.example")]))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_path_of_odd_characters(tmp_path: Path) -> None:
    path = tmp_path / "50% of #1? \u00fc" / "p?mode=ro.sqlite"
    await fill(path, [policy("a.example")])
    assert path.exists()
    assert await contents_of(path) == {"a.example": policy("a.example")}


async def test_the_file_is_plain_json_that_sqlite3_shows(path: Path) -> None:
    await fill(path, [policy("a.example", policy_id="20261121")])
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute(
            "SELECT key, CAST(value AS TEXT) ->> 'policy_id' FROM policies"
        ).fetchone()
    assert row == ("a.example", "20261121")


async def test_more_changes_than_may_wait(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite, "MAX_PENDING", 3)
    store = new_store(path)
    await store.open()
    store.put(policy("d0.example"))
    store.put(policy("d1.example"))
    store.put(policy("d0.example", policy_id="2"))  # now the younger of the two
    store.put(policy("d2.example"))
    assert caplog.records == []
    store.put(policy("d3.example"))
    assert store.pending == 3
    dropping = ("ERROR", "store-changes-dropping", {"file": path, "waiting": 3})
    assert events(caplog) == [dropping]
    await store.close()
    assert set(await contents_of(path)) == {"d0.example", "d2.example", "d3.example"}
