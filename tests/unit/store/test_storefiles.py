"""What earlier versions have left is opened, and answers as before; what later ones left is not."""

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import cache
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from mtasts_resolver import __version__
from mtasts_resolver.cli.config import config_group
from mtasts_resolver.cli.export_format import read_export
from mtasts_resolver.cli.reporting.earlier import read_report
from mtasts_resolver.config import parse_config
from mtasts_resolver.daemon.last_config import NAME, KeptFile
from mtasts_resolver.owndomains.notify import Notify
from mtasts_resolver.owndomains.work import UNTOLD, _decoded
from mtasts_resolver.report.shelf import ReportShelf
from mtasts_resolver.store import schema
from mtasts_resolver.store.changetable import SCHEMA
from mtasts_resolver.store.errors import StoreError
from mtasts_resolver.store.files import side_file
from mtasts_resolver.store.keptchecks import CHECKS_SCHEMA
from mtasts_resolver.store.schema import Schema, prepare
from tests.runner import CliRunner
from tests.storefiles import (
    FIRST_RELEASED,
    KEPT,
    POLICIES,
    SUMS,
    databases,
    is_released,
    kept_versions,
    newest_formats,
    sum_lines,
)
from tests.storefiles.opening import opened
from tests.storefiles.reading import LATER, Then, read_known, read_state
from tests.unit.store.support import in_mount_namespace, mount

SCHEMAS: dict[str, Schema | None] = {
    "policies": None,  # which is the default
    "history": SCHEMA,
    "own-domains": CHECKS_SCHEMA,
}
every_version = pytest.mark.parametrize("version", kept_versions())


@cache
def then(version: str) -> Then:
    return msgspec.json.decode((KEPT / version / "then.json").read_bytes(), type=Then)


@pytest.fixture
def left(version: str, tmp_path: Path) -> Path:
    """What a version has left, copied."""
    return shutil.copytree(KEPT / version, tmp_path / "left")


def schema_of(file: Path) -> tuple[int, list[str]]:
    """Return the version of a database, and how its tables are made."""
    with closing(sqlite3.connect(file)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        made = connection.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY sql")
        return version, [sql for (sql,) in made]


def set_version(file: Path, version: int) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA user_version={version}")


def bytes_in(directory: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file()
    }


def says_the_same(before: object, now: object) -> bool:
    """Tell whether all that was known is known still; a later version may know more of it."""
    match before, now:
        case dict(), dict():
            return all(
                key in now and says_the_same(value, now[key]) for key, value in before.items()
            )
        case list(), list():
            return len(before) == len(now) and all(map(says_the_same, before, now))
    return before == now


# -- what is kept ------------------------------------------------------------------------------


def test_what_is_kept_is_as_it_was_written() -> None:
    """What a version has left is no other than it was then; and it says so of each file."""
    assert SUMS.read_text().splitlines() == sum_lines()


def test_there_is_a_file_of_each_version_of_each_format() -> None:
    """Whoever raises the version of a format keeps what the one before has left."""
    newest = newest_formats()
    kept = [then(version).formats for version in kept_versions()]
    for name, number in newest.items():
        missing = {*range(FIRST_RELEASED[name], number)} - {formats[name] for formats in kept}
        assert not missing, f"no version of {name} {missing} is kept in {KEPT}: write it first"
    mine = then(__version__).formats  # a release has files: `python -m tests.storefiles`
    assert mine == newest or is_released(__version__), "run `python -m tests.storefiles`"


@every_version
def test_a_version_of_a_schema_is_the_same_in_each_file(version: str, tmp_path: Path) -> None:
    """Whoever changes a table raises the version of its schema."""
    kept = shutil.copytree(
        KEPT / version / "state", tmp_path / "kept"
    )  # SQLite would write beside it
    fresh = databases(tmp_path)
    for name, file in databases(kept).items():
        prepare(fresh[name], SCHEMAS[name])
        number, made = schema_of(file)
        if number == schema_of(fresh[name])[0]:
            assert made == schema_of(fresh[name])[1], f"{name} is another, of the same version"


# -- what an earlier version has left --------------------------------------------------------------


@every_version
@pytest.mark.parametrize("how", ["state", "killed"])
def test_all_of_it_is_there_and_answers_as_before(left: Path, version: str, how: str) -> None:
    """`killed` is what a daemon leaves that is killed: most of it is in write-ahead logs."""
    state = left / how
    expected = msgspec.to_builtins(getattr(then(version), how))
    assert says_the_same(expected, msgspec.to_builtins(asyncio.run(read_state(state))))
    for name, file in databases(state).items():
        fresh = databases(left)[name]
        prepare(fresh, SCHEMAS[name])
        assert schema_of(file) == schema_of(fresh)
    assert not [file.name for file in state.iterdir() if "damaged" in file.name]


@every_version
def test_it_answers_as_before_from_a_disk_that_is_read_only(left: Path, version: str) -> None:
    state = left / "state"
    before = bytes_in(state)

    async def scenario() -> None:
        mount("--bind", str(state), str(state))
        mount("-o", "remount,bind,ro", str(state))
        async with opened(state, later=LATER) as held:
            assert held.store.trouble is not None
            found = msgspec.to_builtins(await read_known(held))
            assert says_the_same(msgspec.to_builtins(then(version).state.known), found)

    in_mount_namespace(scenario)
    assert bytes_in(state) == before


@every_version
def test_the_configuration_that_it_worked_by_is_valid(left: Path, version: str) -> None:
    text = KeptFile(left / "state" / NAME).read()
    assert text
    parse_config(text, "config.yaml")


@every_version
def test_what_is_yet_to_be_told_of_own_domains_is(left: Path, version: str) -> None:
    async def scenario() -> None:
        async with opened(left / "state") as held:
            checks = await held.checks.open()
            told: list[bytes] = []
            notify = Notify(held.world.events, held.world.clock, told.append)
            notify.restore(checks.pop(UNTOLD))
            assert len(checks) == 2
            for domain, text in checks.items():
                assert _decoded(domain, text) is not None
            await held.checks.close()

    asyncio.run(scenario())


@every_version
def test_its_reports_are_unbroken_and_can_be_read(left: Path, version: str) -> None:
    found = ReportShelf(left / "reports").verify()
    assert found.faults == ()
    assert len(found.chain.entries) == 3
    (kept,) = found.chain.kept
    assert read_report(left / "reports" / kept / "report.json").figures


@every_version
def test_its_export_can_be_brought(left: Path, version: str) -> None:
    with (left / "cache-export.json").open("rb") as file:
        found = list(read_export(file))
    assert [one.fault for one in found if one.policy is None] == []
    assert len(found) == len(then(version).state.known.policies)


# -- what a later version has left -----------------------------------------------------------------


@pytest.mark.threat("store-later")
@every_version
@pytest.mark.parametrize("name", SCHEMAS)
def test_what_a_later_version_has_left_is_refused_and_left_alone(
    left: Path, version: str, name: str
) -> None:
    file = databases(left / "state")[name]
    number = newest_formats()[name]
    set_version(file, number + 1)
    before = bytes_in(left)
    with pytest.raises(StoreError) as caught:
        prepare(file, SCHEMAS[name])
    said = str(caught.value)
    assert f"{file} is of a later version of this program" in said
    assert f"schema version {number + 1}, and {__version__} knows up to {number}" in said
    assert "run that later one, or move the file away" in said
    assert ("`cache export` of the later program" in said) is (name == "policies")
    found = _check(left)
    assert (found.exit_code == 2) is (name == "policies")
    assert "is of a later version of this program" in " ".join(found.stderr.split())
    assert bytes_in(left) == before


def _check(left: Path) -> Result:
    """Have `config check` look at what is left."""
    config = left.with_name("config.yaml")
    url = f"sqlite://{left}/state/{POLICIES}"
    config.write_text(f"store: {{url: '{url}'}}\nown_domains: [own.example]\n")
    return CliRunner().invoke(config_group, ["check", str(config)])


@every_version
def test_a_later_one_is_refused_from_a_disk_that_is_read_only_too(left: Path, version: str) -> None:
    state = left / "state"
    set_version(state / POLICIES, schema.VERSION + 1)

    async def scenario() -> None:
        mount("--bind", str(state), str(state))
        mount("-o", "remount,bind,ro", str(state))
        with pytest.raises(StoreError, match="is of a later version"):
            async with opened(state):
                pass

    in_mount_namespace(scenario)


# -- the way to a version that is to come ----------------------------------------------------------

# The next version of the schema: what it does first is undone when it dies by what comes then.
NEXT = """
import os, signal, sys
from pathlib import Path
from mtasts_resolver.store import schema

def upgrade(connection):
    connection.execute("ALTER TABLE policies ADD COLUMN more TEXT")
    connection.execute("DELETE FROM policies WHERE key < 'n'")
    connection.execute("PRAGMA cache_size=10")  # pages: the rest goes to the disk at once
    connection.execute("UPDATE policies SET more = hex(randomblob(100000))")
    print("changed", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

schema.VERSION = 2
schema.MIGRATIONS = {**schema.MIGRATIONS, 1: upgrade}
schema.prepare(Path(sys.argv[1]))
"""


@pytest.mark.threat("store-killed")
@pytest.mark.parametrize("how", ["state", "killed"])
def test_a_process_that_dies_while_it_migrates_has_changed_nothing(
    tmp_path: Path, how: str
) -> None:
    left = shutil.copytree(KEPT / "0.1.0" / how, tmp_path / "left")
    file = left / POLICIES
    died = subprocess.run(
        [sys.executable, "-c", NEXT, str(file)], stdout=subprocess.PIPE, check=False
    )
    assert (died.stdout, died.returncode) == (b"changed\n", -signal.SIGKILL)
    assert side_file(file, "-wal").stat().st_size > 100_000
    expected = msgspec.to_builtins(getattr(then("0.1.0"), how))
    assert says_the_same(expected, msgspec.to_builtins(asyncio.run(read_state(left))))
    assert schema_of(file)[0] == 1


def test_an_older_file_on_a_disk_that_is_read_only_is_migrated_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = shutil.copytree(KEPT / "0.1.0" / "killed", tmp_path / "state")
    before = bytes_in(state)
    monkeypatch.setattr(schema, "VERSION", 2)
    monkeypatch.setattr(schema, "MIGRATIONS", {**schema.MIGRATIONS, 1: _name_two})

    async def scenario() -> None:
        mount("--bind", str(state), str(state))
        mount("-o", "remount,bind,ro", str(state))
        async with opened(state, later=LATER) as held:
            known = await read_known(held)
        assert {one["policy_id"] for one in known.policies.values()} == {"two"}
        assert known.answers == then("0.1.0").killed.known.answers

    in_mount_namespace(scenario)
    assert bytes_in(state) == before


def _name_two(connection: sqlite3.Connection) -> None:
    for key, value in connection.execute("SELECT key, value FROM policies").fetchall():
        named = msgspec.json.decode(value) | {"policy_id": "two"}
        row = (msgspec.json.encode(named), key)
        connection.execute("UPDATE policies SET value = ? WHERE key = ?", row)
