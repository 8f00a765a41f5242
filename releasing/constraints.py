"""`make constraints`: choose the version of each package anew, and write down its files' hashes.

constraints.txt has what the program and its extra `report` run with, for every Python that
setup.cfg names; constraints-build.txt has what builds it. uv finds them, and pip installs them.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from releasing.metadata import EXTRAS, build_requirements, oldest_python
from releasing.tools import ToolError, run_tool
from releasing.tree import BUILD_CONSTRAINTS, CONSTRAINTS

COOL_DOWN = "7 days"
"""A version that is younger is not chosen: one that an attacker has published is mostly found and
withdrawn within days, and nothing of ours needs the newest. A fix that cannot wait is let in by
`make constraints ARGS='--exclude-newer-package NAME=false'`."""

HEAD = """\
# What mtasts-resolver and its extra `report` run with, on every Python that it knows. Written by
# `make constraints`; docs/releasing.md says what for.

"""

BUILD_HEAD = """\
# What builds mtasts-resolver, and what it runs with where there is no wheel of that. Written by
# `make constraints`; docs/releasing.md says what for.

"""


def chosen(source: str, options: Sequence[str | Path], *, given: str = "") -> str:
    """Return what `source` requires, and what that requires: a version of each, and hashes."""
    return run_tool(
        *("uv", "pip", "compile", "--quiet", "--upgrade", "--universal", "--generate-hashes"),
        *("--no-header", "--exclude-newer", COOL_DOWN, "--python-version", oldest_python()),
        *options,
        source,
        given=given,
    )


def replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def write_constraints(options: Sequence[str]) -> None:
    """`options` are for uv."""
    replace(
        BUILD_CONSTRAINTS,
        BUILD_HEAD + chosen("-", options, given="\n".join(map(str, build_requirements()))),
    )
    ours = [word for extra in EXTRAS for word in ("--extra", extra)]
    ours += ["--build-constraints", str(BUILD_CONSTRAINTS)]
    replace(CONSTRAINTS, HEAD + chosen("setup.cfg", [*ours, *options]))


def main(arguments: list[str]) -> None:
    try:
        write_constraints(arguments)
    except ToolError as error:
        sys.exit(f"make constraints: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
