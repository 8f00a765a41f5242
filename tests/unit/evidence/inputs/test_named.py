"""What an administrator names, and what files that means."""

import errno
import os
import sys
from pathlib import Path

import pytest

from mtasts_resolver.evidence.inputs import named
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.named import named_files

NOW = 1_800_000_000.0


def names(*arguments: object) -> list[str]:
    return [file.name for file in named_files(map(str, arguments), NOW)]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in ("mail.log", "mail.log.1", "mail.log.2.gz", "other"):
        (tmp_path / name).write_text(name, encoding="ascii")
    (tmp_path / "mail.log.d").mkdir()
    return tmp_path


def test_a_pattern_means_the_files_that_fit(logs: Path) -> None:
    assert names(logs / "mail.log*") == [
        str(logs / name) for name in ("mail.log", "mail.log.1", "mail.log.2.gz")
    ]


def test_a_name_that_looks_like_a_pattern_and_is_a_file_is_that_file(logs: Path) -> None:
    (logs / "mail[1].log").touch()
    assert names(logs / "mail[1].log") == [str(logs / "mail[1].log")]


def test_what_is_named_twice_is_there_once(logs: Path) -> None:
    assert names(logs / "mail.log", logs / "mail.*g") == [str(logs / "mail.log")]


def test_a_pattern_that_nothing_fits_is_an_error(logs: Path) -> None:
    with pytest.raises(InputError, match="no file's name fits this pattern"):
        names(logs / "maillog*")


def test_what_is_missing_is_an_error(logs: Path) -> None:
    with pytest.raises(InputError, match=r"mail.log.9: there is no such file"):
        names(logs / "mail.log.9")
    with pytest.raises(InputError, match="there is no such file"):
        names(logs / "mail.log" / "x")
    (logs / "dangling").symlink_to("nowhere")
    with pytest.raises(InputError, match="there is no such file"):
        names(logs / "dangl*")


def test_a_directory_means_the_files_in_it(logs: Path) -> None:
    (logs / ".hidden").touch()
    (logs / "mail.log.d" / "below").touch()
    assert names(logs) == [
        str(logs / name) for name in ("mail.log", "mail.log.1", "mail.log.2.gz", "other")
    ]
    assert str(logs / "mail.log.d" / "below") in names(logs / "**")


def test_a_directory_without_files_is_an_error(logs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file in this directory"):
        names(logs / "mail.log.d")
    with pytest.raises(InputError, match="no file's name fits this pattern"):
        names(logs / "mail.log.d*")


def test_what_may_not_be_read_is_an_error(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (logs / "mail.log").chmod(0)
    monkeypatch.setattr(os, "access", lambda path, _mode: bool(Path(path).stat().st_mode & 0o444))
    with pytest.raises(InputError, match="you may not read it: be root, or of the group"):
        names(logs / "mail.log")


def test_what_lies_where_one_may_not_look_is_an_error(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: bool) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    for name in (logs / "mail.log", logs):  # Path.is_dir() asks stat()
        with pytest.raises(InputError, match="you may not read it: be root, or of the group"):
            names(name)


def test_there_are_not_too_many(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "MAX_FILES", 2)
    with pytest.raises(InputError, match="more than 2 files"):
        names(logs / "*")


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input is closed"):
        names("-")


def test_names_are_shown_without_controls(logs: Path) -> None:
    with pytest.raises(InputError, match=r"x\\x1b31m: there is no such file"):
        names(logs / "x\x1b31m")


def test_a_file_that_was_rotated_meanwhile_is_found_under_its_new_name(logs: Path) -> None:
    [file] = named_files([str(logs / "mail.log")], NOW)
    (logs / "mail.log").rename(logs / "mail.log.0")
    with file.open() as opened:
        assert opened.read() == b"mail.log"
    (logs / "mail.log").write_text("a new one", encoding="ascii")
    with file.open() as opened:
        assert opened.read() == b"mail.log"


def test_a_file_that_is_gone_is_told(logs: Path) -> None:
    [file] = named_files([str(logs / "mail.log")], NOW)
    (logs / "mail.log").unlink()
    (logs / "mail.log").write_text("a new one", encoding="ascii")
    [kept] = named_files([str(logs / "mail.log")], NOW)
    if kept.inode != file.inode:  # else the file system has given the number to the new one
        with pytest.raises(InputError, match="it was removed, or replaced"):
            file.open()
    (logs / "mail.log").unlink()
    with pytest.raises(InputError, match="it was removed, or replaced"):
        file.open()
