"""The tracked files of the checkout, without what was made, built or left there."""

import datetime as dt
import os
import shutil
import subprocess
from pathlib import Path

from releasing.changelog import ChangelogError, release_date

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""
CONSTRAINTS = ROOT / "constraints.txt"
BUILD_CONSTRAINTS = ROOT / "constraints-build.txt"
_SDIST_HAS = ROOT / "mtasts_resolver.egg-info/SOURCES.txt"


class TreeError(Exception):
    """The checkout cannot be read; the text says why."""


def git(*arguments: str, of: Path = ROOT) -> str:
    """Return what git says of a checkout; raise TreeError."""
    # Whoever builds as root in somebody's checkout means it.
    argv = ["git", "-c", f"safe.directory={of}", "-C", str(of), *arguments]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise TreeError("git is missing: apt-get install git") from None
    if done.returncode:
        raise TreeError(f"git {arguments[0]} fails in {of}: {done.stderr.strip()}")
    return done.stdout


def tracked() -> list[Path]:
    """Return the paths of all tracked files that are there, below the checkout.

    Of an unpacked sdist, which has no history, those that it says it came with.
    """
    if (ROOT / ".git").exists():
        names = git("ls-files", "-z", "--cached").split("\0")
    elif _SDIST_HAS.is_file():
        names = _SDIST_HAS.read_text(encoding="utf-8").splitlines()
        names = [name for name in names if not name.startswith(_SDIST_HAS.parent.name)]
    else:
        raise TreeError(f"{ROOT} is neither a checkout of git nor an sdist that was unpacked")
    return [Path(name) for name in names if name and (ROOT / name).is_file()]


def copy_tracked(directory: Path) -> None:
    """Copy the tracked files, as they stand in the checkout now, into a new directory.

    Whether others may read them is not the matter of who has checked them out.
    """
    for path in tracked():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target)
        target.chmod(0o755 if os.access(target, os.X_OK) else 0o644)


def commit_time() -> int:
    """Return when the last commit was made, in seconds since 1970."""
    return int(git("log", "-1", "--format=%ct"))


def source_date() -> int:
    """Return the time that what is built bears, in seconds since 1970; raise TreeError.

    That of a release is the day in the changelog, with and without a history beside it.
    """
    if stated := os.environ.get("SOURCE_DATE_EPOCH"):
        if not stated.isdecimal():
            raise TreeError(f"SOURCE_DATE_EPOCH is {stated!r}, and not seconds since 1970")
        return int(stated)
    try:
        day = release_date((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    except ChangelogError as error:
        raise TreeError(str(error)) from None
    if day:
        return int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp())
    if (ROOT / ".git").exists():
        return commit_time()
    raise TreeError(
        "this is neither a release nor a checkout: set SOURCE_DATE_EPOCH to the time, in seconds "
        "since 1970, that is to stand in what is built"
    )


def last_author() -> str:
    """Return who has made the last commit, as `NAME <EMAIL>`."""
    return git("log", "-1", "--format=%an <%ae>").strip()
