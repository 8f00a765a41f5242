"""The last checks of own domains, in their file: kept, bounded, and lost without harm."""

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from mtasts_resolver.store.keptchecks import MAX_CHECK_BYTES, KeptChecks, checks_path
from tests.events import events
from tests.unit.store.history import mode
from tests.unit.store.support import StoppedClock
from tests.unit.store.test_history_faults import remove, write


@pytest.fixture
def file(path: Path) -> Path:
    return checks_path(path)


@asynccontextmanager
async def opened(file: Path) -> AsyncIterator[tuple[KeptChecks, dict[str, bytes]]]:
    kept = KeptChecks(file, clock=StoppedClock())
    found = await kept.open()
    try:
        yield kept, found
    finally:
        await kept.close()


async def contents_of_checks(file: Path) -> dict[str, bytes]:
    async with opened(file) as (_, found):
        return found


async def test_what_is_put_last_is_there_after_a_restart(file: Path) -> None:
    async with opened(file) as (kept, found):
        assert found == {}
        kept.put("a.example", b"1")
        kept.put("b.example", b"2")
        kept.put("a.example", b"3")
        kept.put("c.example", b"4")
        await kept.flush()
        kept.drop("c.example")
    assert kept.pending == 0
    assert await contents_of_checks(file) == {"a.example": b"3", "b.example": b"2"}
    assert mode(file) == 0o600


async def test_a_check_that_is_too_long_is_not_kept_nor_the_one_before(file: Path) -> None:
    async with opened(file) as (kept, _):
        kept.put("a.example", b"1")
        await kept.flush()
        kept.put("a.example", b"x" * (MAX_CHECK_BYTES + 1))
        kept.put("b.example", b"x" * MAX_CHECK_BYTES)
    assert list(await contents_of_checks(file)) == ["b.example"]


async def test_a_damaged_file_is_set_aside_and_a_fresh_one_begun(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(file) as (kept, _):
        kept.put("a.example", b"x" * 100_000)
    write(file, b"SQLite format 3\0" + bytes(range(256)) * 400)
    async with opened(file) as (kept, found):
        assert found == {}
        kept.put("a.example", b"2")
    assert await contents_of_checks(file) == {"a.example": b"2"}
    assert len(list(file.parent.glob(f"{file.name}.damaged-*"))) == 1
    assert [event for _, event, _ in events(caplog, "ERROR")] == ["store-damaged"]


async def test_a_row_that_holds_anything_else_is_passed_over(file: Path) -> None:
    async with opened(file) as (kept, _):
        kept.put("a.example", b"1")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO checks VALUES (NULL, 'x'), ('b.example', NULL)")
        connection.execute("INSERT INTO checks VALUES ('c.example', zeroblob(2000000)), (7, 7)")
        connection.commit()
    found = await contents_of_checks(file)
    assert found.pop("a.example") == b"1"
    assert set(found) <= {None, "7"}


async def test_another_programs_file_is_left_alone_and_costs_nothing_but_a_warning(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    with caplog.at_level(logging.INFO):
        async with opened(file) as (kept, found):
            assert found == {}
            kept.put("a.example", b"1")
            await kept.flush()
            assert kept.trouble
            assert kept.pending == 1
            remove(file)
            await kept.flush()
            assert kept.pending == 0
    told = [event for _, event, _ in events(caplog)]
    assert told == ["own-domain-checks-unavailable", "own-domain-checks-available"]
    assert await contents_of_checks(file) == {"a.example": b"1"}
