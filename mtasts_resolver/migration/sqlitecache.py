"""The SQLite cache of postfix-mta-sts-resolver, versions 1.0 to 1.5.1, whose schema is the same.

    sts_policy_cache    domain text, ts integer, pol_id text, pol_body text
    proactive_fetch_ts  when all were last looked at: of no use here

`ts` is when the policy was fetched, or later its id found unchanged in DNS. `pol_body` is JSON: the
fields of the document, those called `mx` in a list, `max_age` a number. It is read from a copy: the
daemon may be writing it.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from mtasts_resolver.base.undecodable import UNDECODABLE
from mtasts_resolver.migration.theirpolicies import (
    MAX_ENTRIES,
    CacheEntry,
    CacheFault,
    TheirPolicy,
    UnreadableCacheError,
    document_of,
    reading_cache,
)
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.filecopy import copy_database

# Bytes of a value: a policy of 64 KiB, each of whose characters JSON may spell with six.
_MAX_VALUE = 1 << 19
# Steps of SQLite's machine for all of it: a million entries take ten million. Who wrote the file
# may have thought of what never ends.
_MAX_STEPS = 1_000_000_000
_STEPS_AT_ONCE = 1_000_000
_FIELDS = ("version", "mode", "mx", "max_age")

_Fields = dict[str, str | int | list[str]]
_decoder = msgspec.json.Decoder(_Fields)


def read_sqlite_cache(path: Path) -> Iterator[CacheEntry]:
    """Yield the entries of the cache at `path`. Raise UnreadableCacheError."""
    with _told(path), tempfile.TemporaryDirectory(prefix="mtasts-resolver-") as place:
        copy = Path(place) / "cache"
        copy_database(path.resolve(), copy)
        # Alone, so that there is no file of the log's index; nobody else knows of the copy.
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            _bound(connection)
            if not _is_table(connection):
                raise UnreadableCacheError(
                    f"{path} has no table sts_policy_cache: it is no cache of"
                    " postfix-mta-sts-resolver"
                )
            rows = connection.execute(
                "SELECT domain, ts, pol_id, pol_body FROM sts_policy_cache LIMIT ?", (MAX_ENTRIES,)
            )
            yield from map(_entry, rows)


def _bound(connection: sqlite3.Connection) -> None:
    """Have the file not lead SQLite anywhere."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += _STEPS_AT_ONCE
        return steps > _MAX_STEPS

    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.set_progress_handler(count, _STEPS_AT_ONCE)


def _is_table(connection: sqlite3.Connection) -> bool:
    """Tell whether there is the table: no view of anything, none made by a module or computed.

    What computes a column may take days within one step, where nothing counts it.
    """
    found = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'sts_policy_cache'"
        " AND sql LIKE 'create table %'"
        " AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo('sts_policy_cache') WHERE hidden)"
    )
    return found.fetchone() is not None


def _entry(row: tuple[Any, ...]) -> CacheEntry:
    domain, fetched, policy_id, body = row
    if not isinstance(domain, str):
        return CacheFault("", "its domain is no text")
    if not isinstance(policy_id, str) or not isinstance(body, str):
        return CacheFault(domain, "its id or its policy is no text")
    if not isinstance(fetched, int | float):
        return CacheFault(domain, "the time of its fetch is no number")
    try:
        fields = _decoder.decode(body)
    except UNDECODABLE as error:
        return CacheFault(domain, f"its policy cannot be read: {error}")
    return TheirPolicy(domain, policy_id, document_of(_in_order(fields)), float(fetched))


def _in_order(fields: _Fields) -> Iterator[tuple[str, str]]:
    """Yield the fields of a document as they usually stand; others say nothing that counts."""
    blank = ("",)  # what theirs makes of a line without anything, which ours passes over, too
    for name in (*_FIELDS, *(name for name in fields if name not in (*_FIELDS, *blank))):
        value = fields.get(name, [])
        for one in value if isinstance(value, list) else [value]:
            yield name, str(one)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Have what goes wrong say so in words."""
    try:
        with reading_cache(path):
            yield
    except UnavailableError as error:
        raise UnreadableCacheError(str(error)) from None
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise UnreadableCacheError(f"{path} is no database that can be read: {error}") from None
