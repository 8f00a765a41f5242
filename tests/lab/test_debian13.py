"""Debian 13's root: the unit tests under its Python."""

import subprocess
import sys
from pathlib import Path

import pytest

from releasing import root as roots

from . import debian13
from .namespace import ROOT, environment
from .stream import LabError
from .unitruns import VARIABLES, UnitTestRuns

pytestmark = pytest.mark.lab

# The checkout is read-only in there.
PLAIN = """
root=$1 shared=$2; shift 2
mount -t proc proc "$root/proc"
mkdir -p "$root$shared"
mount --bind -o ro "$shared" "$root$shared"
exec chroot "$root" env -C "$shared" "$@"
"""
"""Runs a command in a root that is no mount."""

if not debian13.is_host():  # where it is, the unit tests have run under that Python already

    def test_unit_tests_pass_under_its_python(unit_tests_alongside: UnitTestRuns) -> None:
        """This is the last test of all, for the others need not wait for it."""
        statuses = set()
        for status, printed in unit_tests_alongside.results():
            sys.stdout.write(printed)
            statuses.add(status)
        assert statuses == {0}


@pytest.mark.usefixtures("lab_can_run")
def test_error_says_what_could_not_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(debian13, "MIRROR", ("file:///nowhere",))
    if reason := roots.missing():
        pytest.skip(reason)
    with pytest.raises(
        LabError, match="cannot make a root of Debian's trixie: unshare ended badly"
    ):
        debian13.tarball(lambda _: None)
    assert list((tmp_path / "mtasts-resolver-lab").iterdir()) == []


@pytest.mark.parametrize("required", ["", "1"])
def test_a_chroot_to_a_plain_directory_is_one_reason(debian13_root: Path, required: str) -> None:
    """Not an error for each test: unshare(1) fails there, and says nothing of why."""
    in_plain_root = (*roots.IN_PRIVATE, "--", "sh", "-euc", PLAIN, "plain", debian13_root, ROOT)
    pytest_run = (debian13.PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    done = subprocess.run(
        [*map(str, in_plain_root), *pytest_run, "tests/lab/test_lab.py"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=environment(VARIABLES | {"MTASTS_REQUIRE_LAB": required}),
    )
    assert done.returncode == int(required or 0), done.stdout
    assert done.stdout.count("/ to be a mount") == 1, done.stdout
