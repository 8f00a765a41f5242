"""The directory that the files are written to, and read from again."""

import os
from collections.abc import Mapping
from pathlib import Path

from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.files import written_file

MAX_READ = 65_536  # bytes; the longest file that was written has a tenth of it
READABLE = 0o644  # a web server is another user
ENTERABLE = 0o755


def read_directory(directory: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Return the files of these names that are there, as far as they are text."""
    files = {name: _read(directory / name) for name in names}
    return {name: data.decode("utf-8", "replace") for name, data in files.items() if data}


def write_directory(directory: Path, files: Mapping[str, str], *, force: bool) -> dict[str, bool]:
    """Write files, each as a whole, and tell which have changed.

    What is there and differs is left, and nothing written, unless by `force`.
    """
    differing = [
        name
        for name, text in files.items()
        if _read(directory / name) not in (None, text.encode()) and not force
    ]
    if differing:
        raise CommandError(
            f"{directory} has {', '.join(differing)} with other words: nothing was written."
            " --force replaces them"
        )
    changed = {name: _read(directory / name) != text.encode() for name, text in files.items()}
    for name in filter(changed.get, files):
        path = directory / name
        for parent in (directory, path.parent):
            _make(parent)
        with written_file(path) as file:
            os.fchmod(file.fileno(), READABLE)
            file.write(files[name].encode())
    return changed


def _make(directory: Path) -> None:
    try:
        directory.mkdir()
        directory.chmod(ENTERABLE)
    except FileExistsError:
        pass
    except OSError as error:
        raise CommandError(f"{directory}: {error.strerror}") from None


def _read(path: Path) -> bytes | None:
    """Return what a file holds, cut beyond any that was written; None where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_READ + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
