"""Nobody needs a compiler for what constraints.txt pins."""

from pathlib import Path

import pytest

from releasing.metadata import pythons
from releasing.tools import run_tool
from releasing.tree import CONSTRAINTS

ONLY_AS_SOURCE = "sqlitedict"
"""A module of Python alone, of which no wheel was ever published."""


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", pythons())
def test_there_are_wheels_for_every_python_and_machine(
    python: str, machine: str, tmp_path: Path
) -> None:
    """On any Linux with glibc 2.28 or later, that of Debian 10."""
    run_tool(
        *("uv", "pip", "install", "--dry-run", "--quiet", "--no-deps"),
        *("--python-version", python, "--python-platform", f"{machine}-manylinux_2_28"),
        *("--target", str(tmp_path)),
        *("--only-binary", ":all:", "--no-binary", ONLY_AS_SOURCE),
        *("--require-hashes", "--requirement", str(CONSTRAINTS)),
    )
