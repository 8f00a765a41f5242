"""Whether a file can be the store, found out without making or changing anything."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from mtasts_resolver.store.errors import DamagedError, StoreError
from mtasts_resolver.store.files import connect
from mtasts_resolver.store.schema import Schema, check_owner


def check_fit(path: Path, schema: Schema | None = None) -> None:
    """Raise StoreError where this process could not make or use the file `path`, or must not.

    Without a `schema` it is that of the policies.
    """
    place = path
    while not os.path.lexists(place):
        place = place.parent
    try:
        mode = (place.lstat() if place == path else place.stat()).st_mode  # see open_regular
    except OSError as error:
        raise StoreError(f"{place} cannot be looked at: {error.strerror}") from None
    if place != path:
        if not stat.S_ISDIR(mode):
            raise StoreError(f"{place} is no directory: name another path")
        _demand(place, os.W_OK | os.X_OK, "make files in")
        return
    if not stat.S_ISREG(mode):
        raise StoreError(f"{path} is no regular file: name another path")
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        _demand(path, os.R_OK, "read")  # and so it is read
    else:
        _demand(path, os.R_OK | os.W_OK, "write")
        _demand(path.parent, os.W_OK | os.X_OK, "make files in")
    _check_content(path, schema)


def _demand(path: Path, mode: int, what: str) -> None:
    if not os.access(path, mode, effective_ids=True):
        raise StoreError(f"user {os.geteuid()} may not {what} {path}")


def _check_content(path: Path, schema: Schema | None) -> None:
    """Raise StoreError for another program's file, or that of a newer version.

    `immutable` makes no files beside it, which would be this user's, and takes no lock of it.
    """
    try:
        with closing(connect(path, "mode=ro&immutable=1")) as connection:
            check_owner(connection, path, schema)
    except (sqlite3.Error, DamagedError):
        return  # a ruined file is set aside at the start
