"""`report` as a user meets it: a process of its own, on real files."""

import asyncio
import gzip
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest

from mtasts_resolver.cli import exit_codes, main
from tests.runner import CliRunner

ROOT = Path(__file__).parents[2]

LOG = (ROOT / "tests" / "maillogs" / "few.log").read_text("utf-8")


class Ran(NamedTuple):
    code: int | None
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def report(*arguments: str | Path, given: bytes | None = None) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mtasts_resolver", "report", *map(str, arguments)),
        stdin=asyncio.subprocess.DEVNULL if given is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(given)
    return Ran(process.returncode, out.decode(), err.decode())


@pytest.fixture(autouse=True)
def _no_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have none be found, whatever runs on this machine, or has run."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "runtime"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_text(LOG)
    return path


def figures(ran: Ran) -> dict[str, tuple[int, int]]:
    return {one["key"]: (one["numerator"], one["denominator"]) for one in ran.json["figures"]}


async def test_page_is_drawn_without_a_word_where_there_is_no_home(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLCONFIGDIR", "/dev/null/nowhere")
    page = tmp_path / "report.html"
    ran = await report("--elsewhere", "--write", page, log)
    assert (ran.code, ran.err) == (0, f"written: {page}\n")


async def test_what_could_not_be_read_is_not_said_to_have_no_lines(log: Path) -> None:
    ran = await report("--control-socket", log.parent / "nobody", log)
    assert "no daemon keeps a history there" in ran.out
    assert "(0 lines)" not in ran.out
    assert "with --control" not in ran.out  # which names controls here


async def test_json_says_what_the_log_does_and_fits_its_schema(log: Path) -> None:
    ran = await report(log, "--json", "--zone", "UTC", "--unknown")
    assert (ran.code, ran.err) == (0, "")
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text("utf-8"))
    jsonschema_rs.validate(schema, ran.json)
    counted = figures(ran)
    assert counted["outbound-encrypted"] == (1, 2)
    assert counted["inbound-encrypted"] == (1, 1)
    (held,) = ran.json["failures"]
    assert (held["domain"], held["cause"], held["messages"]) == ("late.example", "expired", 1)
    assert ran.json["lines_unknown"] == 1
    (unknown,) = ran.json["unknown_lines"]
    assert "something that nobody has seen before" in unknown["text"]
    assert ran.json["period"]["zone"] == "UTC"


async def test_forms_are_files_by_their_names(log: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page, told, text = (tmp_path / f"report.{form}" for form in ("html", "json", "txt"))
    written = [word for path in (page, told, text) for word in ("--write", path)]
    ran = await report(log, *written, "--csv", tmp_path / "tables")
    assert (ran.code, ran.out) == (0, "")
    assert str(page) in ran.err
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert json.loads(told.read_text("utf-8"))["format"] == 1
    assert "late.example" in text.read_text("utf-8")
    assert (tmp_path / "tables" / "failures.csv").read_text("utf-8").count("\n") == 2


async def test_packed_files_patterns_and_standard_input_are_the_same(
    log: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(LOG.encode()))
    plain = figures(await report(log, "--json"))
    assert figures(await report(packed, "--json")) == plain
    assert figures(await report(f"{tmp_path}/*", "--json")) == plain  # the same twice counts once
    assert figures(await report("-", "--json", given=LOG.encode())) == plain


async def test_a_period_is_beside_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "two-days.log"
    second = LOG.replace("Oct  1", "Oct  2").replace("4Zz1", "4Zz2").replace("Verified", "Trusted")
    path.write_text(LOG + second)
    ran = await report(path, "--json", "--zone", "UTC", *days(path))
    assert figures(ran)["outbound-encrypted"] == (1, 2)
    assert ran.json["previous"] is not None
    assert {row["name"] for row in ran.json["outbound"]["levels"]} == {"none", "trusted"}


def days(path: Path) -> tuple[str, ...]:
    """Return the second day of the log, in the latest year in which it is not in the future."""
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    year = written.year - ((written.month, written.day) < (10, 1))
    return ("--since", f"{year}-10-02T00:00:00Z", "--until", f"{year}-10-03T00:00:00Z")


async def test_controls_are_judged_and_never_met_without_data(log: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("{}\n")
    ran = await report(
        *(log, "--json", "--elsewhere", "--config", config, "--control", "ism-1589,A.8.24")
    )
    assert ran.code == exit_codes.WARNINGS_FOUND
    verdicts = {one["id"]: one["verdict"] for one in ran.json["controls"]}
    assert verdicts == {"ISM-1589": "cannot-be-told", "ISO-27001-A.8.24": "cannot-be-told"}


WRONG = (
    ((), exit_codes.USAGE, ""),
    (("logs",), exit_codes.USAGE, "name a FILE"),
    (("/nowhere/mail.log",), exit_codes.USAGE, "/nowhere/mail.log"),
    (("/nowhere/*.log",), exit_codes.USAGE, "/nowhere/*.log"),
    (("LOG", "--control", "ISM-1"), exit_codes.USAGE, "ISM-1589"),
    (("LOG", "--zone", "Mars"), exit_codes.USAGE, "Europe/Berlin"),
    (("LOG", "--domain", "[192.0.2.1]"), exit_codes.USAGE, "no domain"),
    (("LOG", "--last", "day", "--since", "3d ago"), exit_codes.USAGE, "--last"),
    (("LOG", "--since", "1h ago", "--until", "2h ago"), exit_codes.USAGE, "--until"),
    (("LOG", "--write", "report.pdf"), exit_codes.USAGE, ".html"),
    (("LOG", "--tls-reports", "/nowhere/reports"), exit_codes.USAGE, "/nowhere/reports"),
    (("LOG", "--previous", "LOG"), exit_codes.USAGE, "no report"),
    (("EMPTY",), exit_codes.TEMPORARY, "no line of Postfix"),
)


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG)
def test_what_is_wrong_is_told(
    log: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    empty = tmp_path / "empty.log"
    empty.touch()
    places = {"LOG": str(log), "EMPTY": str(empty)}
    ran = CliRunner().invoke(main, ["report", *(places.get(word, word) for word in arguments)])
    assert ran.exit_code == code
    assert words in ran.output
    assert ran.exception is None or isinstance(ran.exception, SystemExit)
