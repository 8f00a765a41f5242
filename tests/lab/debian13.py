"""`python -m tests.lab.debian13`: a root of Debian 13, with Postfix 3.10, and Debian's Python.

What the program runs with is Debian's there, as it is for the Debian package; what only its tests
need comes from PyPI.

It takes a minute or two to make, so it is made once, and kept as a tarball in a cache directory.
"""

import configparser
import os
import platform
import re
import sys
from pathlib import Path

from releasing import root as roots
from releasing.pip import run_pip
from releasing.root import IN_PRIVATE, SLIM, RootError, Tell

from .namespace import ROOT, Namespace
from .stream import LabError

VERSION = 3
"""To be raised when a root is made otherwise, for the same packages."""

SUITE = "trixie"
PACKAGES = (
    "postfix",
    "libtlsrpt0",
    "python3",
    "python3-venv",
    "unbound",
    "mount",
    "systemd",
    "iproute2",
)
MIRROR: tuple[str, ...] = ()
"""Where packages come from; empty: where mmdebstrap finds those of the suite."""

PYTHON = "/opt/venv/bin/python"
"""Inside the root: it has what the package and its tests need."""

# What tests/system has need of, and the unit tests have not; a browser's driver is 170 MB.
NOT_OF_UNIT_TESTS = ("playwright", "axe-playwright", "schemathesis")

OTHER_NAMES = {"pyyaml": "yaml"}
"""Of Debian's packages, where they are not those of PyPI."""

# The extra `report`, by which `test` refers to the package itself, is named in its stead.
OUR_OWN = "mtasts-resolver["

FURNISH = """
root=$1 shared=$2; shift 2
mount --bind "$root" "$root"  # what is mounted in there shall find that / is a mount, too
mount -t proc proc "$root/proc"
mkdir -p "$root$shared"
mount --bind "$shared" "$root$shared"
"""

IN_LAB = FURNISH + 'cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"'

ALONE = f"""{FURNISH}
mount -o remount,bind,ro "$root$shared"
ip link set lo up
exec chroot "$root" env -C "$shared" "$@"
"""


def is_host() -> bool:
    """Tell whether this machine is such a Debian itself, and no root is needed for its Postfix."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    return release.get("ID") == "debian" and release.get("VERSION_CODENAME") == SUITE


def tarball(tell: Tell) -> Path:
    """Return the tarball of the root, made if there is none; LabError if it cannot be made."""
    made_from = [VERSION, SUITE, MIRROR, _packages(), _requirements("test")]
    try:
        return roots.kept("debian13", made_from, lambda root: _make(root, tell), tell)
    except RootError as error:
        raise LabError(str(error)) from None


def enter(namespace: Namespace, root: Path, shared: Path) -> list[str]:
    """Furnish a root for a namespace, and return the command prefix that runs things in it.

    The directory `shared` is found in the root by the same name.
    """
    namespace.run("sh", "-euc", IN_LAB, "furnish", root, shared)
    return ["chroot", str(root)]


def alone(root: Path, *argv: str) -> list[str]:
    """Return the command that runs another in a root, in the checkout, with no network but lo."""
    return [*IN_PRIVATE, "--net", "--", "sh", "-euc", ALONE, "alone", str(root), str(ROOT), *argv]


def _make(root: Path, tell: Tell) -> None:
    tell("Debian 13 with Postfix 3.10: its packages")
    roots.bootstrap(root, SUITE, _packages(), *SLIM, mirror=MIRROR)
    tell("Debian 13 with Postfix 3.10: its Python")
    roots.run(
        [
            "chroot",
            root,
            "python3",
            "-m",
            "venv",
            "--system-site-packages",
            PYTHON.removesuffix("/bin/python"),
        ],
        "make an environment in it",
    )
    install = ["install", "--quiet", "--no-cache-dir", *_requirements("test")]
    run_pip(root, PYTHON, install, "install the tests' Python packages in it")


def _packages() -> list[str]:
    """Return what the root holds of Debian; the Python packages are those that ours depends on."""
    names = [re.split("[<>=;]", line)[0] for line in _requirements("run", "report")]
    return [*PACKAGES, *(f"python3-{OTHER_NAMES.get(name, name)}" for name in names)]


def _requirements(*parts: str) -> list[str]:
    """Return what setup.cfg asks for: to run the package (`run`), and in its extras."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = setup["options.extras_require"]
    run = setup["options"]["install_requires"]
    lines = [line for part in parts for line in (extras.get(part) or run).split("\n") if line]
    return [line for line in lines if not line.startswith((*NOT_OF_UNIT_TESTS, OUR_OWN))]


def main() -> None:
    reason = roots.missing() or ("it takes root to make Debian 13's root" if os.geteuid() else "")
    if reason:
        sys.exit(f"Not made: {reason}.")
    try:
        print(tarball(lambda what: print(what, file=sys.stderr)))  # noqa: T201  its output
    except LabError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
