"""What the table does with its connection, and what a connection that hangs or fails may do."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtasts_resolver.store.database import Database
from mtasts_resolver.store.errors import StoreError, UnavailableError
from mtasts_resolver.store.files import check_free
from mtasts_resolver.store.schema import prepare
from mtasts_resolver.store.table import PolicyTable
from tests.events import events
from tests.unit.store.support import StoppedClock, new_store, policies, policy


@pytest.fixture
def table(path: Path) -> Iterator[PolicyTable]:
    prepare(path)
    table = PolicyTable(path)
    yield table
    table.close()


def test_the_log_and_its_synchronisation_on_the_same_connection(table: PolicyTable) -> None:
    assert table.pragma("journal_mode") == "wal"
    assert table.pragma("synchronous") == 1  # NORMAL


def test_opening_is_refused_where_synchronous_stays_off(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(path)
    monkeypatch.setattr(PolicyTable, "pragma", lambda _, name: {"journal_mode": "wal"}.get(name, 0))
    with pytest.raises(StoreError, match="synchronous"):
        PolicyTable(path)


def test_a_failed_statement_undoes_the_whole_transaction(table: PolicyTable) -> None:
    table.conn.execute(
        "CREATE TRIGGER no BEFORE INSERT ON policies WHEN NEW.key = 'b'"
        " BEGIN SELECT RAISE(FAIL, 'no'); END"
    )
    with pytest.raises(sqlite3.IntegrityError):
        table.write({name: policy(name) for name in "abc"}, ())
    assert len(table) == 0
    table.write({"c": policy("c")}, ())
    assert len(table) == 1


def test_all_changes_of_a_transaction_are_made(table: PolicyTable) -> None:
    many = policies(201)
    table.write(many, ())
    assert {name: table[name] for name in table} == many
    changed = {**dict.fromkeys(many), "d7.example": policy("d7.example", policy_id="2")}
    table.write(changed, ())
    assert {name: table[name] for name in table} == {"d7.example": changed["d7.example"]}


def test_a_full_database_undoes_the_whole_transaction(table: PolicyTable) -> None:
    table.write({"a": policy("a")}, ())
    table.pragma("max_page_count=6")
    large = {f"d{n}": policy(f"d{n}", document="x" * 4000) for n in range(50)}
    with pytest.raises(sqlite3.OperationalError, match="full"):
        table.write(large, ())
    assert [row.key for row in table.rows("1")] == [b"a"]
    table.pragma("max_page_count=1000")
    table.write(large, ())
    assert len(table) == 51


def test_a_directory_that_vanishes_before_the_file_is_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sqlitedict has an exception of its own for that."""

    def vanish(path: Path) -> None:
        prepare(path)
        path.unlink()
        path.parent.rmdir()

    path = path.parent / "gone" / path.name
    monkeypatch.setattr("mtasts_resolver.store.database.prepare", vanish)
    database = Database(path, StoppedClock().wall)
    with pytest.raises(UnavailableError, match="No such file or directory; make the file and its"):
        database.open()
    monkeypatch.undo()
    database.write({"a.example": policy("a.example")})
    assert database.get("a.example") == policy("a.example")
    database.close()


def test_a_table_that_is_closed_in_the_middle_leaves_no_lock(
    path: Path, table: PolicyTable
) -> None:
    table.conn.execute("BEGIN EXCLUSIVE")
    table.conn.execute("SELECT * FROM policies")
    table.close()
    other = PolicyTable(path)
    other.check_writable()
    other.close()


def holder_seen_by_others(path: Path) -> str:
    """Return what another process finds out about who has `path` open."""
    script = (
        "import sys; from pathlib import Path; from mtasts_resolver.store.files import holder;"
        "print(holder(Path(sys.argv[1])))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )
    return ended.stdout.strip()


async def test_while_a_statement_hangs_nobody_else_can_have_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its locks are the process's, which loses them with the first descriptor that is closed."""
    monkeypatch.setattr("mtasts_resolver.store.behind.CALL_TIMEOUT", 0.05)
    monkeypatch.setattr("mtasts_resolver.store.sqlite.CLOSE_TIMEOUT", 0.05)
    store = new_store(path)
    await store.open()
    ours = f"Holder(alone=True, pid={os.getpid()})"
    assert await asyncio.to_thread(holder_seen_by_others, path) == ours
    released = threading.Event()
    assert store._database._table is not None
    connection = store._database._table.conn

    def hang() -> None:
        connection._sqlite.create_function("hang", 0, released.wait)
        connection.select("SELECT hang()")

    stuck = store._thread.do(hang)
    try:
        with pytest.raises(UnavailableError, match="the disk does not answer"):
            await store.get("a.example")
        monkeypatch.setattr("mtasts_resolver.store.behind.CALL_TIMEOUT", 20)
        await store.close()
        # As a second run of the daemon does in the process of the first.
        check_free(path)
        second = new_store(path)
        await second.open()
        assert second.trouble == "the disk does not answer"
        assert await asyncio.to_thread(holder_seen_by_others, path) == ours
    finally:
        released.set()
        await stuck

    await asyncio.to_thread(store._thread._thread.join, 20)
    second.put(policy("a.example"))
    await second.flush()
    assert await second.get("a.example") == policy("a.example")
    assert await asyncio.to_thread(holder_seen_by_others, path) == ours
    await second.close()


def test_the_database_opens_again_after_its_connection_has_died(path: Path) -> None:
    database = Database(path, StoppedClock().wall)
    database.open()
    database.write({"a.example": policy("a.example")})
    for _ in range(2):
        assert database._table is not None
        database._table.conn._sqlite.close()
        assert database.get("a.example") == policy("a.example")
    database.write({"b.example": policy("b.example")})
    assert database._table is not None
    assert len(database._table) == 2
    assert database.opening == 3
    database.close()
    with pytest.raises(UnavailableError):
        database._attempt(len)


async def test_a_thread_that_hangs_holds_up_nobody(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = new_store(path)
    await store.open()
    store.put(policy("a.example"))
    await store.flush()
    monkeypatch.setattr("mtasts_resolver.store.behind.CALL_TIMEOUT", 0.05)
    released = threading.Event()
    stuck = store._thread.do(released.wait)
    try:
        store.put(policy("b.example"))
        for _ in range(3):
            await store.flush()
            with pytest.raises(UnavailableError):
                await store.get("a.example")
            assert await store.get("b.example") == policy("b.example")
        assert store.trouble == "the disk does not answer"
        fields = [(event, str(fields["reason"])) for _, event, fields in events(caplog)]
        assert fields == [("store-unavailable", "the disk does not answer")]
    finally:
        released.set()
        await stuck

    monkeypatch.setattr("mtasts_resolver.store.behind.CALL_TIMEOUT", 20)
    assert store._thread._late is not None
    await store._thread._late
    await store.flush()
    assert store.pending == 0
    assert store.trouble is None
    assert await store.get("a.example") == policy("a.example")
    await store.close()


def test_sqlitedict_logs_no_tracebacks(
    table: PolicyTable, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(sqlite3.OperationalError):
        table.rows("nothing")
    assert caplog.records == []
