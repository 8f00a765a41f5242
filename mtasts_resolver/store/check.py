"""Reading the whole file for damage, beside its use."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from mtasts_resolver.store.errors import FAILURES, judge
from mtasts_resolver.store.schema import check

_POLL = 0.01  # seconds between two tries to break off: one that comes too early is lost


class FileCheck:
    """Reads the file in a thread of its own; the write-ahead log keeps it out of others' way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store check")
        self._job: asyncio.Future[None] | None = None
        self._connection: sqlite3.Connection | None = None

    async def run(self) -> None:
        """Raise DamagedError where the file is ruined, UnavailableError where it is out of reach.

        Cancelled, it returns at once, and the reading goes on until `close`.
        """
        work = partial(check, self._path, self._begun)
        self._job = asyncio.get_running_loop().run_in_executor(self._thread, work)
        await asyncio.wait((self._job,))
        try:
            self._job.result()
        except FAILURES as error:
            raise judge(error) from error

    async def close(self) -> None:
        """Break the reading off; return when it has ended, so that the file is no longer open."""
        while self._job is not None and not self._job.done():
            if self._connection is not None:
                with suppress(sqlite3.ProgrammingError):  # it is closed: the reading has ended
                    self._connection.interrupt()
            await asyncio.wait((self._job,), timeout=_POLL)
        if self._job is not None and not self._job.cancelled():
            self._job.exception()  # of no interest any more
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _begun(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
