"""The daemon and its store as a process: two of them, a file that is gone, a disk that hangs."""

import asyncio
import os
import pwd
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mtasts_resolver.cli import exit_codes
from mtasts_resolver.postfix.reply import NOT_FOUND, Status
from mtasts_resolver.store.schema import VERSION
from tests.system.running import ENFORCED, RunningDaemon

# The daemon, whose store's thread never comes back from `method`, as with a disk that does not
# answer: it waits for somebody to write to the FIFO.
STUCK = """
import sys
from mtasts_resolver.cli import main
from mtasts_resolver.store.database import Database
setattr(Database, {method!r}, lambda *_: open({fifo!r}, "rb"))
sys.argv = ["mtasts-resolver", *sys.argv[4:]]  # those before it are python -m mtasts_resolver
main()
"""
PATIENCE = 60.0  # seconds for an end that is bounded by some 10


@pytest.fixture
def second(tmp_path: Path) -> Iterator[RunningDaemon]:
    """Another daemon, at another port."""
    directory = tmp_path / "second"
    directory.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with RunningDaemon(directory, port) as started:
        yield started


async def test_a_second_daemon_says_who_has_the_store_and_ends(
    daemon: RunningDaemon, second: RunningDaemon
) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.start()
    second.configure(store={"url": f"sqlite://{daemon.store_file}"})
    second.start(ready=False)
    assert second.wait() == exit_codes.TEMPORARY
    assert f"process {daemon.pid} has {daemon.store_file} for itself" in second.log
    assert "Traceback" not in second.log
    assert daemon.ask("good.example").status is Status.OK
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert "store-unavailable" not in daemon.log
    second.start()
    assert second.ask("good.example").status is Status.OK


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("user", [None, "daemon"])
def test_root_takes_nothing_from_a_live_daemon(
    open_daemon: RunningDaemon, second: RunningDaemon, user: str | None
) -> None:
    """Started by hand, at another port, with the service's store."""
    live = open_daemon
    live.configure(user="nobody")
    live.start()
    second.configure(store={"url": f"sqlite://{live.store_file}"}, user=user)
    second.start(ready=False)
    assert second.wait() == exit_codes.TEMPORARY
    assert f"process {live.pid} has {live.store_file} for itself" in second.log
    assert "chown" not in second.log
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in (live.store_file.parent, *live.store_file.parent.iterdir()):
        assert path.stat().st_uid == nobody
    live.signal(signal.SIGTERM)
    assert live.wait() == 0
    assert "store-unavailable" not in live.log


@pytest.mark.threat("store-later")
def test_a_store_of_a_later_version_ends_the_start_and_stays_as_it_is(
    daemon: RunningDaemon,
) -> None:
    asyncio.run(daemon.store({"good.example": ENFORCED}))
    with closing(sqlite3.connect(daemon.store_file)) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    before = daemon.store_file.read_bytes()
    daemon.start(ready=False)
    assert daemon.wait() == exit_codes.USAGE
    assert f"{daemon.store_file} is of a later version of this program" in daemon.log
    assert "run that later one" in daemon.log
    assert "Traceback" not in daemon.log
    looked = [sys.executable, "-m", "mtasts_resolver", "doctor", "--config"]
    told = subprocess.run(
        [*looked, str(daemon.config_file), "--json"], capture_output=True, text=True, check=False
    )
    assert "is of a later version of this program" in told.stdout
    assert [daemon.store_file] == list(daemon.store_file.parent.iterdir())
    assert daemon.store_file.read_bytes() == before


@pytest.mark.threat("disk-fails")
@pytest.mark.parametrize("method", ["page", "close"])
async def test_a_disk_that_does_not_answer_does_not_keep_the_process(
    daemon: RunningDaemon, method: str
) -> None:
    await daemon.store({"good.example": ENFORCED})
    fifo = daemon.directory / "never"
    os.mkfifo(fifo)
    script = STUCK.format(method=method, fifo=str(fifo))
    daemon.start(command=(sys.executable, "-c", script))
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE) == 0
    assert "event=stopped" in daemon.log
    assert "event=store-not-closed" in daemon.log
    assert "the disk does not answer" in daemon.log
    assert "Traceback" not in daemon.log


async def test_what_is_no_file_at_the_path_neither_stops_the_daemon_nor_its_end(
    daemon: RunningDaemon,
) -> None:
    daemon.store_file.parent.mkdir()
    os.mkfifo(daemon.store_file)
    daemon.start()
    assert daemon.ask("unknown.example") == NOT_FOUND
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE) == 0
    assert "policies.sqlite is no regular file" in daemon.log


async def test_sigbus_does_not_come_of_a_file_that_is_cut(daemon: RunningDaemon) -> None:
    """Neither the files that are there, nor those that an earlier version left behind."""
    await daemon.store({"good.example": ENFORCED})
    shm = daemon.store_file.with_name("policies.sqlite-shm")
    shm.write_bytes(bytes(32_768))
    daemon.start()
    for file in daemon.store_file.parent.iterdir():
        os.truncate(file, 0)
    shm.write_bytes(b"")
    assert daemon.ask("good.example").status is Status.OK
    assert daemon.ask("unknown.example") == NOT_FOUND
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE) == 0
