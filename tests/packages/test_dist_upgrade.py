"""A host with the package becomes a Debian 13, as Debian's release notes and our pages say."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from releasing.root import Tell
from tests.lab.booted import BootedSystem
from tests.lab.namespace import missing
from tests.lab.stream import LabError

from .cleanroot import moving_root
from .conftest import Built
from .netasking import asking_over_network
from .packagehost import CONFIG, NAME, SERVICE, SHELL, SOCKET, TABLE, PackageHost
from .stored import CONFIGURATION, COUNT, DOMAINS, SECURE, fill, write_full_store

ASKED = DOMAINS[:100]
PATIENCE = 900.0  # seconds for a whole Debian, on a busy host
APT = "apt-get --yes --option=Dpkg::Options::=--force-confold"


@pytest.fixture(scope="module")
def older(built: Built) -> Path:
    return built("bookworm")


@pytest.fixture(scope="module")
def later(built: Built) -> Path:
    return built("trixie")


@pytest.fixture(scope="module")
def host(
    older: Path, later: Path, tmp_path_factory: pytest.TempPathFactory, tell: Tell
) -> Iterator[PackageHost]:
    """Return a Debian 12 with its package, a full store, and what makes a Debian 13 of it."""
    if reason := missing():
        pytest.skip(reason)
    store = tmp_path_factory.mktemp("store") / "store"
    store.mkdir(mode=0o700)
    write_full_store(store)
    directory = tmp_path_factory.mktemp("booted")
    with BootedSystem(directory, moving_root(older, later, tell)) as system:
        host = PackageHost(system)
        host.install(older)
        host.run(f"systemctl stop {SOCKET} {SERVICE}")
        fill(host, store)
        host.run(f"systemctl start {SOCKET} {SERVICE}")
        yield host
        print(*host.journal("--lines=200"), sep="\n")  # noqa: T201  shown where a test has failed
    shutil.rmtree(directory)


def patiently(host: PackageHost, line: str) -> str:
    """Run a line that takes long."""
    process = host.system.start(*SHELL, "sh", "-c", line)
    said = process.communicate(timeout=PATIENCE)[0].decode("utf-8", "replace")
    if process.returncode:
        raise LabError(f"{line} ended with {process.returncode}: {said[-4000:]}")
    return said


def policies(host: PackageHost) -> int:
    found: int = json.loads(host.run(f"{NAME} status --json"))["policies"]["enforce"]
    return found


def test_debian_12_becomes_a_debian_13_and_no_look_up_fails(host: PackageHost, later: Path) -> None:
    host.system.until(lambda: policies(host) == COUNT, "all policies")
    with asking_over_network(host.system, ASKED, SECURE):
        patiently(host, f"{APT} upgrade --without-new-pkgs")
        patiently(host, f"{APT} full-upgrade")
    assert host.path("/etc/debian_version").read_text().startswith("13.")
    # The package of Debian 12 goes on there, on the Python that it has kept.
    host.run(f"systemctl restart {SERVICE}")
    assert host.is_running()
    host.system.until(lambda: policies(host) == COUNT, "all policies")
    with asking_over_network(host.system, ASKED, SECURE):
        host.install(later)
        patiently(host, f"{APT} autoremove")
    assert host.is_running()
    host.system.until(lambda: policies(host) == COUNT, "all policies")
    assert host.path(CONFIG).read_text() == CONFIGURATION
    assert not host.path(f"/usr/lib/{NAME}").exists()
    assert not host.path("/usr/bin/python3.11").exists()
    assert host.run(f"postmap -q {ASKED[0]} {TABLE}").strip() == SECURE
    assert host.run("dpkg --audit; dpkg --verify mtasts-resolver") == f"??5?????? c {CONFIG}\n"
