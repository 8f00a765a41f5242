"""What setup.cfg and pyproject.toml say of the program."""

import configparser
import tomllib
from collections.abc import Sequence

from packaging.requirements import Requirement

from releasing.tree import ROOT

EXTRAS = ("report",)
"""What an administrator may ask for. The others are for who works on the program."""

_SETUP = configparser.ConfigParser()
_SETUP.read_string((ROOT / "setup.cfg").read_text(encoding="utf-8"))

NAME = _SETUP["metadata"]["name"]
DESCRIPTION = _SETUP["metadata"]["description"]
LICENSE = _SETUP["metadata"]["license"]

_PYTHON = "Programming Language :: Python :: "


def oldest_python() -> str:
    return _SETUP["options"]["python_requires"].removeprefix(">=")


def pythons() -> list[str]:
    """Return the versions of Python on which the program is said to run, the oldest first."""
    lines = _SETUP["metadata"]["classifiers"].splitlines()
    found = [line.removeprefix(_PYTHON) for line in lines if line.startswith(f"{_PYTHON}3.")]
    return sorted(found, key=lambda version: int(version.partition(".")[2]))


def run_requirements(extras: Sequence[str] = ()) -> list[Requirement]:
    """Return what is required to run the program, with these extras."""
    texts = [_SETUP["options"]["install_requires"]]
    texts += [_SETUP["options.extras_require"][extra] for extra in extras]
    lines = [line for text in texts for line in text.splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def build_requirements() -> list[Requirement]:
    """Return what is required to build it."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [Requirement(line) for line in pyproject["build-system"]["requires"]]
