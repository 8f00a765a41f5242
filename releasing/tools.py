"""The programs of others that do the work: found beside this Python, and heard when they fail."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from releasing.tree import ROOT


class ToolError(Exception):
    """A program said no. What it had to say about that stands on standard error."""


def run_tool(
    *command: str | Path,
    cwd: Path = ROOT,
    given: str = "",
    environment: Mapping[str, str] | None = None,
) -> str:
    """Return what the program writes. It reads `given`, and has `environment` beside ours."""
    # What `pip install` brought lies beside the interpreter, and need not be on the PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    try:
        done = subprocess.run(  # noqa: S603  a program that our own code names
            [str(word) for word in command],
            cwd=cwd,
            env={**os.environ, "PATH": path, **(environment or {})},
            input=given,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    except FileNotFoundError as error:
        raise ToolError(
            f"{command[0]} is not installed: pip install '.[release]', or use `make`, "
            "which does that"
        ) from error
    except subprocess.CalledProcessError as error:
        sys.stderr.write(error.stdout)
        raise ToolError(f"{command[0]} has failed with status {error.returncode}") from error
    return done.stdout
