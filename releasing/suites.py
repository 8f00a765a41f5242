"""The suites of Debian for which the package is built, and the root in which each builds it."""

import shutil
from pathlib import Path
from typing import NamedTuple

from releasing.pip import run_pip
from releasing.root import SLIM, Tell, bootstrap, kept
from releasing.tree import CONSTRAINTS

COMMON = (
    "build-essential",
    "debhelper",
    "dh-python",
    "lintian",
    "pybuild-plugin-pyproject",
    "python3-all",
    "python3-setuptools",
)


class Suite(NamedTuple):
    """How the package is built for a suite."""

    revision: str
    """Behind the version: one of Debian 12 is older than that of Debian 13, which follows it."""
    packages: tuple[str, ...]
    """What the root holds in which it is built: what the control file wants, and lintian."""
    architecture: str = "all"
    """What the control file says in place of `all`."""
    profile: str = ""
    """Of the build, as debian/control and debian/rules have it."""
    wheels: bool = False
    """Whether the root has the wheels of constraints.txt, too."""


SUITES = {
    "bookworm": Suite(
        "1~deb12u1",
        (*COMMON, "python3-pip", "python3-wheel"),
        architecture="any",
        profile="pkg.mtasts-resolver.wheels",
        wheels=True,
    ),
    "trixie": Suite("1", COMMON),
}

# Each file is one whose hash stands there. sqlitedict's author publishes no wheel: its is built
# here, of the file with that hash, by Debian's setuptools.
FETCH = (
    *("wheel", "--quiet", "--no-cache-dir", "--no-deps", "--require-hashes"),
    *("--only-binary", ":all:", "--no-binary", "sqlitedict", "--no-build-isolation"),
    *("--requirement", "/constraints.txt", "--wheel-dir", "/wheels"),
)


def build_root(suite: str, tell: Tell) -> Path:
    """Return the tarball of the root in which the package is built; raise RootError."""
    recipe = SUITES[suite]
    wheels = [FETCH, CONSTRAINTS.read_text(encoding="utf-8")] if recipe.wheels else []

    def make(root: Path) -> None:
        bootstrap(root, suite, recipe.packages, *SLIM)
        if wheels:
            tell("the wheels of constraints.txt are fetched")
            shutil.copy(CONSTRAINTS, root / "constraints.txt")
            run_pip(root, "python3", FETCH, "fetch the wheels of constraints.txt")

    return kept(f"build-{suite}", [recipe.packages, *wheels], make, tell)
