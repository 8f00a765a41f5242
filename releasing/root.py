"""Roots of Debian, made once by mmdebstrap, and kept as tarballs in a cache directory.

A tarball's name holds a key for what it was made from and the checksum of its content, so that
neither an old nor a damaged one is ever used.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

TOOLS = ("mmdebstrap", "tar", "chroot", "unshare", "mount")

SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
"""What a plain user's PATH often lacks."""

LEFTOVERS = 86_400.0
"""Seconds after which what another run has left half-made is removed."""
OLD = 7 * 86_400.0
"""Seconds after which a root is made anew: Debian's updates are to be in it."""

LAST_LINES = 20
"""Of what a command wrote that ended badly."""

IN_PRIVATE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
"""Nothing of what is mounted in there outlives it, and neither does a process."""

SLIM = tuple(f"--dpkgopt=path-exclude=/usr/share/{path}/*" for path in ("man", "locale", "doc"))
"""Options of mmdebstrap for a root in which nobody reads."""

Tell = Callable[[str], object]


class RootError(Exception):
    """A root cannot be made, or what was to be done in it failed; the text says what."""


def missing() -> str:
    """Return why no root can be made here, or nothing if one can."""
    path = _environment({})["PATH"]
    absent = [tool for tool in TOOLS if shutil.which(tool, path=path) is None]
    return f"a root of Debian needs {', '.join(absent)}" if absent else ""


def kept(name: str, made_from: object, make: Callable[[Path], None], tell: Tell) -> Path:
    """Return the tarball of the root `name`; `make` fills a directory with it if there is none.

    `made_from` is what it depends on; its repr counts. Raise RootError.
    """
    cache = _cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    made_from = repr([platform.machine(), made_from])
    key = f"{name}-{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"
    _clean(cache)
    for found in cache.glob(f"{key}-*.tar"):
        if found.stem.endswith(_checksum(found)):
            return found
        tell(f"{found} is damaged, and is made again")
        found.unlink()
    tell(f"{name}: a root of Debian is made once")
    with tempfile.TemporaryDirectory(prefix="making-", dir=cache) as directory:
        root, file = Path(directory) / "root", Path(directory) / "root.tar"
        make(root)
        run(["tar", "-C", root, "--numeric-owner", "-cpf", file, "."], "pack the root")
        return file.rename(cache / f"{key}-{_checksum(file)}.tar")


def bootstrap(
    root: Path, suite: str, packages: Sequence[str], *options: str, mirror: Sequence[str] = ()
) -> None:
    """Make the directory `root` a root of `suite` with `packages`; raise RootError.

    `mirror`: where they come from; empty: where mmdebstrap finds those of the suite.
    """
    include = [f"--include={','.join(packages)}"] if packages else []
    command = ["mmdebstrap", "--variant=essential", *include, *options, suite, str(root), *mirror]
    run([*IN_PRIVATE, "--", *command], f"make a root of Debian's {suite}")


def unpack(file: Path, directory: Path) -> None:
    """Make `directory` the root that a tarball holds."""
    directory.mkdir()
    run(["tar", "-C", directory, "--numeric-owner", "-xpf", file], "unpack the root")


def run(argv: Sequence[str | Path], what: str, variables: Mapping[str, str] | None = None) -> None:
    """Run a command; on a terminal it shows its progress, else what it wrote is in the error."""
    shown = None if sys.stderr.isatty() else subprocess.PIPE
    done = subprocess.run(
        [*map(str, argv)],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if shown is None else shown,
        stderr=shown and subprocess.STDOUT,
        check=False,
        env=_environment(variables or {}),
    )
    if done.returncode:
        wrote = (done.stdout or b"").decode("utf-8", "replace").strip().splitlines()
        raise RootError("\n".join([f"cannot {what}: {argv[0]} ended badly", *wrote[-LAST_LINES:]]))


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    path = os.environ.get("PATH", os.defpath)
    return os.environ | {"PATH": f"{path}:{SYSTEM_PATH}", "LC_ALL": "C.UTF-8"} | dict(variables)


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
            elif path.suffix == ".tar" and age > OLD:
                path.unlink()


def _checksum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:32]
