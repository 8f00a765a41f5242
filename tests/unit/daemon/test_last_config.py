"""The configuration that was last in force: kept whole, and read from nobody else."""

import os
import threading
from pathlib import Path
from threading import Thread

import pytest

from mtasts_resolver.config import Config, ConfigError, LogConfig, log_settings, parse_kept
from mtasts_resolver.daemon.last_config import NAME, KeptFile
from tests.events import events


def test_only_a_service_manager_provides_a_place() -> None:
    assert KeptFile.of_service({"HOME": "/root"}) is None
    kept = KeptFile.of_service({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"})
    assert kept is not None
    assert kept.path == Path("/var/lib/a") / NAME


def test_what_was_written_is_read_and_nothing_else_is_left(tmp_path: Path) -> None:
    kept = KeptFile(tmp_path / NAME)
    assert kept.read() is None
    for data in (b"", b"user: x\n", b"user: y\n"):
        kept.write(data)
        assert kept.read() == data
    assert os.listdir(tmp_path) == [NAME]  # noqa: PTH208
    assert kept.path.stat().st_mode & 0o777 == 0o600


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    kept = KeptFile(tmp_path / NAME)
    kept.write(b"a")
    before = kept.path.stat()
    kept.write(b"a")
    assert kept.path.stat().st_ino == before.st_ino


def test_what_a_killed_process_left_half_written_is_in_nobodys_way(tmp_path: Path) -> None:
    kept = KeptFile(tmp_path / NAME)
    kept.write(b"old")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"theirs")
    kept.path.with_name(f"{NAME}.new").symlink_to(elsewhere)
    kept.write(b"new")
    assert (kept.read(), elsewhere.read_bytes()) == (b"new", b"theirs")


def test_of_many_writers_at_once_the_last_to_be_asked_has_its_way(tmp_path: Path) -> None:
    kept = KeptFile(tmp_path / NAME)
    writers = [Thread(target=kept.write, args=(b"%d" % number,)) for number in range(20)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    kept.write(b"last")
    assert kept.read() == b"last"


def test_a_place_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        KeptFile(tmp_path / "missing" / NAME).write(b"a")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_another_user_wrote_is_not_read(tmp_path: Path) -> None:
    kept = KeptFile(tmp_path / NAME)
    kept.write(b"user: null\n")
    os.chown(kept.path, 12345, -1)
    with pytest.raises(ConfigError, match="others than the daemon's user can write it"):
        kept.read()


def test_of_what_is_kept_unknown_keys_are_left_out_and_the_rest_must_be_valid() -> None:
    loaded, unknown = parse_kept(b"lookup_timeout: 30s\nhttps: {gone: 1}\n", "kept")
    assert loaded.config == Config(lookup_timeout=30.0)
    assert [str(fault) for fault in unknown] == [
        "kept:2: $.https: unknown key 'gone' (valid: allow_networks, ca_file, proxy, timeout)"
    ]
    with pytest.raises(ConfigError, match="is not a duration"):
        parse_kept(b"lookup_timeout: 30x\n", "kept")


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (b"", LogConfig()),
        (
            b"nonsense: 1\nlog: {format: json, level: debug}\n",
            LogConfig(level="debug", format="json"),
        ),
        (b"log: {format: json, level: loud}\n", LogConfig(format="json")),
        (b"log: [1]\n", LogConfig()),
        (b"log: {format: json\n", LogConfig()),
        (b"\xff", LogConfig()),
        (b"- 1\n", LogConfig()),
    ],
)
def test_faults_are_logged_as_the_file_says_as_far_as_it_can_be_read(
    data: bytes, settings: LogConfig
) -> None:
    assert log_settings(data) == settings


def test_what_cannot_be_kept_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    KeptFile(tmp_path / "missing" / NAME).write_behind(b"a")
    for thread in threading.enumerate():
        if thread.name == "keep":
            thread.join()
    assert [told.event for told in events(caplog, "WARNING")] == ["configuration-not-kept"]
