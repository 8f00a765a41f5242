"""The packages, each built once, and clean systems; where they cannot be, the reason to skip."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from releasing.deb import build
from releasing.root import Tell, missing
from releasing.suites import SUITES
from tests.lab.booted import BootedSystem
from tests.lab.lab import Lab, running_lab
from tests.lab.namespace import missing as missing_for_namespaces
from tests.lab.stream import LabError

from .cleanroot import clean_root
from .packagehost import FirstInstallation, PackageHost, install_first
from .stored import write_full_store

Built = Callable[[str], Path]
"""Returns the package for a suite, which is built once."""


@pytest.fixture(scope="session")
def tell(request: pytest.FixtureRequest) -> Tell:
    """Return what says on the terminal what is done meanwhile: it takes minutes."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None

    def tell(what: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{what}", file=sys.stderr)  # noqa: T201  that is what it is for

    return tell


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, tell: Tell) -> Built:
    packages: dict[str, Path] = {}

    def built(suite: str) -> Path:
        if os.geteuid() != 0:
            pytest.skip("it takes root to build a package in a root of its own")
        if reason := missing():
            pytest.skip(reason)
        if suite not in packages:
            packages[suite] = build(suite, tmp_path_factory.mktemp(suite), tell)
        return packages[suite]

    return built


@pytest.fixture(scope="session")
def full_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a store that is full of policies."""
    directory = tmp_path_factory.mktemp("store") / "store"
    directory.mkdir(mode=0o700)
    write_full_store(directory)
    return directory


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Return the lab, for its internet; its own daemon is not started."""
    if reason := missing_for_namespaces():
        pytest.skip(reason)
    with running_lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def trixie_deb(built: Built) -> Path:
    """Return the package for Debian 13."""
    return built("trixie")


@pytest.fixture(scope="session", params=SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    """Each suite of Debian that there is a package for; one system is booted at a time."""
    return str(request.param)


@pytest.fixture(scope="session")
def deb(suite: str, built: Built) -> Path:
    """Return the package for the suite."""
    return built(suite)


@pytest.fixture(scope="session")
def clean_tarball(suite: str, deb: Path, tell: Tell) -> Path:
    """Return the tarball of a root of the suite, where apt finds what the package depends on."""
    return clean_root(suite, deb, tell)


@contextmanager
def booted(tarball: Path, directory: Path) -> Iterator[BootedSystem]:
    """Boot a root, or skip where that cannot be done."""
    if reason := missing_for_namespaces():
        pytest.skip(reason)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory)
        try:
            system = stack.enter_context(BootedSystem(directory, tarball))
        except LabError as error:
            pytest.skip(f"no system can be booted here: {error}")
        yield system


@pytest.fixture(scope="session")
def clean_system(
    clean_tarball: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BootedSystem]:
    """Return such a root, booted: a mail server that has nothing of ours yet."""
    with booted(clean_tarball, tmp_path_factory.mktemp("booted")) as system:
        yield system


@pytest.fixture(scope="session")
def first_installation(clean_system: BootedSystem, deb: Path) -> FirstInstallation:
    """Install the package where nothing of it was ever there, and return what that did."""
    return install_first(PackageHost(clean_system), deb)


@pytest.fixture
def any_host(
    clean_system: BootedSystem, first_installation: FirstInstallation
) -> Iterator[PackageHost]:
    """Return the system with or without a package, as other tests have left it."""
    assert first_installation.status == 0, first_installation.said
    host = PackageHost(clean_system)
    host.run("journalctl --rotate --vacuum-size=1 2>/dev/null")
    yield host
    host.show_journal()


@pytest.fixture
def host(any_host: PackageHost) -> PackageHost:
    """Return the system without the package; what that depends on is installed."""
    any_host.clear()
    return any_host
