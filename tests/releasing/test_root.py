"""What the cache of roots is trusted with."""

import os
from pathlib import Path

import pytest

from releasing.root import RootError, kept


class Maker:
    """Makes roots at once, of a single file."""

    def __init__(self) -> None:
        self.made = 0
        self.fails = False

    def tarball(self, made_from: object = "packages") -> Path:
        return kept("debian13", made_from, self._make, lambda _: None)

    def _make(self, root: Path) -> None:
        root.mkdir()
        (root / "file").write_text("of a root")
        self.made += 1
        if self.fails:
            raise RootError("cannot make a root")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache directory, which is used in this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mtasts-resolver-lab"


@pytest.fixture
def maker(cache: Path) -> Maker:
    return Maker()


def test_root_is_made_once(cache: Path, maker: Maker) -> None:
    assert maker.tarball() == maker.tarball()
    assert maker.made == 1
    assert list(cache.iterdir()) == [maker.tarball()]


def test_damaged_root_is_never_used(maker: Maker) -> None:
    whole = maker.tarball().read_bytes()
    maker.tarball().write_bytes(whole[:-1])
    assert len(maker.tarball().read_bytes()) == len(whole)
    assert maker.made == 2


def test_half_made_root_is_never_used(cache: Path, maker: Maker) -> None:
    maker.fails = True
    with pytest.raises(RootError):
        maker.tarball()
    assert list(cache.iterdir()) == []
    maker.fails = False
    assert maker.tarball().exists()


def test_root_of_other_packages_is_another(maker: Maker) -> None:
    assert maker.tarball("some") != maker.tarball("others")
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
