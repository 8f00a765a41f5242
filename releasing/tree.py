"""The tracked files of the checkout, without what was made, built or left there."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""


class TreeError(Exception):
    """The checkout cannot be read; the text says why."""


def git(*arguments: str) -> str:
    """Return what git says of the checkout; raise TreeError."""
    # Whoever builds as root in somebody's checkout means it.
    argv = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(  # noqa: S603  our own arguments
            argv, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise TreeError("git is missing: apt-get install git") from None
    if done.returncode:
        raise TreeError(f"git {arguments[0]} fails in {ROOT}: {done.stderr.strip()}")
    return done.stdout


def tracked() -> list[Path]:
    """Return the paths of all tracked files that are there, below the checkout."""
    names = git("ls-files", "-z", "--cached").split("\0")
    return [Path(name) for name in names if name and (ROOT / name).is_file()]


def copy_tracked(directory: Path) -> None:
    """Copy the tracked files, as they stand in the checkout now, into a new directory."""
    for path in tracked():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target, follow_symlinks=False)


def commit_time() -> int:
    """Return when the last commit was made, in seconds since 1970."""
    return int(git("log", "-1", "--format=%ct"))


def last_author() -> str:
    """Return who has made the last commit, as `NAME <EMAIL>`."""
    return git("log", "-1", "--format=%an <%ae>").strip()
