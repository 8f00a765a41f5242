"""`python -m tests.lab.debian13`: a root of Debian 13, with Postfix 3.10 and a Python of its own.

It takes a minute or two to make, so it is made once, and kept as a tarball in a cache directory.
"""

import ast
import configparser
import os
import platform
import subprocess
import sys
from pathlib import Path

from releasing import root as roots
from releasing.root import IN_PRIVATE, SLIM, RootError, Tell

from .namespace import ROOT, Namespace
from .stream import LabError

VERSION = 2
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

# What drives a browser in tests/system: 170 MB, of which the unit tests have no need.
BROWSER = ("playwright", "axe-playwright")

# The extra `report`, by which `test` refers to the package itself, is named in its stead.
OUR_OWN = "mtasts-resolver["

# What pip needs of this machine besides its own settings.
NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts")
NETWORK_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

INSTALL = """
root=$1 python=$2; shift 2
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then
        mkdir -p "$root$1"
    else
        mkdir -p "$root${1%/*}"
        [ -e "$root$1" ] || : >"$root$1"
    fi
    mount --bind "$1" "$root$1"
    shift
done
shift
chroot "$root" python3 -m venv "${python%/bin/python}"
chroot "$root" "$python" -m pip --no-input install --quiet --no-cache-dir "$@"
"""

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
    made_from = [VERSION, SUITE, MIRROR, PACKAGES, _requirements()]
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
    roots.bootstrap(root, SUITE, PACKAGES, *SLIM, mirror=MIRROR)
    tell("Debian 13 with Postfix 3.10: its Python")
    variables, shared = _pip_settings()
    install = ["sh", "-euc", INSTALL, "install", str(root), PYTHON, *shared, "--"]
    argv = [*IN_PRIVATE, "--", *install, *_requirements()]
    roots.run(argv, "install the tests' Python packages in it", variables)


def _requirements() -> list[str]:
    """Return what setup.cfg asks for, to run the package and its unit tests."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = setup["options.extras_require"]
    wanted = [setup["options"]["install_requires"], extras["report"], extras["test"]]
    lines = [line for lines in wanted for line in lines.split("\n") if line]
    return [line for line in lines if not line.startswith((*BROWSER, OUR_OWN))]


def _pip_settings() -> tuple[dict[str, str], list[str]]:
    """Return this machine's settings of pip as variables, and the files that they name."""
    pip = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(pip, capture_output=True, text=True, check=True).stdout
    variables = {"PIP_CONFIG_FILE": os.devnull}
    shared = {path for path in NETWORK_FILES if Path(path).exists()}
    for line in listed.splitlines():
        name, _, quoted = line.partition("=")
        value = str(ast.literal_eval(quoted))
        option = name.rpartition(".")[2].upper().replace("-", "_")
        variables[f"PIP_{option}"] = value
        for word in value.split():
            # An index on disk refers to its neighbours.
            path = Path(word.removeprefix("file://"))
            path = path.parent if word.startswith("file://") else path
            if path.is_absolute() and path.exists() and path != Path("/"):
                shared.add(str(path))
    for name in NETWORK_VARIABLES:
        for spelling in (name, name.upper()):
            if spelling in os.environ:
                variables[spelling] = os.environ[spelling]
    return variables, sorted(shared)


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
