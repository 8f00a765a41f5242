"""The programs of others that do the work: found beside this Python, and heard when they fail."""

import os
import subprocess
import sys
from collections.abc import Container, Mapping
from pathlib import Path

from releasing.tree import ROOT

AS_THE_SYSTEM = {"UV_SYSTEM_CERTS": "true"}
"""uv trusts authorities of its own; a network that has one besides has told the system."""


class ToolError(Exception):
    """A program is not there, or has failed; then its words stand on standard error."""


def tell(what: str) -> None:
    """Say on the terminal what is being done: it takes a while."""
    print(what, file=sys.stderr)


def run_tool(
    *command: str | Path,
    cwd: Path = ROOT,
    given: str = "",
    environment: Mapping[str, str] | None = None,
    quiet: bool = False,
    may_end: Container[int] = (0,),
) -> str:
    """Return what the program writes; raise ToolError if it ends with another status than it may.

    It reads `given`, and has `environment` beside ours. One that is `quiet` is heard if it fails,
    also on standard error. What it makes, others may read, whoever runs it.
    """
    # What `pip install` brought lies beside the interpreter, and need not be on the PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env={**AS_THE_SYSTEM, **os.environ, "PATH": path, **(environment or {})},
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if quiet else None,
            text=True,
            umask=0o022,
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolError(
            f"{command[0]} is not installed: pip install '.[release]', or use `make`, "
            "which does that"
        ) from error
    if done.returncode not in may_end:
        sys.stderr.write(done.stdout)
        named = " ".join(str(word) for word in command[:3])
        raise ToolError(f"{named} has failed with status {done.returncode}")
    return done.stdout
