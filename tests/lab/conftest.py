"""One lab for the whole run; where it cannot run, the reason to skip."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from releasing import root as roots
from tests.conftest import REQUIRE_LAB

from . import debian13
from .booted import BootedSystem, install_checkout
from .lab import Lab, running_lab, with_modern_postfix
from .namespace import missing
from .stream import LabError
from .unitruns import UnitTestRuns, unit_test_runs

LEFT_OUT = pytest.StashKey[str]()

NEEDS_LAB = {"lab", "lab_can_run", "debian13_tarball"}
"""Fixtures. A test that uses one of them cannot run without the lab."""

ALONGSIDE = "unit_tests_alongside"
"""The fixture that begins with the first test of the lab, and is waited for by the last of all."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where the lab cannot run, say so once, and not for each of its tests."""
    items.sort(key=lambda item: ALONGSIDE in fixtures_of(item))
    needing = [item for item in items if NEEDS_LAB & fixtures_of(item)]
    reason = missing() if needing else ""
    if not reason:
        return
    if REQUIRE_LAB:
        pytest.exit(f"MTASTS_REQUIRE_LAB=1, but {reason}", returncode=1)
    items[:] = [item for item in items if item not in needing]
    config.hook.pytest_deselected(items=needing)
    config.stash[LEFT_OUT] = f"{len(needing)} tests are left out: {reason}"


def fixtures_of(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if LEFT_OUT in config.stash:
        terminalreporter.write_line(config.stash[LEFT_OUT])


@pytest.fixture
def lab_can_run() -> None:
    """Of a test that needs what the lab needs, but not the lab."""


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Return the lab; the daemon is not started yet."""
    with running_lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def debian13_tarball(request: pytest.FixtureRequest) -> Path:
    """Return the tarball of a root of Debian 13, which is made if no run before has made it."""
    if reason := roots.missing():
        pytest.skip(reason)
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None

    def tell(what: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{what}", file=sys.stderr)  # noqa: T201  it takes minutes

    try:
        with capture.global_and_fixture_disabled():
            return debian13.tarball(tell)
    except LabError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def debian13_root(
    debian13_tarball: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Return such a root."""
    root = tmp_path_factory.mktemp("debian13") / "root"
    roots.unpack(debian13_tarball, root)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def unit_tests_alongside(debian13_root: Path) -> Iterator[UnitTestRuns]:
    """Return the runs of the unit tests under the Python of Debian 13."""
    with unit_test_runs(debian13_root) as runs:
        yield runs


@pytest.fixture(scope="session", autouse=True)
def _begin_alongside(request: pytest.FixtureRequest) -> None:
    """Begin with the first test of the lab what the last test of all waits for."""
    if any(ALONGSIDE in fixtures_of(item) for item in request.session.items):
        request.getfixturevalue(ALONGSIDE)


@pytest.fixture(scope="session")
def booted_system(
    debian13_tarball: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BootedSystem]:
    """Return such a system, which runs, with the checkout installed in it."""
    directory = tmp_path_factory.mktemp("booted")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory)
        try:
            system = stack.enter_context(BootedSystem(directory, debian13_tarball))
        except LabError as error:
            pytest.skip(f"no system can be booted here: {error}")
        install_checkout(system)
        yield system


@pytest.fixture(scope="session")
def modern(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Return the lab with the Postfix of Debian 13."""
    root = None if debian13.is_host() else request.getfixturevalue("debian13_root")
    with with_modern_postfix(lab, root) as modern:
        yield modern


@pytest.fixture
def modern_lab(modern: Lab, steady_lab: Lab) -> Iterator[Lab]:
    """Return the same with a running daemon."""
    with printing_logs(modern):
        yield modern


@pytest.fixture(scope="module")
def emptied_lab(lab: Lab) -> Lab:
    """Return the lab as each module finds it: nothing is known yet."""
    lab.daemon.stop()
    lab.daemon.forget()
    return lab


@pytest.fixture
def steady_lab(emptied_lab: Lab) -> Iterator[Lab]:
    """Return the lab with a running daemon, which may know what the module's tests taught it."""
    lab = emptied_lab
    if not lab.daemon.running:
        lab.daemon.start()
    with printing_logs(lab):
        yield lab


@pytest.fixture(scope="module")
def both_versions_of_ip(lab: Lab) -> None:
    """Leave out what looks at domains, where not all of them could be seen."""
    if not lab.namespace.has_ipv6:
        pytest.skip("this machine has no IPv6, and would not see all of a domain")


@pytest.fixture
def fresh_lab(lab: Lab) -> Iterator[Lab]:
    """Return the lab with the daemon stopped and its store empty, and leave it so."""
    lab.daemon.stop()
    lab.daemon.forget()
    with printing_logs(lab):
        yield lab
    lab.own_resolver.restore()
    lab.daemon.stop()
    lab.daemon.forget()


@contextmanager
def printing_logs(lab: Lab) -> Iterator[None]:
    """Print what was logged meanwhile; pytest shows it where a test has failed."""
    said = lab.postfix.log.mark()
    yield
    lines = [*lab.postfix.log.since(said), *lab.daemon.log.since(0)]
    sys.stdout.writelines(f"{line}\n" for line in lines)
