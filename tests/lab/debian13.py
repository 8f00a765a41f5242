"""`python -m tests.lab.debian13`: a root of Debian 13, with Postfix 3.10 and a Python of its own.

It takes a minute or two to make, so it is made once, and kept as a tarball in a cache directory.
The tarball's name holds a key for what it was made from and the checksum of its content, so that
neither an old nor a damaged one is ever used.
"""

import ast
import configparser
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from .namespace import ROOT, Namespace, environment
from .stream import LabError

VERSION = 1
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

TOOLS = ("mmdebstrap", "tar", "chroot", "unshare", "mount")

LEFTOVERS = 86_400.0
"""Seconds after which what another run has left half-made is removed."""
UNUSED = 7 * 86_400.0
"""Seconds after which a tarball of another key that nobody has used is removed."""

# What drives a browser in tests/system: 170 MB, of which the unit tests have no need.
BROWSER = ("playwright", "axe-playwright")

# The extra `report`, by which `test` refers to the package itself, is named in its stead.
OUR_OWN = "mtasts-resolver["

# What pip needs of this machine besides its own settings.
NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts")
NETWORK_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

IN_PRIVATE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
"""Nothing of what is mounted in there outlives it, and neither does a process."""

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

Tell = Callable[[str], object]


def is_host() -> bool:
    """Tell whether this machine is such a Debian itself, and no root is needed for its Postfix."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    return release.get("ID") == "debian" and release.get("VERSION_CODENAME") == SUITE


def missing() -> str:
    """Return why a root cannot be made here, or nothing if it can."""
    path = environment()["PATH"]
    absent = [tool for tool in TOOLS if shutil.which(tool, path=path) is None]
    return f"Debian 13's root needs {', '.join(absent)}" if absent else ""


def tarball(tell: Tell) -> Path:
    """Return the tarball of the root, made if there is none; LabError if it cannot be made."""
    cache = _cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    _clean(cache)
    for found in cache.glob(f"debian13-{_key()}-*.tar"):
        if found.stem.endswith(_checksum(found)):
            os.utime(found)
            return found
        tell(f"{found} is damaged, and is made again")
        found.unlink()
    with tempfile.TemporaryDirectory(prefix="making-", dir=cache) as directory:
        return _make(Path(directory), tell)


def unpack(file: Path, directory: Path) -> None:
    """Make `directory` the root that a tarball holds."""
    directory.mkdir()
    _run(["tar", "-C", directory, "--numeric-owner", "-xpf", file], "unpack the root")


def enter(namespace: Namespace, root: Path, shared: Path) -> list[str]:
    """Furnish a root for a namespace, and return the command prefix that runs things in it.

    The directory `shared` is found in the root by the same name.
    """
    namespace.run("sh", "-euc", IN_LAB, "furnish", root, shared)
    return ["chroot", str(root)]


def alone(root: Path, *argv: str) -> list[str]:
    """Return the command that runs another in a root, in the checkout, with no network but lo."""
    return [*IN_PRIVATE, "--net", "--", "sh", "-euc", ALONE, "alone", str(root), str(ROOT), *argv]


def _make(directory: Path, tell: Tell) -> Path:
    root, file = directory / "root", directory / "root.tar"
    tell("Debian 13 with Postfix 3.10: its packages")
    mmdebstrap = ["mmdebstrap", "--variant=essential", f"--include={','.join(PACKAGES)}"]
    slim = [f"--dpkgopt=path-exclude=/usr/share/{path}/*" for path in ("man", "locale", "doc")]
    _run([*IN_PRIVATE, "--", *mmdebstrap, *slim, SUITE, root, *MIRROR], "make a root of Debian 13")
    tell("Debian 13 with Postfix 3.10: its Python")
    variables, shared = _pip_settings()
    install = ["sh", "-euc", INSTALL, "install", str(root), PYTHON, *shared, "--"]
    argv = [*IN_PRIVATE, "--", *install, *_requirements()]
    _run(argv, "install the tests' Python packages in it", variables)
    tell("Debian 13 with Postfix 3.10: the tarball")
    _run(["tar", "-C", root, "--numeric-owner", "-cpf", file, "."], "pack the root")
    kept = directory.parent / f"debian13-{_key()}-{_checksum(file)}.tar"
    return file.rename(kept)


def _run(argv: Sequence[str | Path], what: str, variables: dict[str, str] | None = None) -> None:
    """Run a command; on a terminal it shows its progress, else what it wrote is in the error."""
    shown = None if sys.stderr.isatty() else subprocess.PIPE
    done = subprocess.run(
        [*map(str, argv)],
        stdin=subprocess.DEVNULL,
        stdout=shown,
        stderr=shown and subprocess.STDOUT,
        check=False,
        env=environment(variables),
    )
    if done.returncode:
        wrote = (done.stdout or b"").decode("utf-8", "replace").strip().splitlines()
        raise LabError("\n".join([f"cannot {what}: {argv[0]} ended badly", *wrote[-20:]]))


def _cache_directory() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mtasts-resolver-lab"


def _clean(cache: Path) -> None:
    """Remove what nobody will use any more; another run may do so at the same time."""
    now = time.time()
    for path in cache.iterdir():
        with suppress(FileNotFoundError):
            age = now - path.stat().st_mtime
            if path.name.startswith("making-") and age > LEFTOVERS:
                shutil.rmtree(path)
            elif path.suffix == ".tar" and age > UNUSED and _key() not in path.name:
                path.unlink()


def _key() -> str:
    made_from = [VERSION, platform.machine(), SUITE, MIRROR, PACKAGES, _requirements()]
    return hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]


def _checksum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:32]


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
    reason = missing() or ("it takes root to make Debian 13's root" if os.geteuid() else "")
    if reason:
        sys.exit(f"Not made: {reason}.")
    try:
        print(tarball(lambda what: print(what, file=sys.stderr)))  # noqa: T201  its output
    except LabError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
