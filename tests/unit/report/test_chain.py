"""The list of reports, and the directory of them: whatever is changed in either shows."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.cli.reporting.verify import report_verify
from mtasts_resolver.report import shelf as shelf_module
from mtasts_resolver.report.chain import (
    BEGINNING,
    CHAIN_FILE,
    FaultKind,
    chained_file,
    line_of,
    next_entry,
    read_chain,
    sum_of,
)
from mtasts_resolver.report.shelf import ReportShelf
from tests.runner import CliRunner

AT = "2026-11-01T03:20:00+01:00"
FILES = {"report.txt": b"All is well.\n", "report.json": b"{}\n"}


def chained(*names: str) -> bytes:
    data = b""
    for name in names:
        files = [chained_file("report.txt", name.encode())]
        data += line_of(next_entry(read_chain(data), AT, name=name, files=files))
    return data


LINES = chained("a", "b", "c", "d", "e").splitlines(keepends=True)


def test_each_entry_names_the_sum_of_the_line_before() -> None:
    chain = read_chain(b"".join(LINES))
    assert chain.faults == ()
    assert [entry.number for entry in chain.entries] == [1, 2, 3, 4, 5]
    sums = [sum_of(line.rstrip(b"\n")) for line in LINES]
    assert [entry.previous for entry in chain.entries] == [BEGINNING, *sums[:-1]]
    assert chain.head == sums[-1]


def test_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    """What docs/report.md says to do by hand."""
    (tmp_path / CHAIN_FILE).write_bytes(b"".join(LINES))
    script = f"sed -n 3p {CHAIN_FILE} | tr -d '\\n' | sha256sum | cut -c1-64"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, check=True)
    assert json.loads(LINES[3])["previous"] == done.stdout.decode().strip()


@given(st.permutations(LINES))
def test_entries_in_another_order_show(lines: list[bytes]) -> None:
    assert bool(read_chain(b"".join(lines)).faults) == (lines != LINES)


@given(st.sets(st.integers(0, 4), max_size=4))
def test_entries_that_are_gone_show_where_one_is_left_behind_them(gone: set[int]) -> None:
    left = [line for number, line in enumerate(LINES) if number not in gone]
    at_the_end = gone == set(range(len(left), 5))
    chain = read_chain(b"".join(left))
    assert bool(chain.faults) == (not at_the_end)
    whole = read_chain(b"".join(LINES))
    assert (whole.head in chain.sums) == (4 not in gone)  # what a head that was kept shows


@given(st.integers(0, 3), st.sampled_from(LINES))
def test_an_entry_that_was_put_in_shows(place: int, line: bytes) -> None:
    assert read_chain(b"".join([*LINES[:place], line, *LINES[place:]])).faults


@pytest.mark.threat("report-tampered")
@given(st.integers(0, sum(map(len, LINES[:4])) - 1), st.integers(1, 255))
def test_any_byte_that_was_changed_shows(place: int, change: int) -> None:
    data = bytearray(b"".join(LINES))
    data[place] ^= change
    assert read_chain(bytes(data)).faults


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read(data: bytes) -> None:
    chain = read_chain(data)
    assert bool(chain.faults) == bool(data)


@pytest.mark.parametrize("name", ["../x", "", ".x", "a/b", "x" * 200, "a\nb"])
def test_names_that_lead_elsewhere_are_none(name: str, tmp_path: Path) -> None:
    entry = next_entry(read_chain(b""), AT, name=name)
    assert [fault.what for fault in read_chain(line_of(entry)).faults] == [
        "that is no name of a report"
    ]
    with pytest.raises(ValueError, match="no name of a report"):
        ReportShelf(tmp_path).add(name, FILES, AT)


# -- the directory -------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return a directory with three reports."""
    for name in ("2026-09", "2026-10", "2026-11"):
        ReportShelf(tmp_path).add(name, FILES, AT)
    return tmp_path


def faults(directory: Path) -> list[str]:
    return [f"{fault.about}: {fault.what}" for fault in ReportShelf(directory).verify().faults]


def test_report_is_kept_with_its_files(shelf: Path) -> None:
    assert faults(shelf) == []
    assert (shelf / "2026-10" / "report.txt").read_bytes() == FILES["report.txt"]
    assert stat_mode(shelf / "2026-10") == 0o700
    assert stat_mode(shelf / CHAIN_FILE) == 0o600


def stat_mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_report_of_the_same_name_is_kept_once(shelf: Path) -> None:
    before = (shelf / CHAIN_FILE).read_bytes()
    assert ReportShelf(shelf).add("2026-10", {"report.txt": b"Another."}, AT) is None
    assert (shelf / CHAIN_FILE).read_bytes() == before
    assert faults(shelf) == []


def remove_report(shelf: Path) -> None:
    (shelf / "2026-10" / "report.txt").unlink()
    (shelf / "2026-10" / "report.json").unlink()
    (shelf / "2026-10").rmdir()


def remove_file(shelf: Path) -> None:
    (shelf / "2026-10" / "report.txt").unlink()


def change_file(shelf: Path) -> None:
    (shelf / "2026-10" / "report.txt").write_bytes(b"All is bad..\n")


def link_file(shelf: Path) -> None:
    remove_file(shelf)
    (shelf / "2026-10" / "report.txt").symlink_to(shelf / "2026-11" / "report.txt")


def insert_file(shelf: Path) -> None:
    (shelf / "2026-10" / "more.txt").write_bytes(b"")


def insert_report(shelf: Path) -> None:
    (shelf / "2026-12").mkdir()


def remove_entry(shelf: Path) -> None:
    lines = (shelf / CHAIN_FILE).read_bytes().splitlines(keepends=True)
    (shelf / CHAIN_FILE).write_bytes(b"".join([lines[0], lines[2]]))


def cut_end(shelf: Path) -> None:
    lines = (shelf / CHAIN_FILE).read_bytes().splitlines(keepends=True)
    (shelf / CHAIN_FILE).write_bytes(b"".join(lines[:2]))


def cut_line(shelf: Path) -> None:
    (shelf / CHAIN_FILE).write_bytes((shelf / CHAIN_FILE).read_bytes()[:-10])


def remove_list(shelf: Path) -> None:
    (shelf / CHAIN_FILE).unlink()


UNLISTED = "it is not in the list: somebody has put it here, or has cut off the list's end"
MOVED = "it stands at place 2: entries before it were removed, inserted or moved"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (remove_report, ["entry 2 (2026-10): its files are gone"]),
        (remove_file, ["2026-10/report.txt: it is gone"]),
        (change_file, ["2026-10/report.txt: it was changed: it has 13 bytes with the sum"]),
        (link_file, ["2026-10/report.txt: it cannot be read, or is no plain file"]),
        (insert_file, ["2026-10/more.txt: it is not in the list"]),
        (insert_report, [f"2026-12: {UNLISTED}"]),
        (
            remove_entry,
            [
                f"entry 3 (2026-11): {MOVED}",
                "entry 3 (2026-11): it was written behind another entry than the one at place 1",
                f"2026-10: {UNLISTED}",
            ],
        ),
        (cut_end, [f"2026-11: {UNLISTED}"]),
        (cut_line, ["the list: its last line is cut off", f"2026-11: {UNLISTED}"]),
        (
            remove_list,
            [
                f"{CHAIN_FILE}: the list is gone",
                *(f"2026-{month}: {UNLISTED}" for month in ("09", "10", "11")),
            ],
        ),
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_what_was_done_shows_and_goes_on_to_show(
    shelf: Path, change: Callable[[Path], None], found: list[str], later: bool
) -> None:
    change(shelf)
    if later and change is not remove_list:
        # The next report hides nothing; a cut line, and a list that is gone, are then others.
        ReportShelf(shelf).add("2027-01", FILES, AT)
        found = [line for line in found if not line.startswith("the list: ")]
    said = faults(shelf)
    for words in found:
        assert [line for line in said if line.startswith(words)], said
    if not later:
        assert len(said) == len(found)


def test_report_under_whose_name_another_lies_gets_a_name_of_its_own(shelf: Path) -> None:
    insert_report(shelf)
    chain = ReportShelf(shelf).add("2026-12", FILES, AT)
    assert chain is not None
    assert chain.entries[-1].name == "2026-12.2"
    assert faults(shelf) == [f"2026-12: {UNLISTED}"]


class KilledError(Exception):
    """The run ends here."""


@pytest.mark.parametrize(
    ("step", "said", "kept"),
    [
        ("_sync_directory", [".2026-12: a run was interrupted before its report was"], False),
        ("write_own", [".2026-12: a run was interrupted before its report was"], False),
        ("_put", ["entry 4 (2026-12): the run that wrote it was interrupted"], True),
    ],
)
def test_run_that_is_killed_leaves_a_whole_report_or_none(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, step: str, said: list[str], kept: bool
) -> None:
    def kill(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        if step == "_put":
            patch.setattr(ReportShelf, "_put_in_place", kill)
        else:
            patch.setattr(shelf_module, step, kill)
        with pytest.raises(KilledError):
            ReportShelf(shelf).add("2026-12", FILES, AT)
    (words,) = faults(shelf)
    assert words.startswith(said[0])
    assert {fault.kind for fault in ReportShelf(shelf).verify().faults} == {FaultKind.UNFINISHED}
    ReportShelf(shelf).add("2027-01", FILES, AT)
    assert faults(shelf) == []
    assert (shelf / "2026-12").exists() == kept


def test_reports_are_let_go_by_rule_and_the_list_says_so(shelf: Path) -> None:
    ReportShelf(shelf).let_go(["2026-09", "2026-10", "never"], AT, "older than a year")
    assert faults(shelf) == []
    assert sorted(path.name for path in shelf.iterdir() if path.is_dir()) == ["2026-11"]
    chain = ReportShelf(shelf).read()
    assert chain.let_go == {"2026-09", "2026-10"}
    assert chain.entries[-1].why == "older than a year"
    assert ReportShelf(shelf).add("2026-10", FILES, AT) is None


def test_letting_go_that_was_interrupted_is_finished(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", kill)
        with pytest.raises(KilledError):
            ReportShelf(shelf).let_go(["2026-09"], AT, "old")
    assert faults(shelf) == [
        "2026-09: the list says that its files were removed: the next run removes those left"
    ]
    ReportShelf(shelf).add("2027-01", FILES, AT)
    assert faults(shelf) == []


ADDING = """
import sys
from pathlib import Path
from mtasts_resolver.report.shelf import ReportShelf
for number in range(8):
    ReportShelf(Path(sys.argv[1])).add(f"{sys.argv[2]}-{number}", {"report.txt": b"x"}, "now")
    ReportShelf(Path(sys.argv[1])).add(f"same-{number}", {"report.txt": b"x"}, "now")
"""


@pytest.mark.threat("shelf-link")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_directory_of_another_user_is_left_to_that_one(shelf: Path) -> None:
    os.chown(shelf, 65_534, 65_534)
    with pytest.raises(PermissionError, match="belongs to the user 65534: have that one write"):
        ReportShelf(shelf).add("2026-12", FILES, AT)
    assert faults(shelf) == []


def test_lock_that_waits_for_ever_is_not_waited_for(shelf: Path) -> None:
    (shelf / ".lock").unlink()
    os.mkfifo(shelf / ".lock")
    assert verify(shelf).exit_code == 0


def test_list_that_is_too_long_is_not_cut(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (shelf / CHAIN_FILE).read_bytes()
    monkeypatch.setattr(shelf_module, "MAX_CHAIN_BYTES", len(before) - 1)
    with pytest.raises(OSError, match="File too large"):
        ReportShelf(shelf).add("2026-12", FILES, AT)
    assert (shelf / CHAIN_FILE).read_bytes() == before


def test_runs_at_once_wait_for_each_other(tmp_path: Path) -> None:
    runs = [
        subprocess.Popen([sys.executable, "-c", ADDING, tmp_path, name]) for name in ("a", "b", "c")
    ]
    assert [run.wait(timeout=60) for run in runs] == [0, 0, 0]
    chain = ReportShelf(tmp_path).read()
    assert faults(tmp_path) == []
    assert len(chain.kept) == len(chain.entries) == 4 * 8


# -- the command ---------------------------------------------------------------------------------


def verify(*arguments: str | Path) -> Result:
    return CliRunner().invoke(report_verify, list(map(str, arguments)))


def test_command_says_that_all_is_whole_and_names_the_head(shelf: Path) -> None:
    result = verify(shelf)
    head = ReportShelf(shelf).read().head
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        f"3 reports, each as it was written; the last: {AT}",
        f"head: entry 3, {head}",
    ]
    assert "Keep the head elsewhere" in result.stdout


def test_command_shows_what_is_wrong(shelf: Path) -> None:
    change_file(shelf)
    insert_report(shelf)
    result = verify(shelf)
    assert result.exit_code == 2
    assert result.stdout.splitlines()[0].startswith("broken      2026-10/report.txt: it was")
    printed = json.loads(verify(shelf, "--json").stdout)
    assert printed["whole"] is False
    assert [fault["about"] for fault in printed["faults"]] == ["2026-10/report.txt", "2026-12"]


def test_a_head_that_was_kept_shows_that_all_was_written_anew(shelf: Path) -> None:
    kept = ReportShelf(shelf).read().head
    ReportShelf(shelf).add("2026-12", FILES, AT)
    result = verify(shelf, "--head", kept.upper())
    assert result.exit_code == 0
    assert "that of entry 3: nothing before it was changed" in result.stdout
    for path in list(shelf.iterdir()):
        if path.is_dir():
            (path / "report.txt").unlink()
            (path / "report.json").unlink()
            path.rmdir()
    (shelf / CHAIN_FILE).unlink()
    for name in ("2026-09", "2026-10", "2026-11"):
        ReportShelf(shelf).add(name, {"report.txt": b"All was well.\n"}, AT)
    assert verify(shelf).exit_code == 0
    result = verify(shelf, "--head", kept)
    assert result.exit_code == 2
    assert "the list has no such entry" in result.stdout


def test_run_that_was_interrupted_is_a_warning(shelf: Path) -> None:
    (shelf / ".2026-12").mkdir()
    assert verify(shelf).exit_code == 1


@pytest.mark.parametrize(
    ("directory", "code", "words"),
    [(".", 1, "No report is kept here."), ("none", 2, "none: No such file or directory")],
)
def test_directory_without_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: str, code: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = verify(directory)
    assert (result.exit_code, words in result.stdout + result.stderr) == (code, True)


def test_wrong_sum_is_named() -> None:
    result = verify("--head", "abc")
    assert result.exit_code == 2
    assert "64 digits" in result.stderr


def test_a_copy_without_a_lock_is_verified_and_left_alone(shelf: Path) -> None:
    (shelf / ".lock").unlink()
    assert verify(shelf).exit_code == 0
    assert not (shelf / ".lock").exists()
