"""The package for Debian 12: the environment that it brings, on a clean system."""

import shlex
from pathlib import Path

import pytest

from .packagehost import NAME, PackageHost

pytestmark = pytest.mark.parametrize("suite", ["bookworm"], indirect=True)

PYTHON = f"/usr/lib/{NAME}/bin/python3"


@pytest.fixture
def installed(host: PackageHost, deb: Path) -> PackageHost:
    host.install(deb)
    return host


def python(host: PackageHost, program: str) -> str:
    return host.run(f"{PYTHON} -I -c {shlex.quote(program)}")


@pytest.mark.threat("program-changed")
def test_it_takes_no_module_of_somebody_else(installed: PackageHost) -> None:
    """Of the variable, of root's home, or of the directory in which a command is typed."""
    home, here = "/root/.local/lib/python3.11/site-packages", "/tmp/here"
    installed.run(f"mkdir -p {home} {here}")
    for module in (f"{home}/usercustomize.py", f"{here}/click.py", f"{here}/mtasts_resolver.py"):
        installed.run(f"echo 'raise SystemExit(99)' >{module}")
    try:
        # Python itself would take them.
        assert installed.outcome("/usr/bin/python3 -c ''")[0] != 0
        assert installed.outcome(f"PYTHONPATH={here} {PYTHON} -c 'import click'")[0] == 99
        said = installed.run(f"cd {here} && HOME=/root PYTHONPATH={here} {NAME} --version")
    finally:
        installed.run(f"rm -r /root/.local {here}")
    assert "version" in said


def test_debians_packages_are_found_after_its_own(installed: PackageHost) -> None:
    """So the extra `report` is Debian's python3-matplotlib and python3-zstandard there, too."""
    places = python(installed, "import sys; print(*sys.path, sep='\\n')").splitlines()
    assert places[-2:] == [
        f"/usr/lib/{NAME}/lib/python3.11/site-packages",
        "/usr/lib/python3/dist-packages",
    ]


def test_what_is_compiled_can_be_loaded(installed: PackageHost) -> None:
    """Debian's tools have stripped it."""
    listed = installed.run(f"dpkg --listfiles {NAME} | grep '[.]so$'").split()
    for file in listed:
        _, _, module = file.partition("/site-packages/")
        name = module.partition(".")[0].replace("/", ".")
        assert file in python(installed, f"import {name} as loaded; print(loaded.__file__)")
    assert len(listed) > 4


def test_nothing_of_it_stays(installed: PackageHost) -> None:
    """What Python has compiled when it was installed is removed with it."""
    cached = "find /usr/lib/mtasts-resolver -name '*.pyc'"
    assert installed.run(cached)
    installed.run(f"apt-get purge --yes {NAME}")
    assert (
        installed.outcome(f"ls -d /usr/lib/{NAME} /etc/{NAME} /var/lib/private/{NAME}")[1].count(
            "No such file"
        )
        == 3
    )
