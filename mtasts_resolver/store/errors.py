"""What can go wrong with a store, and what its keeper must do about it.

    StoreError          the store cannot be used as configured: refuse to start, leave it untouched
      HeldError         another daemon has it: refuse to start, try again later
    DamagedError        the file's content is ruined: set it aside, begin afresh
    UnavailableError    it cannot be used now: warn, go on from memory, try again later

Of these only StoreError leaves `open`, and UnavailableError leaves `get` and `scan`.
"""

import errno
import os
import sqlite3
from pathlib import Path

FAILURES = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What the use of a file raises; the last one where SQLite's message quotes a ruined schema."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# After these the connection is as good as before, and a new one would be no better.
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})

_WRITABLE = "make the file and its directory writable for uid {uid}"
_ADVICE = {
    sqlite3.SQLITE_FULL: "free space on its file system",
    sqlite3.SQLITE_BUSY: "another process holds it: run one daemon per file",
    sqlite3.SQLITE_LOCKED: "another process holds it: run one daemon per file",
    sqlite3.SQLITE_READONLY: _WRITABLE,
    sqlite3.SQLITE_PERM: _WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _WRITABLE,
    sqlite3.SQLITE_IOERR: "check its disk, the free space and the kernel's log",
}


STUCK = "the disk does not answer"


class StoreError(Exception):
    """The store cannot be used as configured; the text says why and what to do."""


class HeldError(StoreError):
    """Another process has the file for itself; the text says which."""

    def __init__(self, path: Path, pid: int) -> None:
        who = f"process {pid}" if pid else "a process that is not seen from here"
        super().__init__(
            f"{who} has {path} for itself, as a daemon does: stop it, or name another file"
            " in `store.url`"
        )


class DamagedError(Exception):
    """The file holds no database, or a ruined one; the text says how that was seen."""


class UnavailableError(Exception):
    """The file cannot be used now; the text says why and what to do.

    `reopen` tells that its connection is worth no second try.
    """

    def __init__(self, reason: str, *, reopen: bool = True) -> None:
        super().__init__(reason)
        self.reopen = reopen


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's code for `error`, without the detail that extended codes add.

    Errors that the sqlite3 module raises on its own account have none, as for text in the schema
    that is not UTF-8.
    """
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def storage_error(
    error: sqlite3.Error | OSError | UnicodeDecodeError,
) -> DamagedError | UnavailableError:
    """Return what `error`, raised while the file was used, means.

    A disk I/O error is not damage: the disk may come back, and with it every policy. If it left
    damage behind, the check of the next opening finds it. Nor is a lock that another process holds.
    """
    if isinstance(error, OSError):
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        code = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_CANTOPEN
        return UnavailableError(f"{error.strerror or error}; {_advice(code)}")
    if isinstance(error, UnicodeDecodeError):
        return DamagedError("its schema is not UTF-8")
    code = primary_code(error)
    if code in _DAMAGE:
        return DamagedError(str(error))
    return UnavailableError(f"{error}; {_advice(code)}", reopen=code not in _PASSING)


def _advice(code: int) -> str:
    return _ADVICE.get(code, "it will be opened again").format(uid=os.geteuid())
