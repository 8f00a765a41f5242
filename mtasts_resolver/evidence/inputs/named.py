"""What the administrator names, as files that can be read."""

import errno
import glob
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.evidence.inputs.errors import InputError

STANDARD_INPUT = "-"
# Files of one report: ten years of days for one host, or a month's for a hundred.
MAX_FILES = 4_000


class NamedFile(Struct, frozen=True):
    """A file as it was when it was named."""

    name: str
    """As it is shown."""
    path: Path | None
    """None for standard input."""
    device: int
    inode: int
    size: int | None
    """None where it is not known: a pipe, a terminal."""
    modified: float
    """When it was last written; of a pipe, when it was named."""
    kind: str = "log"

    @property
    def again(self) -> bool:
        """Tell whether it can be opened as often as one likes."""
        return self.path is not None and self.size is not None

    def open(self) -> BinaryIO:
        """Open the file that was named, also if it has another name by now. Raise InputError.

        Rotation renames it: under its old name is another then, which is not what was named.
        """
        try:
            if self.path is None:
                return os.fdopen(sys.stdin.fileno(), "rb", closefd=False)
            if self.size is None:
                return self.path.open("rb")
            for path in (self.path, *_neighbours(self.path)):
                with suppress(FileNotFoundError):
                    opened = path.open("rb")
                    status = os.fstat(opened.fileno())
                    if (status.st_dev, status.st_ino) == (self.device, self.inode):
                        return opened
                    opened.close()
        except OSError as error:
            raise InputError(_why_not(error)) from None
        raise InputError("it was removed, or replaced, before it was read")


def named_files(names: Iterable[str], now: float) -> list[NamedFile]:
    """Return the files that `names` mean: paths, globs, and `-`. Raise InputError.

    Who names a file wants its lines in the report. What cannot be read is thus an error, before
    anything else is done, and no hole that somebody may notice or not.
    """
    files: dict[str, NamedFile] = {}
    for name in names:
        for path in _meant(name):
            file = _standard_input(now) if path is None else _named(path, now)
            files.setdefault(file.name, file)
            if len(files) > MAX_FILES:
                raise InputError(f"{printable(name)}: more than {MAX_FILES:,} files; name fewer")
    return list(files.values())


def _meant(name: str) -> Iterator[Path | None]:
    if name == STANDARD_INPUT:
        yield None
    elif os.path.lexists(name) or not glob.has_magic(name):
        yield from _files_in(Path(name)) if _is_directory(Path(name)) else [Path(name)]
    else:
        # In an order that is the same each time; times decide which is read first.
        found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  of any absolute path
        files = [path for path in map(Path, found) if not _is_directory(path)]
        if not files:
            raise InputError(
                f"{printable(name)}: no file's name fits this pattern, of those that you may see"
            )
        yield from files


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # it is said when it is opened
        return False


def _files_in(directory: Path) -> list[Path]:
    """Return the files right in a directory. What is below is asked for with `DIRECTORY/**`."""
    try:
        found = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
        files = [path for path in found if path.is_file()]
    except OSError as error:
        raise InputError(f"{printable(str(directory))}: {_why_not(error)}") from None
    if not files:
        raise InputError(f"{printable(str(directory))}: there is no file in this directory")
    return files


def _standard_input(now: float) -> NamedFile:
    try:
        status = os.fstat(sys.stdin.fileno())
    except (OSError, ValueError, AttributeError):
        raise InputError("standard input is closed: name a file instead of `-`") from None
    return _from_status(STANDARD_INPUT, None, status, now)


def _named(path: Path, now: float) -> NamedFile:
    shown = printable(str(path))
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{shown}: {_why_not(error)}") from None
    if not os.access(path, os.R_OK):
        raise InputError(f"{shown}: {_why_not(PermissionError(errno.EACCES, ''))}")
    return _from_status(str(path), path, status, now)


def _from_status(name: str, path: Path | None, status: os.stat_result, now: float) -> NamedFile:
    regular = stat.S_ISREG(status.st_mode)
    return NamedFile(
        name,
        path,
        status.st_dev,
        status.st_ino,
        status.st_size if regular else None,
        status.st_mtime if regular else now,
    )


def _why_not(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return "there is no such file"
        case errno.EACCES | errno.EPERM:
            return (
                "you may not read it: be root, or of the group that may (on Debian"
                " `adm`; for the journal `systemd-journal`)"
            )
        case _:
            return error.strerror or str(error)


def _neighbours(path: Path) -> Iterator[Path]:
    """Yield what rotation may have renamed it to."""
    for other in sorted(path.parent.glob(f"{glob.escape(path.name)}*")):
        if other != path and other.is_file() and os.access(other, os.R_OK):
            yield other
