"""Files that commands read and write, `-` among them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mtasts_resolver.cli.errors import CommandError


@contextmanager
def opened_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield what is to be read, or end with the reason why it cannot be."""
    if path == Path("-"):
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    with file:
        yield file


@contextmanager
def written_file(path: Path | None) -> Iterator[IO[bytes]]:
    """Yield what to write to; a file appears, or changes, when all of it is there."""
    if path is None:
        yield sys.stdout.buffer
        return
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with new.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    finally:
        if os.path.lexists(new):  # else to remove it may fail as well, as on a read-only disk
            new.unlink()
