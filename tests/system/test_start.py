"""What the daemon does with a faulty configuration where another was in force before."""

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mtasts_resolver.cli import exit_codes
from mtasts_resolver.postfix.reply import Status
from tests.system.running import ENFORCED, RunningDaemon
from tests.system.test_daemon import until

TYPO = "dns: {timeuot: 1s}\n"


def of_a_service(directory: Path, port: int) -> RunningDaemon:
    """Return a daemon that a service manager gives a directory, as systemd does."""
    state = directory / "state"
    state.mkdir(mode=0o700)
    return RunningDaemon(directory, port, {"STATE_DIRECTORY": str(state)})


@pytest.fixture
def daemon(tmp_path: Path, free_port: int) -> Iterator[RunningDaemon]:
    with of_a_service(tmp_path, free_port) as running:
        yield running


def kept(daemon: RunningDaemon) -> Path:
    return daemon.directory / "state" / "config-in-force.yaml"


def once(daemon: RunningDaemon) -> str:
    """Run the daemon once with a good configuration, and return what it has kept."""
    daemon.start()
    until(kept(daemon).exists)
    stop(daemon)
    return kept(daemon).read_text()


def stop(daemon: RunningDaemon) -> None:
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0


def test_what_is_in_force_is_kept_for_the_daemons_user_alone(daemon: RunningDaemon) -> None:
    assert once(daemon) == daemon.config_file.read_text()
    assert kept(daemon).stat().st_mode & 0o777 == 0o600


@pytest.mark.threat("config-hostile")
async def test_the_last_configuration_takes_the_place_of_a_faulty_one(
    daemon: RunningDaemon,
) -> None:
    await daemon.store({"good.example": ENFORCED})
    good = once(daemon)
    for faulty in (TYPO, "listen: [", None):
        if faulty is None:
            daemon.config_file.unlink()
        else:
            daemon.config_file.write_text(faulty)
        daemon.start()
        assert daemon.ask("good.example").status is Status.OK
        stop(daemon)
    assert daemon.log.count("level=error event=last-configuration-used") == 3
    assert "level=error event=configuration-rejected" in daemon.log
    assert re.search(rf"{daemon.config_file}:\d+: \$\..*did you mean 'timeout'\?", daemon.log)
    assert kept(daemon).read_text() == good


@pytest.mark.parametrize(
    "changed",
    [
        {"https": {"ca_file": "/nonexistent/ca.pem"}},
        {"listen": []},
        {"store": {"url": "sqlite:///dev/null/policies.sqlite"}},
        {"listen": [{"protocol": "socketmap", "address": "unix:/nonexistent/socket"}]},
    ],
    ids=["CA file", "no listener", "no place for the store", "no place for a socket"],
)
def test_so_it_does_of_one_with_which_the_daemon_cannot_start(
    daemon: RunningDaemon, changed: dict[str, object]
) -> None:
    once(daemon)
    daemon.configure(**changed)
    daemon.start()
    assert daemon.ask("[192.0.2.1]").status is Status.NOTFOUND  # of which nothing is found out
    assert "event=last-configuration-used" in daemon.log
    stop(daemon)


@pytest.fixture
def open_daemon(open_directory: Path, free_port: int) -> Iterator[RunningDaemon]:
    """One in a directory that every user may enter."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with of_a_service(open_directory, free_port) as running:
        yield running


async def test_a_user_who_cannot_use_the_store_is_not_become(open_daemon: RunningDaemon) -> None:
    """The advice of `running-as-root` is followed, and the store is root's."""
    daemon = open_daemon
    await daemon.store({"good.example": ENFORCED})
    once(daemon)
    daemon.configure(user="nobody")
    daemon.start()
    assert daemon.ask("good.example").status is Status.OK
    assert "user 'nobody' cannot use" in daemon.log
    assert "event=last-configuration-used" in daemon.log
    assert "Traceback" not in daemon.log
    assert daemon.uids() == {0}
    stop(daemon)


async def test_whoever_has_become_another_user_does_not_use_the_last_configuration(
    open_daemon: RunningDaemon,
) -> None:
    """That user would find none of the policies."""
    daemon = open_daemon
    await daemon.store({"good.example": ENFORCED})
    once(daemon)
    theirs = daemon.directory / "theirs"
    theirs.mkdir()
    shutil.chown(theirs, "nobody")
    daemon.configure(
        user="nobody",
        store={"url": f"sqlite://{theirs}/policies.sqlite"},
        https={"ca_file": str(daemon.directory / "missing.pem")},
    )
    daemon.start(ready=False)
    assert daemon.wait() == exit_codes.USAGE
    place = rf"{daemon.config_file}:\d+: \$\.https\.ca_file: .*missing\.pem"
    assert re.search(rf"level=error event=start-failed reason=.*{place}", daemon.log)
    assert "event=last-configuration-used" not in daemon.log
    assert "Traceback" not in daemon.log


def test_keys_that_a_newer_program_does_not_know_are_left_out(daemon: RunningDaemon) -> None:
    good = once(daemon)
    kept(daemon).write_text(f"{good}abandoned: 1\n")
    daemon.config_file.write_text(TYPO)
    daemon.start()
    assert daemon.ask("[192.0.2.1]").status is Status.NOTFOUND  # of which nothing is found out
    assert "abandoned" in daemon.log


def test_one_that_fails_too_ends_the_start_and_both_are_told(daemon: RunningDaemon) -> None:
    once(daemon)
    kept(daemon).write_text("lookup_timeout: 5x\n")
    daemon.config_file.write_text(TYPO)
    daemon.start(ready=False)
    assert daemon.wait() == exit_codes.USAGE
    assert "did you mean 'timeout'?" in daemon.log
    assert "level=error event=start-failed" in daemon.log
    assert "'5x' is not a duration" in daemon.log
    assert "Traceback" not in daemon.log


@pytest.mark.threat("own-files-written")
@pytest.mark.parametrize("how", ["writable", "link", "fifo"])
def test_one_that_others_may_have_written_is_not_read(daemon: RunningDaemon, how: str) -> None:
    good = once(daemon)
    path = kept(daemon)
    if how == "writable":
        path.chmod(0o666)
    else:
        path.unlink()
    if how == "link":
        elsewhere = daemon.directory / "elsewhere.yaml"
        elsewhere.write_text(good)
        path.symlink_to(elsewhere)
    elif how == "fifo":
        os.mkfifo(path, 0o600)
    daemon.config_file.write_text(TYPO)
    daemon.start(ready=False)
    assert daemon.wait() == exit_codes.USAGE
    assert "event=last-configuration-unusable" in daemon.log


def test_without_a_service_managers_directory_a_faulty_file_ends_the_start(
    tmp_path: Path, free_port: int
) -> None:
    with RunningDaemon(tmp_path, free_port) as daemon:
        once_more = daemon.config_file.read_text()
        daemon.start()
        stop(daemon)
        daemon.config_file.write_text(f"{once_more}nonsense: 1\nlog: {{format: json}}\n")
        daemon.start(ready=False)
        assert daemon.wait() == exit_codes.USAGE
        last = json.loads(daemon.log.splitlines()[-1])
    assert (last["level"], last["event"]) == ("error", "start-failed")
    assert "unknown key 'nonsense'" in last["reason"]


def test_a_reload_that_is_wholly_in_force_is_kept_and_a_faulty_one_is_not(
    daemon: RunningDaemon,
) -> None:
    once(daemon)
    daemon.start()
    daemon.configure(lookup_timeout="30s")
    reload(daemon)
    until(lambda: yaml.safe_load(kept(daemon).read_text()).get("lookup_timeout") == "30s")
    good = kept(daemon).read_text()
    daemon.config_file.write_text(TYPO)
    reload(daemon)
    daemon.configure(lookup_timeout="40s", dns={"servers": ["127.0.0.2:1"], "dnssec": "off"})
    reload(daemon)
    assert "event=restart-needed" in daemon.log
    stop(daemon)
    assert kept(daemon).read_text() == good


def reload(daemon: RunningDaemon) -> None:
    daemon.signal(signal.SIGHUP)
    daemon.notified("RELOADING=1")
    daemon.notified("READY=1")


def test_after_a_slip_is_mended_a_reload_is_enough(daemon: RunningDaemon) -> None:
    once(daemon)
    good = daemon.config_file.read_text()
    daemon.config_file.write_text(TYPO)
    daemon.start()
    daemon.config_file.write_text(good)
    assert "FAULTY" in daemon.status()
    reload(daemon)
    assert "FAULTY" not in daemon.status()
    assert "event=configuration-reloaded" in daemon.log
