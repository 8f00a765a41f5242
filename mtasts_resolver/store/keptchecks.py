"""The last checks of domains of one's own, in a file of their own beside the policies.

Each is a text of whoever keeps it here. What is lost with the file costs a check, and no answer.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.store.behind import WriteBehind
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.files import side_file
from mtasts_resolver.store.keptopen import KeptOpen
from mtasts_resolver.store.schema import Schema, prepare
from mtasts_resolver.store.table import LoneTable

TABLE = "checks"
# What is seen of a domain comes in one message of the discoverer, which has 200,000 bytes; JSON may
# spell each of a stranger's characters with six.
MAX_CHECK_BYTES = 1_500_000
# Domains that are read: more than the configuration may name, should an earlier one have.
MAX_CHECKS = 1_000
CLOSE_TIMEOUT = 2.0  # seconds: what is lost then is found out again

log = logs.get(__name__)


def _create(connection: sqlite3.Connection) -> None:
    connection.execute(f"CREATE TABLE {TABLE} (domain TEXT PRIMARY KEY, result BLOB)")


CHECKS_SCHEMA = Schema(TABLE, ["domain", "result"], 1, {0: _create})

_PUT = f"INSERT OR REPLACE INTO {TABLE} VALUES (?, ?)"  # noqa: S608 - constants only
_DROP = f"DELETE FROM {TABLE} WHERE domain = ?"  # noqa: S608 - constants only
# Casts, and no more than a check can have, because a damaged file may hold anything.
_READ = (
    f"SELECT CAST(domain AS TEXT), substr(CAST(result AS BLOB), 1, {MAX_CHECK_BYTES + 1})"  # noqa: S608
    f" FROM {TABLE} LIMIT {MAX_CHECKS}"
)


def checks_path(policies: Path) -> Path:
    """Return where the checks are that belong to the policies in the file `policies`."""
    return side_file(policies, "-own-domains")


class CheckTable(LoneTable):
    """The last checks, by domain."""

    def read(self) -> dict[str, bytes]:
        """Return the check of each domain; one that is too long is none."""
        rows = self._connection.select(_READ)
        return {domain: text for domain, text in rows if text and len(text) <= MAX_CHECK_BYTES}

    def write(self, checks: Mapping[str, bytes | None]) -> None:
        """Put and drop (None) checks, in one transaction."""
        with self._transaction():
            for domain, text in checks.items():
                if text is None:
                    self._connection.execute(_DROP, (domain,))
                else:
                    self._connection.execute(_PUT, (domain, text))
            # In a read-only file SQLite lets that begin a transaction that only reads.
            self._connection.execute(_DROP, (None,))
            self._connection.commit()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Undo what the block does, unless it commits it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            self._connection.rollback()  # of nothing, where the transaction has ended


class _CheckFile(KeptOpen[CheckTable]):
    """The file; all of this blocks."""

    def read(self) -> dict[str, bytes]:
        self.look()
        return self._guarded(CheckTable.read)

    def write(self, checks: Mapping[str, bytes | None]) -> None:
        self.look()
        self._guarded(lambda table: table.write(checks))

    def _open_file(self) -> CheckTable:
        prepare(self._path, CHECKS_SCHEMA)
        return CheckTable(self._path)

    def _was_opened(self) -> None:
        """Nothing was known of the one before."""


class KeptChecks(WriteBehind):
    """Keeps the last check of each domain. What waits to be written is one a domain."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._file = _CheckFile(path, clock.wall)
        super().__init__("own domains", self._file, clock)
        self._waiting: dict[str, bytes | None] = {}

    @property
    def pending(self) -> int:
        return len(self._waiting)

    async def open(self) -> dict[str, bytes]:
        """Begin, and return what was kept; nothing where that cannot be read, which is reported."""
        self._begin()
        try:
            found = await self._call(self._file.read)
        except UnavailableError:
            return {}
        self._note_success()
        return found

    def put(self, domain: str, text: bytes) -> None:
        """Have the check of a domain kept in place of the one before."""
        self._waiting[domain] = text if len(text) <= MAX_CHECK_BYTES else None
        self._wake.set()

    def drop(self, domain: str) -> None:
        """Have nothing kept of a domain."""
        self._waiting[domain] = None
        self._wake.set()

    async def close(self) -> None:
        """Write what waits, and end, within CLOSE_TIMEOUT."""
        await self._end(CLOSE_TIMEOUT)

    async def _write(self) -> None:
        checks = dict(self._waiting)
        if checks or self._trouble:
            await self._call(partial(self._file.write, checks))
            for domain, text in checks.items():
                if self._waiting.get(domain) is text:
                    del self._waiting[domain]
            self._note_success()
        if not self._waiting:
            self._wake.clear()

    def _tell_unavailable(self, reason: str) -> None:
        log.warning("own-domain-checks-unavailable", file=self._path, reason=reason)

    def _tell_available(self) -> None:
        log.info("own-domain-checks-available", file=self._path)
