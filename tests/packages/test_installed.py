"""The package on a clean system: what one command leaves there."""

import re
from pathlib import Path

import pytest

from mtasts_resolver import __version__
from tests.lab.booted import BootedSystem
from tests.lab.namespace import ROOT

from .packagehost import CONFIG, NAME, SERVICE, SOCKET, TABLE, FirstInstallation, PackageHost

NOT_STARTED = (f"{NAME}-tcp_table.socket", f"{NAME}-report.timer", f"{NAME}-report.service")
PLAIN_USER = "setpriv --reuid=65534 --regid=65534 --clear-groups"


@pytest.fixture(scope="module")
def installed(
    clean_system: BootedSystem, first_installation: FirstInstallation, deb: Path
) -> PackageHost:
    """Return the system with the package; nothing here changes it."""
    assert first_installation.status == 0, first_installation.said
    host = PackageHost(clean_system)
    if not host.version():  # where other tests came first
        host.install(deb)
    return host


def test_one_command_installs_it_and_it_answers(first_installation: FirstInstallation) -> None:
    first = first_installation
    assert first.status == 0, first.said
    assert first.runs, first.said
    assert first.answer == (0, "dane\n")  # what holds for each domain that has no policy
    assert first.postfix == first.postfix_before


def test_what_debian_would_try_of_it_holds(installed: PackageHost) -> None:
    """The test that comes with the source package, for autopkgtest(1)."""
    control = (ROOT / "packaging/debian/tests/control").read_text(encoding="utf-8")
    (command,) = re.findall(r"^Test-Command: (.*)$", control, re.MULTILINE)
    installed.run(command)


def test_units_are_enabled_that_everybody_needs(installed: PackageHost) -> None:
    assert installed.is_running()
    for unit in (SOCKET, SERVICE):
        assert installed.system.shows(unit, "UnitFileState") == "enabled"
    for unit in NOT_STARTED:
        assert installed.system.shows(unit, "UnitFileState") in {"disabled", "static"}
        assert installed.system.shows(unit, "ActiveState") == "inactive"
    assert installed.version().endswith(" installed")


def test_everybody_can_run_it_and_read_of_it(installed: PackageHost) -> None:
    said = installed.run(f"{PLAIN_USER} {NAME} --version")
    assert __version__ in said
    assert installed.run(f"{PLAIN_USER} cat {CONFIG}").startswith("#")
    for place in (
        f"man/man5/{NAME}.yaml.5.gz",
        f"man/man8/{NAME}.8.gz",
        f"bash-completion/completions/{NAME}",
        f"zsh/vendor-completions/_{NAME}",
        f"fish/vendor_completions.d/{NAME}.fish",
    ):
        assert installed.path(f"/usr/share/{place}").is_file()


def test_dpkg_finds_nothing_changed(installed: PackageHost) -> None:
    """Neither it, nor the daemon, writes into what the package has brought."""
    installed.run(f"postmap -q nobody.invalid {TABLE}")
    assert installed.run(f"dpkg --verify {NAME}") == ""
    assert installed.run(f"dpkg --audit {NAME}") == ""


@pytest.mark.threat("program-changed")
def test_user_of_the_daemon_cannot_change_what_runs(installed: PackageHost) -> None:
    """All that it brings is root's, and nobody else can write it."""
    others = r"-not -type l \( -not -user root -or -perm /022 \)"
    listed = f"dpkg --listfiles {NAME}"
    found = "find -files0-from - -maxdepth 0"
    assert installed.run(f"{listed} | tr '\\n' '\\0' | {found} {others}") == ""
