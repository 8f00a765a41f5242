"""Debian 13's root: the unit tests under its Python, and what its cache is trusted with."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from releasing import root as roots
from releasing.root import RootError

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


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache directory, which is used in this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mtasts-resolver-lab"


class Maker:
    """Makes tarballs at once, out of nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made = 0
        self.fails = False
        monkeypatch.setattr(roots, "run", self._run)
        monkeypatch.setattr(debian13, "_pip_settings", lambda: ({}, []))

    def _run(self, argv: Sequence[str | Path], what: str, *_: object) -> None:
        if "-cpf" in argv:
            self.made += 1
            Path(argv[argv.index("-cpf") + 1]).write_bytes(b"a root")
            if self.fails:
                raise RootError(f"cannot {what}")

    def tarball(self) -> Path:
        return debian13.tarball(lambda _: None)


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    return Maker(monkeypatch)


def test_root_is_made_once(cache: Path, maker: Maker) -> None:
    assert maker.tarball() == maker.tarball()
    assert maker.made == 1
    assert list(cache.iterdir()) == [maker.tarball()]


def test_damaged_root_is_never_used(cache: Path, maker: Maker) -> None:
    maker.tarball().write_bytes(b"a ro")
    assert maker.tarball().read_bytes() == b"a root"
    assert maker.made == 2


def test_half_made_root_is_never_used(cache: Path, maker: Maker) -> None:
    maker.fails = True
    with pytest.raises(LabError):
        maker.tarball()
    assert list(cache.iterdir()) == []
    maker.fails = False
    assert maker.tarball().read_bytes() == b"a root"


def test_root_of_other_packages_is_another(
    cache: Path, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker.tarball()
    monkeypatch.setattr(debian13, "PACKAGES", ("another",))
    maker.tarball()
    assert maker.made == 2


def test_old_leftovers_are_removed(cache: Path, maker: Maker) -> None:
    killed, running, old = cache / "making-1", cache / "making-2", cache / "debian13-key-sum.tar"
    killed.mkdir(parents=True)
    running.mkdir()
    old.touch()
    os.utime(killed, (0, 0))
    os.utime(old, (0, 0))
    maker.tarball()
    assert running.exists()
    assert not killed.exists()
    assert not old.exists()


@pytest.mark.usefixtures("lab_can_run")
def test_error_says_what_could_not_be_made(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian13, "MIRROR", ("file:///nowhere",))
    if reason := roots.missing():
        pytest.skip(reason)
    with pytest.raises(
        LabError, match="cannot make a root of Debian's trixie: unshare ended badly"
    ):
        debian13.tarball(lambda _: None)
    assert list(cache.iterdir()) == []


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
