"""The history read by another program, whatever the daemon does meanwhile."""

import asyncio
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.store import filecopy
from mtasts_resolver.store.errors import DamagedError, StoreError, UnavailableError
from mtasts_resolver.store.historycopy import HistoryCopy
from mtasts_resolver.store.hourcounts import HourCount
from tests.unit.store.history import opened, policy_change
from tests.unit.store.support import WALL

COUNT = HourCount(int(WALL // 3_600), "policy", "refresh", "found", 3, WALL, WALL + 300)
EVER = (0.0, 1e11)


def names(file: Path) -> list[str]:
    return sorted(path.name for path in file.parent.iterdir())


def read(file: Path) -> tuple[list[str | None], list[int]]:
    with HistoryCopy(file) as copy:
        changes = [recorded.change.now for recorded in copy.changes()]
        return changes, [one.number for one in copy.counted(*EVER)]


async def write(file: Path, number: int) -> None:
    async with opened(file) as kept:
        for count in range(number):
            kept.note(policy_change(f"d{count}.example", str(count)))
        kept.count([COUNT])


@pytest.fixture
def written(file: Path) -> Path:
    asyncio.run(write(file, 250))
    return file


ALL = [str(number) for number in range(249, -1, -1)]


def test_it_is_read_the_latest_first_and_left_as_it_is(written: Path) -> None:
    before = (names(written), written.read_bytes(), written.stat().st_mtime_ns)
    assert read(written) == (ALL, [3])
    assert (names(written), written.read_bytes(), written.stat().st_mtime_ns) == before


READ = """
import sys
from pathlib import Path
from tests.unit.store.test_historycopy import read
print(read(Path(sys.argv[1])))
"""


async def read_by_another(file: Path) -> str:
    """Read it in a process of its own: whoever has a file open must not open it a second time."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READ, str(file), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return said.decode().strip()


async def test_it_is_read_while_a_daemon_has_it_and_writes(file: Path) -> None:
    async with opened(file) as kept:
        for number in (1, 2):
            kept.note(policy_change("a.example", str(number)))
            kept.count([COUNT])
            await kept.flush()
            before = names(file)
            expected = ([str(each) for each in range(number, 0, -1)], [3 * number])
            assert await read_by_another(file) == str(expected)
            assert names(file) == before
        # The daemon has what it had, and goes on.
        kept.note(policy_change("a.example", "3"))
        assert (await kept.counted(*EVER))[0].number == 6
    assert read(file) == (["3", "2", "1"], [6])


async def test_a_copy_with_its_log_is_read_as_well(file: Path, tmp_path: Path) -> None:
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "1"))
        await kept.flush()
        place = tmp_path / "other"
        place.mkdir()
        for each in file.parent.glob(f"{file.name}*"):
            shutil.copy(each, place)
    with HistoryCopy(place / file.name) as copy:
        assert [recorded.change.now for recorded in copy.changes()] == ["1"]
        assert [each.path.name for each in copy.files] == [file.name, f"{file.name}-wal"]


def test_where_it_changes_while_it_is_copied_it_is_copied_again(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied, calls = filecopy.copy_file, list[Path]()

    def restless(times: int) -> None:
        def copy(path: Path, target: Path) -> filecopy.CopiedFile:
            calls.append(path)
            if len(calls) <= times:
                os.utime(path, ns=(0, len(calls)))
            return copied(path, target)

        calls.clear()
        monkeypatch.setattr(filecopy, "copy_file", copy)

    restless(2)
    assert read(written)[0] == ALL
    assert len(calls) == 3
    restless(99)
    with pytest.raises(UnavailableError, match="changes all the time"):
        read(written)


def test_a_history_without_counts_has_none(written: Path) -> None:
    with closing(sqlite3.connect(written)) as connection:
        connection.execute("DROP TABLE counts")
        connection.execute("PRAGMA user_version=1")
    assert read(written) == (ALL, [])


def test_what_is_made_and_not_written_yet_is_empty(file: Path) -> None:
    file.touch()
    assert read(file) == ([], [])


def test_what_is_wrong_is_told_in_words(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = written.parent
    with pytest.raises(UnavailableError, match="no daemon keeps a history there"):
        read(place / "nothing")
    with pytest.raises(UnavailableError, match="is no regular file"):
        read(place)
    (link := place / "link").symlink_to(written)
    with pytest.raises(UnavailableError, match="is no regular file"):
        read(link)
    os.mkfifo(fifo := place / "fifo")
    with pytest.raises(UnavailableError, match="is no regular file"):
        read(fifo)
    (text := place / "text").write_text("this is no database, though it has a few bytes " * 99)
    with pytest.raises(StoreError, match=f"{text} is no history"):
        read(text)
    with closing(sqlite3.connect(other := place / "other")) as connection:
        connection.execute("CREATE TABLE things (x)")
    with pytest.raises(StoreError, match="another program's database"):
        read(other)
    with closing(sqlite3.connect(written)) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(StoreError, match="run that later one"):
        read(written)
    monkeypatch.setattr(filecopy, "MAX_COPIED", 1_000)
    with pytest.raises(UnavailableError, match="no such file has"):
        read(written)


@pytest.mark.threat("link-in-store")
def test_a_link_in_place_of_the_log_is_not_followed(written: Path) -> None:
    (written.parent / f"{written.name}-wal").symlink_to("/etc/passwd")
    with pytest.raises(UnavailableError, match="is no regular file"):
        read(written)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_who_may_not_read_it_is_told_so(written: Path) -> None:
    written.parent.chmod(0o711)
    written.chmod(0o600)
    child = os.fork()
    if not child:
        try:
            os.seteuid(65_534)
            read(written)
        except UnavailableError as error:
            os._exit(17 if "is not for you" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sound") / "history"
    asyncio.run(write(file, 50))
    return file


@given(data=st.data())
def test_any_damage_is_told_or_passed_over(data: st.DataObject, sound: Path) -> None:
    content = bytearray(sound.read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + 4] = data.draw(st.binary(min_size=1, max_size=8))
    damaged = sound.with_name("damaged")
    damaged.write_bytes(content)
    try:
        changes, _ = read(damaged)
    except (DamagedError, StoreError, UnavailableError):
        return
    assert len(changes) <= 100
