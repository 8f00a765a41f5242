"""The version of the schema, and the files that are not ours."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mtasts_resolver.store import schema
from mtasts_resolver.store.errors import StoreError, UnavailableError
from mtasts_resolver.store.schema import prepare
from tests.unit.store.support import contents_of, fill, new_store, policies, policy

# What has the name and columns of our table, and rows without end: no signal interrupts SQLite.
ENDLESS = (
    "CREATE VIEW policies AS WITH RECURSIVE endless(key, value) AS"
    " (VALUES ('a', x'') UNION ALL SELECT key, value FROM endless) SELECT * FROM endless"
)


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return number


async def open_and_close(path: Path) -> None:
    store = new_store(path)
    try:
        await store.open()
    finally:
        await store.close()


def test_a_fresh_file_has_the_current_version(path: Path) -> None:
    prepare(path)
    assert version(path) == schema.VERSION == 1
    prepare(path)
    assert version(path) == 1


def test_an_empty_file_is_a_fresh_one(path: Path) -> None:
    path.touch()
    asyncio.run(fill(path, [policy("a.example")]))
    assert version(path) == 1


def test_a_newer_file_is_refused_and_left_untouched(path: Path) -> None:
    asyncio.run(fill(path, policies(3).values()))
    change(path, "PRAGMA user_version=2")
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        asyncio.run(open_and_close(path))
    assert str(path) in str(caught.value)
    assert "schema version 2" in str(caught.value)
    assert "up to 1" in str(caught.value)
    assert "run that later one" in str(caught.value)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir() if "damaged" in file.name] == []


@pytest.mark.threat("store-later")
@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE mail (id INTEGER)"],
        ["CREATE TABLE mail (id INTEGER)", "PRAGMA user_version=1"],
        ["PRAGMA user_version=-1"],
        ["CREATE TABLE policies (id INTEGER)"],
        ["CREATE TABLE policies (id INTEGER)", "PRAGMA user_version=1"],
        [ENDLESS, "PRAGMA user_version=1"],
    ],
)
def test_another_programs_database_is_refused_and_left_untouched(
    path: Path, statements: list[str]
) -> None:
    change(path, *statements)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's database"):
        asyncio.run(open_and_close(path))
    assert path.read_bytes() == before


def test_what_is_no_regular_file_is_left_alone(path: Path) -> None:
    path.mkdir()
    with pytest.raises(UnavailableError, match="no regular file"):
        prepare(path)
    assert path.is_dir()


def _rename(connection: sqlite3.Connection) -> None:
    connection.execute(
        "UPDATE policies SET value = CAST(replace(CAST(value AS TEXT), '\"1\"', '\"2\"') AS BLOB)"
    )


def _break(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM policies")
    connection.execute("INSERT INTO nowhere VALUES (1)")


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> Callable[[schema.Migration], None]:
    def install(migration: schema.Migration) -> None:
        monkeypatch.setattr(schema, "VERSION", 2)
        monkeypatch.setattr(schema, "MIGRATIONS", {**schema.MIGRATIONS, 1: migration})

    return install


def test_an_older_file_is_migrated(
    path: Path, next_version: Callable[[schema.Migration], None]
) -> None:
    asyncio.run(fill(path, policies(3).values()))
    next_version(_rename)
    found = asyncio.run(contents_of(path))
    assert found == {name: policy(name, policy_id="2") for name in policies(3)}
    assert version(path) == 2


def test_a_fresh_file_takes_every_step(
    path: Path, next_version: Callable[[schema.Migration], None]
) -> None:
    next_version(_rename)
    asyncio.run(fill(path, [policy("a.example")]))
    assert version(path) == 2


def test_a_migration_that_fails_changes_nothing(
    path: Path, next_version: Callable[[schema.Migration], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(fill(path, policies(3).values()))
    next_version(_break)
    with pytest.raises(sqlite3.OperationalError):
        prepare(path)
    monkeypatch.undo()
    assert version(path) == 1
    assert asyncio.run(contents_of(path)) == policies(3)


def test_every_version_has_its_migration() -> None:
    assert set(schema.MIGRATIONS) == set(range(schema.VERSION))
