"""pip in a root of Debian, by this machine's settings of pip, of which nothing is left there."""

import ast
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from releasing.root import IN_PRIVATE, run

# What pip needs of this machine besides its own settings.
NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts")
NETWORK_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

SHARING = """
root=$1; shift
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
exec chroot "$root" "$@"
"""


def run_pip(root: Path, python: str, arguments: Sequence[str], what: str) -> None:
    """Run the pip of `python`, as it is called in the root; raise RootError if it ends badly."""
    variables, shared = _settings()
    pip = [python, "-m", "pip", "--no-input", *arguments]
    sharing = ["sh", "-euc", SHARING, "sharing", str(root), *shared, "--"]
    run([*IN_PRIVATE, "--", *sharing, *pip], what, variables)


def _settings() -> tuple[dict[str, str], list[str]]:
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
