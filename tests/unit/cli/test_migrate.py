"""`mtasts-resolver migrate`, as far as it needs no daemon and no Postfix."""

import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result

from mtasts_resolver.cli import main
from tests.runner import CliRunner

STRICT = "zones: {strict: {strict_testing: true}}\n"
WRITTEN = "maps:\n  strict:\n    testing: enforce"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    file = tmp_path / "mta-sts-daemon.yml"
    file.write_text(STRICT)
    return file


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return tmp_path / "ours" / "config.yaml"


def migrate(theirs: Path, ours: Path, *options: str) -> Result:
    """Run the command; there is no daemon, and no Postfix is to be asked."""
    control = str(ours.with_name("control.sock"))
    files = ("--their-config", str(theirs), "--config", str(ours), "--control", control)
    program = ("--from", "postfix-mta-sts-resolver")
    return CliRunner().invoke(main, ["migrate", *program, *files, *options])


def test_nothing_is_written_unless_it_is_asked_for(theirs: Path, ours: Path) -> None:
    result = migrate(theirs, ours)
    assert result.exit_code == 0
    assert f"{ours} would be:\n    maps:\n      strict:" in result.stdout
    assert not ours.parent.exists()


def test_what_is_written_can_be_read_and_is_written_once(theirs: Path, ours: Path) -> None:
    mask = os.umask(0o077)
    try:
        assert f"{ours} is written" in migrate(theirs, ours, "--write").stdout
    finally:
        os.umask(mask)
    assert ours.parent.stat().st_mode & 0o777 == 0o755
    assert WRITTEN in ours.read_text()
    assert ours.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in ours.parent.iterdir()] == ["config.yaml"]
    again = migrate(theirs, ours, "--write")
    assert (again.exit_code, again.stdout.count("has it already")) == (0, 1)


def test_a_configuration_that_sets_nothing_is_kept_beside_the_new_one(
    theirs: Path, ours: Path
) -> None:
    ours.parent.mkdir()
    ours.write_text("# Every key may be left out.\n# dns:\n")
    assert "its comments are kept in config.yaml.before-migrate" in migrate(theirs, ours).stdout
    assert migrate(theirs, ours, "--write").exit_code == 0
    assert WRITTEN in ours.read_text()
    kept = ours.with_name("config.yaml.before-migrate")
    assert kept.read_text().startswith("# Every key")


@pytest.mark.parametrize("text", ["log: {level: debug}\n", "dns: [\n"])
def test_a_configuration_that_sets_something_is_never_written_over(
    text: str, theirs: Path, ours: Path
) -> None:
    ours.parent.mkdir()
    ours.write_text(text)
    assert "sets something already" in migrate(theirs, ours).stdout
    result = migrate(theirs, ours, "--write")
    assert (result.exit_code, ours.read_text()) == (1, text)
    assert "1. Add to the configuration what it should have, by hand." in result.stdout


def test_nothing_is_written_that_the_daemon_would_not_start_with(
    tmp_path: Path, theirs: Path, ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    (tmp_path / "policies.sqlite").mkdir()  # where the store belongs
    result = migrate(theirs, ours, "--write")
    assert result.exit_code == 2
    assert result.stderr.startswith("nothing was written:\n")
    assert not ours.exists()


def test_defaults_need_no_file(theirs: Path, ours: Path) -> None:
    theirs.write_text("port: 8461\n")
    result = migrate(theirs, ours, "--write")
    assert "The defaults do what it did: none is needed." in result.stdout
    assert not ours.exists()


@pytest.fixture
def cached(theirs: Path, tmp_path: Path) -> Path:
    """Their configuration, with a cache that has a policy, and a row that is none."""
    cache = tmp_path / "cache.db"
    body = {"version": "STSv1", "mode": "enforce", "mx": ["mx.a.example"], "max_age": 604_800}
    rows = [("a.example", time.time() - 60, "1", json.dumps(body)), ("b.example", 1, "1", "{}")]
    rows += [("old.example", 1, "1", json.dumps(body))]
    with closing(sqlite3.connect(cache)) as connection, connection:
        connection.execute(
            "create table sts_policy_cache (domain text, ts integer, pol_id text, pol_body text)"
        )
        connection.executemany("insert into sts_policy_cache values (?, ?, ?, ?)", rows)
    theirs.write_text(f"cache: {{type: sqlite, options: {{filename: {cache}}}}}\n")
    return theirs


def test_policies_are_counted_and_what_is_none_is_told(cached: Path, ours: Path) -> None:
    result = migrate(cached, ours)
    assert result.exit_code == 1
    assert "1 policy of" in result.stdout
    assert "Left there: 1 expired, 1 of which nothing can be made." in result.stdout
    assert "'b.example': it is no policy: " in result.stdout


def test_without_a_daemon_policies_wait_or_are_written(
    cached: Path, ours: Path, tmp_path: Path
) -> None:
    waiting = migrate(cached, ours, "--write")
    assert waiting.exit_code == 75
    assert "They wait for our daemon" in waiting.stdout
    assert "Bring the policies to it." in waiting.stdout
    file = tmp_path / "policies.json"
    written = migrate(cached, ours, "--write", "--policies", str(file))
    assert (written.exit_code, f"mtasts-resolver cache import {file}" in written.stdout) == (
        1,
        True,
    )
    (policy,) = json.loads(file.read_text())["policies"]
    assert (policy["domain"], policy["id"], policy["mode"]) == ("a.example", "1", "enforce")
    assert migrate(cached, ours, "--policies", str(file)).exit_code == 2


def test_a_cache_that_is_not_there_keeps_nothing_from_being_written(
    theirs: Path, ours: Path
) -> None:
    result = migrate(theirs, ours, "--write", "--their-cache", "/none")
    assert (result.exit_code, ours.exists()) == (1, True)
    assert "there is no /none: name the cache by --their-cache" in result.stdout


def test_for_a_program_it_is_json(theirs: Path, ours: Path) -> None:
    theirs.write_text(f"{STRICT}cache_grace: 5\nshutdown_timeout: 20\n")
    told = json.loads(migrate(theirs, ours, "--json").stdout)
    assert told["config"]["found"] == "absent"
    assert told["settings"] == [
        {
            "path": ["maps", "strict", "testing"],
            "value": "enforce",
            "because": "zones.strict.strict_testing, line 1",
        }
    ]
    assert (told["left"][0]["key"], told["left"][0]["line"]) == ("cache_grace", 2)
    assert "shutdown_timeout" in told["alike"]


def test_what_cannot_be_read_is_told(tmp_path: Path, theirs: Path, ours: Path) -> None:
    missing = migrate(tmp_path / "none.yml", ours)
    assert missing.exit_code == 2
    assert "No such file or directory" in missing.stderr
    assert "--their-config" in missing.stderr
    theirs.write_text("port: x\n")
    wrong = migrate(theirs, ours)
    assert wrong.exit_code == 2
    assert f"{theirs}:1: port: 'x' is not a whole number" in wrong.stderr
    theirs.unlink()
    theirs.mkdir()
    assert migrate(theirs, ours).exit_code == 2


def test_a_place_where_no_file_can_be_made_is_told_in_words(theirs: Path, ours: Path) -> None:
    """Nor can what was not made be removed there, as on a disk that is read-only."""
    ours = ours.with_name("x" * 250)
    result = migrate(theirs, ours, "--write")
    assert (result.exit_code, result.stderr) == (2, f"{ours}: File name too long\n")
