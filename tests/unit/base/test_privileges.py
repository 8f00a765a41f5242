"""Becoming another user: what root makes for him, and what it never gives away."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

ROOT = Path(__file__).parents[3]
NOBODY = 65534

SCRIPT = """
import os, sys
from pathlib import Path
from mtasts_resolver.base.privileges import PrivilegeError, drop_privileges
before = os.getresuid(), os.getresgid(), os.getgroups()
try:
    drop_privileges(sys.argv[1] or None, Path(sys.argv[2]))
except PrivilegeError as error:
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before
    print(error)
"""


@pytest.fixture
def place(open_directory: Path) -> Path:
    """Return a directory of root's that every user may enter."""
    return open_directory


def drop(user: str, store: Path, *command: str) -> str:
    """Return why root could not become `user` and keep `store`; nothing where it could."""
    arguments = [*command, sys.executable, "-c", SCRIPT, user, str(store)]
    ended = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    return ended.stdout


def owner_and_mode(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_uid, stat.S_IMODE(status.st_mode)


def test_a_missing_directory_is_made_for_the_user(place: Path) -> None:
    umask = os.umask(0o077)
    try:
        assert drop("nobody", place / "srv" / "state" / "policies.sqlite") == ""
    finally:
        os.umask(umask)
    assert owner_and_mode(place) == (0, 0o755)
    assert owner_and_mode(place / "srv") == (0, 0o755)
    assert owner_and_mode(place / "srv" / "state") == (NOBODY, 0o700)


def test_where_the_user_can_write_he_makes_the_directory_himself(place: Path) -> None:
    os.chown(place, NOBODY, -1)
    assert drop("nobody", place / "deep" / "state" / "policies.sqlite") == ""
    assert owner_and_mode(place / "deep")[0] == NOBODY
    assert owner_and_mode(place / "deep" / "state") == (NOBODY, 0o700)


def test_what_is_there_stays_whose_it_is(place: Path) -> None:
    """As /etc would be with `sqlite:///etc/policies.sqlite`."""
    neighbour = place / "policies.sqlite.backup"
    neighbour.touch(0o600)
    reason = drop("nobody", place / "policies.sqlite")
    assert f"user 'nobody' cannot use {place}: Permission denied" in reason
    assert f"'chown nobody: {place}'" in reason
    assert owner_and_mode(place) == (0, 0o755)
    assert owner_and_mode(neighbour) == (0, 0o600)


def test_a_directory_that_others_share_is_not_given_away(place: Path) -> None:
    """As /tmp would be with `sqlite:///tmp/policies.sqlite`."""
    place.chmod(0o1777)
    assert drop("nobody", place / "policies.sqlite") == ""
    assert owner_and_mode(place) == (0, 0o1777)


@pytest.mark.parametrize("name", ["policies.sqlite", "policies.sqlite-wal"])
def test_a_file_that_the_user_cannot_use_is_an_error(place: Path, name: str) -> None:
    os.chown(place, NOBODY, -1)
    file = place / name
    file.touch(0o600)
    assert f"'chown nobody: {file}'" in drop("nobody", place / "policies.sqlite")
    assert owner_and_mode(file) == (0, 0o600)


@pytest.mark.threat("link-for-root")
def test_a_link_leads_to_nothing_that_is_given_away_or_made(place: Path) -> None:
    victim = place / "victim"
    victim.mkdir(0o700)
    (place / "link").symlink_to(victim)
    (place / "dangling").symlink_to(victim / "new")
    assert drop("nobody", place / "link" / "policies.sqlite")
    assert drop("nobody", place / "dangling" / "policies.sqlite")
    assert owner_and_mode(victim) == (0, 0o700)
    assert list(victim.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_an_error(place: Path) -> None:
    (place / "file").touch()
    reason = drop("nobody", place / "file" / "state" / "policies.sqlite")
    assert f"user 'nobody' cannot use {place}/file/state: Not a directory" in reason
    assert f"'install -d -o nobody -m 700 {place}/file/state'" in reason


def test_a_read_only_disk_is_left_to_the_store(place: Path) -> None:
    store = place / "policies.sqlite"
    store.touch(0o644)
    mounts = f"mount --bind {place} {place} && mount -o remount,bind,ro {place} && exec"
    assert drop("nobody", store, "unshare", "-m", "sh", "-c", f'{mounts} "$@"', "sh") == ""


def test_root_keeps_no_store_where_links_lead_nowhere(place: Path) -> None:
    (place / "loop").symlink_to("loop")
    reason = drop("", place / "loop" / "policies.sqlite")
    assert f"{place}/loop cannot be looked at: Too many levels of symbolic links" in reason


@pytest.mark.threat("link-for-root")
def test_root_keeps_no_store_where_others_can_write(place: Path) -> None:
    assert drop("", place / "state" / "policies.sqlite") == ""
    assert owner_and_mode(place / "state") == (0, 0o700)
    of_another, open_to_all = place / "other", place / "open"
    for directory in (of_another, open_to_all):
        (directory / "state").mkdir(parents=True)
    os.chown(of_another, NOBODY, -1)
    open_to_all.chmod(0o777)
    for directory in (of_another, open_to_all):
        expected = f"others than root can write to {directory},"
        assert expected in drop("", directory / "policies.sqlite")
        assert expected in drop("", directory / "state" / "policies.sqlite")
    open_to_all.chmod(0o1777)  # as /tmp
    assert drop("", open_to_all / "state" / "policies.sqlite") == ""
    assert drop("", open_to_all / "policies.sqlite") != ""


@pytest.mark.parametrize("closed", ["none", "os", "sys", "privileges"])
def test_it_is_told_whether_the_user_can_start_the_program_again(place: Path, closed: str) -> None:
    """Python may be below /root, and what root has started is all that there will be."""
    readable, hidden = place / "file", place / "hidden" / "file"
    hidden.parent.mkdir(0o700)
    for file in (readable, hidden):
        file.touch(0o755)
    where = dict.fromkeys(("os", "sys", "privileges"), readable) | {closed: hidden}
    script = f"""
import os, sys
from mtasts_resolver.base import privileges
os.__file__, sys.executable = {str(where["os"])!r}, {str(where["sys"])!r}
privileges.__file__ = {str(where["privileges"])!r}
print(privileges.can_start_python("nobody"), privileges.can_start_python(None), os.getresuid())
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == f"{closed == 'none'} True (0, 0, 0)"
