"""What sqlitedict's connection is made to do, and what its thread can no longer do to us."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtasts_resolver.store import table as table_module
from mtasts_resolver.store.database import Database
from mtasts_resolver.store.errors import DamagedError, StoreError, UnavailableError
from mtasts_resolver.store.files import check_free
from mtasts_resolver.store.schema import prepare
from mtasts_resolver.store.table import STATEMENT_ROWS, PolicyTable
from tests.events import events
from tests.unit.store.support import StoppedClock, new_store, policies, policy

DEADLY = "SELECT CAST(x'ff' AS TEXT)"  # not UTF-8: raised while sqlitedict's thread fetches it


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "policies.sqlite"


@pytest.fixture
def table(path: Path) -> Iterator[PolicyTable]:
    prepare(path)
    table = PolicyTable(path)
    yield table
    table.shut()


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
    table.conn.select_one(
        "CREATE TRIGGER no BEFORE INSERT ON policies WHEN NEW.key = 'b'"
        " BEGIN SELECT RAISE(FAIL, 'no'); END"
    )
    with pytest.raises(sqlite3.IntegrityError):
        table.write({name: policy(name) for name in "abc"}, ())
    assert len(table) == 0
    table.write({"c": policy("c")}, ())
    assert len(table) == 1


def test_more_changes_than_a_statement_takes_are_all_made(table: PolicyTable) -> None:
    many = policies(2 * STATEMENT_ROWS + 1)
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


def test_whoever_waits_for_a_dead_thread_is_told_why(table: PolicyTable) -> None:
    with pytest.raises(sqlite3.OperationalError, match="UTF-8"):
        list(table.conn.select(DEADLY))
    table.conn.join()
    assert not table.alive
    with pytest.raises(sqlite3.OperationalError, match="thread has ended"):
        len(table)
    table.shut()


def test_a_dead_thread_leaves_no_lock(path: Path, table: PolicyTable) -> None:
    table.conn.select_one("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="UTF-8"):
        list(table.conn.select(DEADLY))
    table.conn.join()
    other = PolicyTable(path)
    other.check_writable()
    other.shut()


def test_nobody_waits_for_a_disk_that_does_not_answer(
    table: PolicyTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "_POLL", 0.01)
    monkeypatch.setattr(table_module, "STATEMENT_TIMEOUT", 0.05)
    released = threading.Event()
    connection, _ = table.conn._opened
    connection.create_function("hang", 0, released.wait)
    with pytest.raises(sqlite3.OperationalError, match="no answer"):
        list(table.conn.select("SELECT hang()"))
    thread = table.conn
    table.shut()
    released.set()
    thread.join(20)
    assert not thread.is_alive()


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


@pytest.mark.parametrize("damaged", [False, True])
def test_while_a_statement_hangs_no_other_process_can_have_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    """Its locks are the process's, which loses them with the first descriptor that is closed."""
    monkeypatch.setattr(table_module, "_POLL", 0.01)
    monkeypatch.setattr(table_module, "STATEMENT_TIMEOUT", 0.05)
    database = Database(path, StoppedClock().wall)
    database.open()
    ours = f"Holder(alone=True, pid={os.getpid()})"
    assert holder_seen_by_others(path) == ours
    released = threading.Event()
    assert database._table is not None
    thread = database._table.conn
    thread._opened[0].create_function("hang", 0, released.wait)

    def hang(table: PolicyTable) -> None:
        try:
            table.conn.select_one("SELECT hang()")
        except sqlite3.OperationalError:
            if damaged:
                raise DamagedError("it looks so") from None
            raise

    try:
        with pytest.raises(UnavailableError, match="the disk does not answer"):
            database._guarded(hang)
        for _ in range(2):
            with pytest.raises(UnavailableError, match="the disk does not answer"):
                database.write({"a.example": policy("a.example")})
            assert not database.is_open
            assert database.get("a.example") is None
        check_free(path)
        assert holder_seen_by_others(path) == ours
        assert list(path.parent.glob("*.damaged-*")) == []
    finally:
        released.set()
        thread.join(20)

    monkeypatch.setattr(table_module, "STATEMENT_TIMEOUT", 20)
    database.write({"a.example": policy("a.example")})
    assert database.get("a.example") == policy("a.example")
    assert holder_seen_by_others(path) == ours
    database.close()


def test_the_database_opens_again_after_its_thread_has_died(path: Path) -> None:
    database = Database(path, StoppedClock().wall)
    database.open()
    database.write({"a.example": policy("a.example")})
    for _ in range(2):
        assert database._table is not None
        with pytest.raises(sqlite3.OperationalError):
            list(database._table.conn.select(DEADLY))
        database._table.conn.join()
        assert database.get("a.example") == policy("a.example")
    database.write({"b.example": policy("b.example")})
    assert database.count() == 2
    assert database.opening == 3
    database.close()
    with pytest.raises(UnavailableError):
        database._attempt(len)


async def test_a_worker_that_hangs_holds_up_nobody(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = new_store(path)
    await store.open()
    store.put(policy("a.example"))
    await store.flush()
    monkeypatch.setattr("mtasts_resolver.store.sqlite.CALL_TIMEOUT", 0.05)
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

    monkeypatch.setattr("mtasts_resolver.store.sqlite.CALL_TIMEOUT", 20)
    assert store._late is not None
    await store._late
    await store.flush()
    assert store.pending == 0
    assert store.trouble is None
    assert await store.get("a.example") == policy("a.example")
    await store.close()


def test_sqlitedict_logs_no_tracebacks(
    table: PolicyTable, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(sqlite3.OperationalError):
        table.conn.select_one("SELECT * FROM nowhere")
    assert caplog.records == []
