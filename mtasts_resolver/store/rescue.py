"""What is done for the policies when their file is ruined or cannot be opened."""

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.schema import connect
from mtasts_resolver.store.table import SELECT_ROWS, BrokenRowError, Row, decode_row

MAX_SET_ASIDE = 5  # a failing disk may ruin file after file; its remains must not fill the rest
MAX_COPIED = 200_000  # policies read into memory: as many as the resolver keeps there by default

_SIDE_FILES = ("-wal", "-shm")  # SQLite's own, beside the database

_log = logging.getLogger(__name__)


def set_aside(path: Path, now: float) -> Path:
    """Rename the file `path`, with its side files, and return its new name; raise OSError.

    `now` is in seconds since 1970. Nothing is overwritten.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    base = path.with_name(f"{path.name}.damaged-{stamp}")
    target, number = base, 1
    while any(_beside(target, suffix).exists() for suffix in ("", *_SIDE_FILES)):
        number += 1
        target = base.with_name(f"{base.name}-{number}")
    # The side files first: without their database they are harmless, but a fresh database must
    # never meet the old log.
    for suffix in (*_SIDE_FILES, ""):
        try:
            _beside(path, suffix).rename(_beside(target, suffix))
        except FileNotFoundError:
            continue
    return target


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def remove_oldest(path: Path) -> None:
    """Keep the newest MAX_SET_ASIDE of the files that `path` left behind; raise OSError."""
    prefix = f"{path.name}.damaged-"
    names = (entry.name for entry in path.parent.iterdir())
    kept = sorted(
        (name for name in names if name.startswith(prefix) and not name.endswith(_SIDE_FILES)),
        key=_age_order,
    )
    for name in kept[:-MAX_SET_ASIDE]:
        for suffix in ("", *_SIDE_FILES):
            path.with_name(name + suffix).unlink(missing_ok=True)
        _log.warning("removed %s: only %d damaged files are kept", name, MAX_SET_ASIDE)


def _age_order(name: str) -> tuple[str, int]:
    """Sort by the time in the name, then by the number after it."""
    stamp, _, number = name.rpartition("damaged-")[2].partition("-")
    return stamp, int(number) if number.isdecimal() else 1


def read_copy(path: Path) -> dict[str, StoredPolicy]:
    """Return the policies of a file that cannot be opened for writing; nothing if none is readable.

    A policy that is stored MUST be applied (RFC 8461 §3.3), also from a read-only directory, where
    SQLite cannot make the files that it needs beside a database. Opened as immutable it needs none,
    and misses what the write-ahead log alone holds; so that comes last.
    """
    for options in ("mode=ro", "mode=ro&immutable=1"):
        try:
            with closing(connect(path, options)) as connection:
                rows = connection.execute(f"{SELECT_ROWS} LIMIT {MAX_COPIED}")
                copy = dict(_valid(map(Row._make, rows)))
        except sqlite3.Error:
            continue  # the caller reports why the file cannot be used
        if copy:
            _log.info("read %d policies from %s, which cannot be opened now", len(copy), path)
        return copy
    return {}


def _valid(rows: Iterable[Row]) -> Iterator[tuple[str, StoredPolicy]]:
    for row in rows:
        try:
            stored = decode_row(row)
        except BrokenRowError:
            continue  # reported and deleted once the file can be opened
        yield stored.domain, stored
