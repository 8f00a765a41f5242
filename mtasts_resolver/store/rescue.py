"""What is done for the policies when their file is ruined or cannot be opened."""

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.base import logs
from mtasts_resolver.store import StoredPolicy, schema
from mtasts_resolver.store.errors import FAILURES, UnavailableError
from mtasts_resolver.store.files import (
    SIDE_FILES,
    check_side_files,
    connect,
    holder,
    side_file,
)
from mtasts_resolver.store.schema import check_owner, migrated_in_memory
from mtasts_resolver.store.table import SELECT_ROWS, BrokenRowError, Row, decode_row

MAX_SET_ASIDE = 5  # a failing disk may ruin file after file; its remains must not fill the rest
MAX_COPIED = 200_000  # policies read into memory: as many as the resolver keeps there by default

log = logs.get(__name__)


def set_aside(path: Path, now: float) -> Path:
    """Rename the file `path`, with its side files, and return its new name; raise OSError.

    `now` is in seconds since 1970. Nothing is overwritten.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    number = max((found.number for found in _remains(path) if found.stamp == stamp), default=0) + 1
    name = f"{path.name}.damaged-{stamp}" + (f"-{number}" if number > 1 else "")
    # The side files first: without their database they are harmless, but a fresh database must
    # never meet the old log.
    for suffix in (*SIDE_FILES, ""):
        with suppress(FileNotFoundError):
            side_file(path, suffix).rename(path.with_name(name + suffix))
    return path.with_name(name)


def remove_oldest(path: Path) -> None:
    """Keep the newest MAX_SET_ASIDE of the files that `path` left behind; raise OSError."""
    remains = _remains(path)
    by_age = sorted({(found.stamp, found.number) for found in remains})
    too_old = set(by_age[:-MAX_SET_ASIDE])
    for found in remains:
        if (found.stamp, found.number) in too_old:
            path.with_name(found.name).unlink(missing_ok=True)
            log.warning(
                "store-remains-removed", file=path.with_name(found.name), kept=MAX_SET_ASIDE
            )


class _Remains(NamedTuple):
    name: str
    stamp: str
    number: int
    """Of several within a second, 1 the first."""


def _remains(path: Path) -> list[_Remains]:
    """Return the files that were set aside for `path`, side files among them."""
    pattern = re.compile(
        rf"{re.escape(path.name)}\.damaged-([0-9]{{8}}T[0-9]{{6}}Z)(?:-([0-9]+))?(?:-wal|-shm|-journal)?"
    )
    names = (pattern.fullmatch(entry.name) for entry in path.parent.iterdir())
    return [_Remains(found[0], found[1], int(found[2] or 1)) for found in names if found]


def read_copy(path: Path) -> dict[str, StoredPolicy]:
    """Return the policies of a file that cannot be opened for writing; nothing if none is readable.

    A policy that is stored MUST be applied (RFC 8461 §3.3), also from a read-only directory. Raise
    StoreError for a file that is not ours, or is newer than this program.
    """
    for options, alone in _ways_to_read(path):
        try:
            with ExitStack() as stack:
                connection = stack.enter_context(closing(connect(path, options)))
                if alone:
                    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
                if check_owner(connection, path) < schema.VERSION:
                    connection = stack.enter_context(closing(migrated_in_memory(connection)))
                rows = connection.execute(f"{SELECT_ROWS} LIMIT {MAX_COPIED}")
                copy = dict(_valid(map(Row._make, rows)))
        except FAILURES:
            continue  # the caller reports why the file cannot be used
        if copy:
            log.info("store-read-only", file=path, policies=len(copy))
        return copy
    return {}


def _ways_to_read(path: Path) -> tuple[tuple[str, bool], ...]:
    """Return options of SQLite's to try in turn, and whether to read alone.

    Where others use the file, its side files are there, and locks tell what may be read. Where
    nobody does, SQLite may not be able to lock, nor to make a file beside it: alone and without
    locks it reads the write-ahead log all the same; as immutable, not even that, if there is none.
    """
    try:
        other = holder(path)
    except (OSError, UnavailableError):
        return ()
    if other is not None and other.alone:
        return ()
    try:
        check_side_files(path)
    except UnavailableError:
        return (("mode=ro&immutable=1", False),)
    if other is not None:
        return (("mode=ro", False),)
    return (("mode=ro&vfs=unix-none", True), ("mode=ro&immutable=1", False))


def _valid(rows: Iterable[Row]) -> Iterator[tuple[str, StoredPolicy]]:
    for row in rows:
        try:
            stored = decode_row(row)
        except BrokenRowError:
            continue  # reported and deleted once the file can be opened
        yield stored.domain, stored
