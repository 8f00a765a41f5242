"""`migrate` with a daemon that runs, and this machine's Postfix."""

import gzip
import json
import shlex
import struct
import subprocess
import time
from pathlib import Path

import click.testing
import pytest

from mtasts_resolver.cli import main
from tests.system.postfixes import HAS_POSTFIX, settle, write_postfix
from tests.system.running import RunningDaemon

WRITTEN = Path(__file__).parents[1] / "unit/migration/tlspolfiles/1.9.db"
MONTH = 2_592_000
# When make.go beside that file has two of its policies be over; as time.Time encodes its seconds.
YEAR_1 = 62_135_596_800
UNTIL = struct.pack(">q", 1_793_534_400 + MONTH + YEAR_1)
THEIRS = "socketmap:inet:127.0.0.1:8642:QUERY"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache of postfix-tlspol 1.9 that was written just now."""
    file = tmp_path / "cache.db"
    until = struct.pack(">q", int(time.time()) + MONTH + YEAR_1)
    data = gzip.decompress(WRITTEN.read_bytes())
    assert data.count(UNTIL) == 2
    file.write_bytes(gzip.compress(data.replace(UNTIL, until)))
    return file


def migrate(daemon: RunningDaemon, cache: Path, *options: str) -> click.testing.Result:
    theirs = cache.with_name("theirs.yaml")
    theirs.write_text(f"server:\n  prefetch: true\n  cache-file: {cache}\n")
    files = ("--their-config", str(theirs), "--config", str(daemon.config_file))
    command = ("migrate", "--from", "postfix-tlspol", *files, *options)
    return click.testing.CliRunner().invoke(main, command)


def test_policies_are_answered_as_soon_as_they_are_brought(
    daemon: RunningDaemon, cache: Path
) -> None:
    waiting = migrate(daemon, cache, "--write")
    assert waiting.exit_code == 75
    assert "They wait for our daemon" in waiting.stdout
    daemon.start()
    brought = json.loads(migrate(daemon, cache, "--write", "--json").stdout)
    imported = brought["policies"]["imported"]
    assert imported["imported"] >= 2
    for domain in ("year.example", "both.example"):
        reply = daemon.ask(domain)
        assert reply.text == f"secure match=mx.{domain}:.backup.{domain} servername=hostname"
    again = json.loads(migrate(daemon, cache, "--write", "--json").stdout)
    assert again["policies"]["imported"] == {"known": sum(imported.values())}
    listed = click.testing.CliRunner().invoke(
        main, ["cache", "list", "--config", str(daemon.config_file)]
    )
    assert "year.example\tenforce\tmigrated\t" in listed.stdout


@pytest.mark.skipif(not HAS_POSTFIX, reason="Postfix is not installed")
def test_the_lines_that_are_printed_lead_there_and_back(
    daemon: RunningDaemon, cache: Path, tmp_path: Path
) -> None:
    main_cf = f"smtp_tls_policy_maps = texthash:$data_directory/own, {THEIRS}\n"
    etc = write_postfix(tmp_path / "postfix", main_cf)

    def tables() -> str:
        return subprocess.run(
            ["postconf", "-c", etc, "-h", "smtp_tls_policy_maps"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    def postfix_of(result: click.testing.Result) -> dict[str, list[dict[str, list[str]]]]:
        found: dict[str, list[dict[str, list[str]]]] = json.loads(result.stdout)["postfix"]
        return found

    before = tables()
    options = ("--postfix-config", str(etc), "--json")
    (asked,) = postfix_of(migrate(daemon, cache, *options))["asked"]
    for line in asked["change"]:
        subprocess.run(shlex.split(line), check=True)
    settle(etc)
    own = f"texthash:{tmp_path}/postfix/data/own"
    assert tables() == f"{own}, socketmap:inet:127.0.0.1:8461:QUERY"
    assert postfix_of(migrate(daemon, cache, *options))["asked"] == []
    for line in asked["back"]:
        subprocess.run(shlex.split(line), check=True)
    settle(etc)
    assert tables() == before
    kept = migrate(daemon, cache, "--postfix-config", str(etc), "--keep-address")
    assert "and stays so." in kept.stdout
    assert "ListenStream=127.0.0.1:8642" in kept.stdout
