"""The sdist and the wheel: what is in them, the same bytes each time, and both run."""

import asyncio
import csv
import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from mtasts_resolver import __version__
from releasing.dist import build
from releasing.tools import run_tool
from releasing.tree import ROOT, source_date, tracked
from tests.system.running import ENFORCED, RunningDaemon

NAME = f"mtasts_resolver-{__version__}"
TRACKED = {str(path) for path in tracked()}
OF_SETUPTOOLS = {"PKG-INFO"} | {
    f"mtasts_resolver.egg-info/{name}"
    for name in (
        *("PKG-INFO", "SOURCES.txt", "dependency_links.txt", "entry_points.txt"),
        *("requires.txt", "top_level.txt"),
    )
}
STALE = ("mtasts_resolver/stale.py", "build/lib/mtasts_resolver/stale.py", "docs/stale.md")


@dataclass(frozen=True)
class Dists:
    wheel: Path
    sdist: Path
    unpacked: Path


@pytest.fixture(scope="module")
def dists(tmp_path_factory: pytest.TempPathFactory) -> Dists:
    place = tmp_path_factory.mktemp("dists")
    wheel, sdist = build(place, print)
    assert (wheel.name, sdist.name) == (f"{NAME}-py3-none-any.whl", f"{NAME}.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(place, filter="data")
    return Dists(wheel, sdist, place / NAME)


def clean(**settings: str) -> dict[str, str]:
    """Return an environment in which Python sees nothing of the checkout."""
    return {key: os.environ[key] for key in os.environ if key != "PYTHONPATH"} | settings


@pytest.mark.threat("release-swapped")
def test_a_build_elsewhere_has_the_same_bytes_and_nothing_stale(
    dists: Dists, tmp_path: Path
) -> None:
    """From the sdist, without git, with another umask, time zone and language."""
    for name in STALE:
        path = dists.unpacked / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    env = clean(SOURCE_DATE_EPOCH=str(source_date()), TZ="Asia/Tokyo", LC_ALL="C.UTF-8")
    build_again = [sys.executable, "-m", "releasing.dist", str(tmp_path)]
    subprocess.run(build_again, cwd=dists.unpacked, env=env, umask=0o077, check=True)
    for path in (dists.wheel, dists.sdist):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_sdist_is_the_checkout(dists: Dists) -> None:
    with tarfile.open(dists.sdist) as archive:
        members = {PurePosixPath(member.name): member for member in archive if member.isfile()}
        names = {str(path.relative_to(NAME)) for path in members}
        assert names == TRACKED | OF_SETUPTOOLS
        for path, member in members.items():
            name = str(path.relative_to(NAME))
            content = archive.extractfile(member)
            assert content is not None
            # setuptools adds a section of its own to this one.
            if name in TRACKED - {"setup.cfg"}:
                assert content.read() == (ROOT / name).read_bytes(), name
                assert member.mode == (0o755 if os.access(ROOT / name, os.X_OK) else 0o644), name


def test_the_wheel_has_the_program_its_units_and_pages_and_nothing_else(dists: Dists) -> None:
    program = {name for name in TRACKED if name.startswith("mtasts_resolver/")}
    shared = {f"{NAME}.data/data/{name}" for name in TRACKED if name.startswith("share/")}
    about = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt"}
    units = {PurePosixPath(name) for name in TRACKED if name.startswith("systemd/")}
    shared |= {
        f"{NAME}.data/data/lib/systemd/system/{path.name}"
        for path in units
        if path.parent.name == "systemd"
    }
    expected = program | shared | {f"{NAME}.dist-info/{name}" for name in about}
    with zipfile.ZipFile(dists.wheel) as archive:
        assert set(archive.namelist()) == expected | {f"{NAME}.dist-info/licenses/LICENSE"}


class Installed:
    """A clean environment in which what constraints.txt pins is, and the program from one file."""

    def __init__(self, place: Path, *pip: str | Path) -> None:
        self.place = place
        self._pip = pip
        self.program = place / "bin" / "mtasts-resolver"

    def pip(self, *arguments: str | Path) -> None:
        # Bytecode is not looked at, and takes pip half of its time.
        settings = {"PYTHONPATH": "", "PIP_NO_COMPILE": "1"}
        run_tool(*self._pip, "install", *arguments, environment=settings, quiet=True)

    def install(self, file: Path) -> None:
        """As docs/releasing.md has it, without what only the pip of Debian 12 wants."""
        self.pip("--require-hashes", "-r", "constraints-build.txt")
        self.pip("--require-hashes", "--no-build-isolation", "-r", "constraints.txt")
        self.pip("--no-deps", "--no-build-isolation", file)

    def says(self, *arguments: str) -> str:
        return subprocess.check_output([self.program, *arguments], env=clean(), text=True)

    def files(self) -> dict[str, str]:
        """Return what was installed, and the sum of each, without what tells of the installer."""
        (record,) = self.place.glob(f"lib/python*/site-packages/{NAME}.dist-info/RECORD")
        with record.open(newline="") as file:
            names = [row[0] for row in csv.reader(file)]
        of_installer = (
            *("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"),
            *("uv_build.json", "uv_cache.json"),
        )
        return {
            name: _sum(record.parent.parent / name)
            for name in names
            if "__pycache__" not in name
            and not name.endswith(of_installer)
            and not name.endswith("bin/mtasts-resolver")
        }


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def by_pip_from_the_wheel(dists: Dists, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place = tmp_path_factory.mktemp("by-pip") / "venv"
    subprocess.run([sys.executable, "-m", "venv", place], env=clean(), check=True)
    installed = Installed(place, place / "bin" / "python", "-m", "pip")
    installed.install(dists.wheel)
    return installed


@pytest.fixture(scope="module")
def by_uv_from_the_sdist(dists: Dists, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place = tmp_path_factory.mktemp("by-uv") / "venv"
    run_tool("uv", "venv", "--python", sys.executable, place)
    installed = Installed(place, "env", f"VIRTUAL_ENV={place}", "uv", "pip")
    installed.install(dists.sdist)
    return installed


@pytest.fixture(params=["by_pip_from_the_wheel", "by_uv_from_the_sdist"])
def installed(request: pytest.FixtureRequest) -> Installed:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Installed)
    return found


@pytest.fixture
def daemon(tmp_path: Path, free_port: int) -> Iterator[RunningDaemon]:
    with RunningDaemon(tmp_path, free_port, {"PYTHONPATH": ""}) as running:
        yield running


def test_it_runs(installed: Installed, daemon: RunningDaemon) -> None:
    assert installed.says("--version") == f"mtasts-resolver, version {__version__}\n"
    asyncio.run(daemon.store({"good.example": ENFORCED}))
    daemon.start(serve=(str(installed.program), "serve", "--config"))
    answer = installed.says("query", "--config", str(daemon.config_file), "good.example")
    assert "secure match=mx.good.example" in answer


@pytest.mark.threat("release-swapped")
def test_all_that_is_required_is_pinned_and_fits(installed: Installed) -> None:
    run_tool("uv", "pip", "check", "--python", installed.place)


def test_both_install_the_same_files(
    by_pip_from_the_wheel: Installed, by_uv_from_the_sdist: Installed
) -> None:
    files = by_pip_from_the_wheel.files()
    assert files == by_uv_from_the_sdist.files()
    assert "../../../share/man/man8/mtasts-resolver.8" in files
