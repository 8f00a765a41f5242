"""Small files that the daemon keeps for itself, and others': read with suspicion."""

import errno
import os
import stat
from collections.abc import Collection
from pathlib import Path


class UntrustedFileError(Exception):
    """Somebody may have written the file who must not lead the daemon; the text says how so."""


def read_own(path: Path, most: int, owners: Collection[int]) -> bytes:
    """Return what the file `path` holds, at most one byte more than `most`.

    Raise UntrustedFileError unless it is a plain file of one of `owners` that nobody else can
    write; OSError where it cannot be read.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if status.st_uid not in owners or others or not stat.S_ISREG(status.st_mode):
            raise UntrustedFileError("others than the daemon's user can write it")
        return file.read(most + 1)


def read_plain(path: Path, most: int) -> bytes:
    """Return the first bytes of a file, at most `most`, whoever owns it. Raise OSError.

    In place of it there may be what never ends, or whose opening waits for somebody, as a FIFO's.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "It is no plain file", str(path))
        return file.read(most)


def write_own(path: Path, data: bytes) -> None:
    """Put `data` in place of what `path` holds, whole and on the disk, for its owner alone.

    Raise OSError; the old file is then as it was.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
