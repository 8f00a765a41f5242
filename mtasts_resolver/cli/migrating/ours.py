"""Our configuration in its place: whether it may be written, and how it is."""

import os
import time
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.base.ownfiles import read_plain
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.files import written_file
from mtasts_resolver.cli.terminal import show_notes
from mtasts_resolver.config import MAX_FILE_BYTES, ConfigError, Loaded
from mtasts_resolver.daemon.preflight import look_into
from mtasts_resolver.migration.ourfile import sets_nothing

READABLE = 0o644  # the daemon is another user, and there is no secret in it
ENTERABLE = 0o755
BACKUP = ".before-migrate"


class FoundThere(StrEnum):
    """What is where our configuration belongs."""

    ABSENT = "absent"
    EMPTY = "empty"
    """It sets nothing, as the one that a package brings."""
    SAME = "same"
    OTHER = "other"
    """It sets something, and is never written over."""
    UNREADABLE = "unreadable"


class OurPlace(NamedTuple):
    """Where our configuration belongs, and what is there."""

    path: Path
    standing: FoundThere
    data: bytes = b""
    fault: str = ""


def look_at_place(path: Path, text: str) -> OurPlace:
    """Tell what stands where `text` is to be written."""
    path = Path(os.path.realpath(path))  # what a link leads to is replaced, not the link
    try:
        data = read_plain(path, MAX_FILE_BYTES + 1)
        if data == text.encode():
            return OurPlace(path, FoundThere.SAME, data)
        empty = sets_nothing(data, str(path))
    except FileNotFoundError:
        return OurPlace(path, FoundThere.ABSENT)
    except OSError as error:
        return OurPlace(path, FoundThere.UNREADABLE, fault=f"{path}: {error.strerror}")
    except ConfigError:
        return OurPlace(path, FoundThere.OTHER, data)
    return OurPlace(path, FoundThere.EMPTY if empty else FoundThere.OTHER, data)


def write_config(place: OurPlace, text: str, loaded: Loaded) -> None:
    """Write our configuration, once it has been looked into as `config check` does.

    What was there, comments alone, is kept beside it; the caller has seen that it is no more.
    """
    if place.standing is FoundThere.UNREADABLE:
        raise CommandError(place.fault)
    report = look_into(loaded, os.environ, os.geteuid(), wall=time.time())
    if report.errors:
        raise CommandError("\n".join(["nothing was written:", *map(str, report.errors)]))
    show_notes(f"warning: {fault}" for fault in report.warnings)
    if place.standing is FoundThere.EMPTY:
        _write(place.path.with_name(place.path.name + BACKUP), place.data)
    _write(place.path, text.encode())


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir()
        path.parent.chmod(ENTERABLE)  # whatever the umask is: the daemon is another user
    except FileExistsError:
        pass
    except OSError as error:
        raise CommandError(f"{path.parent}: {error.strerror}") from None
    with written_file(path) as file:
        os.fchmod(file.fileno(), READABLE)
        file.write(data)
