"""What is in the Debian package."""

import hashlib
import platform
import re
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.utils import canonicalize_name

from mtasts_resolver import __version__
from mtasts_resolver.config import Config
from mtasts_resolver.config.load import load_file
from releasing.pins import read_pins
from releasing.tree import tracked
from tests.lab.namespace import ROOT

from .conftest import Built

NAME = "mtasts-resolver"

UNITS = "usr/lib/systemd/system"
PRIVATE = "usr/lib/mtasts-resolver"
PAGES = "usr/share/doc/mtasts-resolver"
CONFIGURATION_SUM = "50732118e0a855fcfaea902f522c239f15c154cb013c6df6be317a32f0f575be"
# Of the checkout alone, or called otherwise there, or at systemd's own place.
NOT_PACKAGED = {
    "constraints.txt",
    "constraints-build.txt",
    "CHANGELOG.md",
    "mtasts-resolver.service",
}
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#]+)")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@pytest.fixture(scope="module")
def files(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the package of a suite is unpacked."""
    directory = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "-x", deb, directory], check=True)
    return directory


def field(deb: Path, name: str) -> str:
    show = ["dpkg-deb", "--field", str(deb), name]
    return subprocess.run(show, check=True, capture_output=True, text=True).stdout.strip()


def test_every_unit_names_the_program_of_the_package(files: Path) -> None:
    shipped = {path.name for path in (ROOT / "systemd").iterdir() if path.is_file()}
    units = {path.name: path.read_text() for path in (files / UNITS).iterdir()}
    assert set(units) == shipped
    assert not any("/opt/" in text for text in units.values())
    assert (files / "usr/bin/mtasts-resolver").stat().st_mode & 0o777 == 0o755


def test_configuration_that_is_installed_sets_nothing(files: Path) -> None:
    assert load_file(files / "etc/mtasts-resolver/config.yaml").config == Config()


def test_configuration_that_is_installed_never_changes() -> None:
    """Where an administrator has changed it, too, no upgrade goes on before somebody has chosen."""
    shipped = (ROOT / "packaging/debian/config.yaml").read_bytes()
    assert hashlib.sha256(shipped).hexdigest() == CONFIGURATION_SUM


def test_pages_lead_to_what_is_there(files: Path) -> None:
    pages = [*(files / PAGES / "docs").glob("*.md"), files / PAGES / "SECURITY.md"]
    assert len(pages) > 20
    links = [(page, Path(link)) for page in pages for link in LINK.findall(page.read_text())]
    assert len(links) > 100
    for page, link in links:
        assert link.name in NOT_PACKAGED or (page.parent / link).exists(), (page.name, link)


def test_program_is_that_of_the_checkout(files: Path) -> None:
    """No file is missing, none too many, and none is of another version."""
    (program,) = (path.parent for path in files.rglob("mtasts_resolver/__init__.py"))
    there = {
        path.relative_to(program.parent): path.read_bytes()
        for path in program.rglob("*")
        if path.is_file()
    }
    assert there == {
        path: (ROOT / path).read_bytes() for path in tracked() if path.is_relative_to(program.name)
    }


def test_package_of_debian_13_upgrades_that_of_debian_12(built: Built) -> None:
    older, later = built("bookworm"), built("trixie")
    assert older.name == (
        f"mtasts-resolver_{__version__}-1~deb12u1_{ARCHITECTURES[platform.machine()]}.deb"
    )
    assert later.name == f"mtasts-resolver_{__version__}-1_all.deb"
    compared = [
        "dpkg",
        "--compare-versions",
        field(older, "Version"),
        "lt",
        field(later, "Version"),
    ]
    assert subprocess.run(compared, check=False).returncode == 0


@pytest.mark.parametrize("suite", ["bookworm"], indirect=True)
def test_package_of_debian_12_outlives_its_python3(deb: Path) -> None:
    """An upgrade to Debian 13 brings another python3, and keeps a python3.11 that is needed."""
    wanted = {one.split()[0] for one in field(deb, "Depends").split(", ")}
    assert wanted == {"ca-certificates", "libc6", "libgcc-s1", "python3.11", "python3:any"}
    assert "python3:any (" not in field(deb, "Depends")


@pytest.mark.parametrize("suite", ["bookworm"], indirect=True)
def test_environment_of_its_own_is_what_is_pinned(files: Path) -> None:
    """It has what the program needs, and the versions that constraints.txt names."""
    (site,) = (files / PRIVATE).glob("lib/python3*/site-packages")
    on_debian_12 = {key: str(value) for key, value in default_environment().items()}
    on_debian_12 |= {"python_full_version": "3.11.2"}
    pinned = {
        pin.name: str(pin.version)
        for pin in read_pins((ROOT / "constraints.txt").read_text())
        if pin.holds(on_debian_12)
    }
    installed = {
        canonicalize_name(package.name): package.version
        for package in distributions(path=[str(site)])
    }
    assert installed.pop(canonicalize_name(NAME)) == __version__
    assert installed.items() <= pinned.items()
    # What would bring itself up to date, or is there to build.
    assert not installed.keys() & {"pip", "setuptools", "wheel"}
    assert not list(site.rglob("*.pyc"))


@pytest.mark.parametrize("suite", ["bookworm"], indirect=True)
def test_licence_of_each_package_that_it_brings_is_named(files: Path) -> None:
    (site,) = (files / PRIVATE).glob("lib/python3*/site-packages")
    said = (files / PAGES / "copyright").read_text()
    for package in distributions(path=[str(site)]):
        if package.name != NAME:
            _, found, rest = said.partition(f"\n {package.name} {package.version}\n")
            assert found, package.name
            for text in re.findall(r"The text is in (.*)", rest.partition("\nFiles:")[0]):
                assert (files / text.lstrip("/")).is_file()
    assert "License: unknown" not in said
    assert "No text comes with it" not in said


@pytest.mark.parametrize("suite", ["bookworm"], indirect=True)
def test_nothing_of_the_machine_that_builds_is_in_it(files: Path, deb: Path) -> None:
    """Neither where it was built, nor where pip has found the wheels."""
    control = files.parent / "control"
    subprocess.run(["dpkg-deb", "-e", deb, control], check=True)
    searched = ["grep", "-rlE", "/build/tree|/wheels", str(files), str(control)]
    assert subprocess.run(searched, check=False, capture_output=True, text=True).stdout == ""
