"""A host with the package becomes a Debian 13, as Debian's release notes and our pages say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from releasing.root import Tell

from .cleanroot import moving_root
from .conftest import Built, booted
from .netasking import asking_over_network
from .packagehost import CONFIG, KEEP, NAME, SERVICE, TABLE, PackageHost
from .stored import CONFIGURATION, DOMAINS, SECURE, has_all_policies, have_running

ASKED = DOMAINS[:100]
PATIENCE = 900.0  # seconds for a whole Debian, on a busy host
APT = f"apt-get --yes {KEEP}"


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
    """Return a Debian 12 that apt can make a Debian 13, and what is there for that."""
    tarball = moving_root(older, later, tell)
    with booted(tarball, tmp_path_factory.mktemp("booted")) as system:
        host = PackageHost(system)
        yield host
        host.show_journal()


def test_debian_12_becomes_a_debian_13_and_no_look_up_fails(
    host: PackageHost, older: Path, later: Path, full_store: Path
) -> None:
    have_running(host, older, full_store)
    host.system.until(lambda: has_all_policies(host), "all policies")
    with asking_over_network(host.system, ASKED, SECURE):
        host.run(f"{APT} upgrade --without-new-pkgs", PATIENCE)
        host.run(f"{APT} full-upgrade", PATIENCE)
    assert host.path("/etc/debian_version").read_text().startswith("13.")
    # The package of Debian 12 goes on there, on the Python that it has kept.
    host.run(f"systemctl restart {SERVICE}")
    assert host.is_running()
    host.system.until(lambda: has_all_policies(host), "all policies")
    with asking_over_network(host.system, ASKED, SECURE):
        host.install(later)
        host.run(f"{APT} autoremove")
    assert host.is_running()
    host.system.until(lambda: has_all_policies(host), "all policies")
    assert host.path(CONFIG).read_text() == CONFIGURATION
    assert not host.path(f"/usr/lib/{NAME}").exists()
    assert not host.path("/usr/bin/python3.11").exists()
    assert host.run(f"postmap -q {ASKED[0]} {TABLE}").strip() == SECURE
    assert host.run(f"dpkg --audit; dpkg --verify {NAME}") == f"??5?????? c {CONFIG}\n"
