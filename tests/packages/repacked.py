"""The package with another version, and other files: what came before it, and what may come."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Unpacked(NamedTuple):
    """A package as a directory."""

    tree: Path

    @property
    def program(self) -> Path:
        """The directory of the Python package."""
        (found,) = self.tree.rglob("mtasts_resolver/__init__.py")
        return found.parent

    def script(self, name: str, lines: str) -> None:
        """Have a maintainer script begin with `lines`."""
        path = self.tree / "DEBIAN" / name
        first, _, rest = path.read_text().partition("\n")
        path.write_text(f"{first}\n{lines}\n{rest}")


def unchanged(_: Unpacked) -> None:
    """Only the version is another."""


def repacked(
    package: Path, directory: Path, version: str, change: Callable[[Unpacked], None] = unchanged
) -> Path:
    """Return the package with another version of the program, put into `directory`."""
    directory.mkdir(parents=True)
    unpacked = Unpacked(directory / "tree")
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(unpacked.tree)], check=True)
    control = unpacked.tree / "DEBIAN/control"
    told = re.search(r"^Version: [^-\n]+(.*)$", control.read_text(), re.MULTILINE)
    assert told is not None
    _replace(control, told[0], f"Version: {version}{told[1]}")
    init = unpacked.program / "__init__.py"
    (own,) = re.findall(r'^__version__ = ".*"$', init.read_text(), re.MULTILINE)
    _replace(init, own, f'__version__ = "{version}"')
    change(unpacked)
    build = ["dpkg-deb", "--root-owner-group", "-Znone", "--build"]
    subprocess.run([*build, unpacked.tree, directory], check=True, stdout=subprocess.DEVNULL)
    (made,) = directory.glob("*.deb")
    return made


def _replace(path: Path, what: str, with_what: str) -> None:
    path.write_text(path.read_text().replace(what, with_what))
