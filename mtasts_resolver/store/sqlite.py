"""The store in an SQLite file: the event loop's side, which never waits for the disk."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.store import StoredPolicy, StoreReturned, WritesLost
from mtasts_resolver.store.behind import WriteBehind
from mtasts_resolver.store.database import PAGE_ROWS, Cursor, Database
from mtasts_resolver.store.errors import STUCK, UnavailableError
from mtasts_resolver.store.met import MetDomains

WRITE_ROWS = 1000  # changes per transaction: milliseconds, in which look-ups of the store wait
MAX_PENDING = 200_000  # changes that wait for the disk: all that the resolver has in memory
CHECK_DELAY = 10.0  # seconds from the opening: to read all of a file must not slow down the start
# Seconds between two looks at whether the file and its log are still there, while nothing is to be
# written: what another process removes would be gone with the end of this one.
LOOK_INTERVAL = 30.0
CLOSE_TIMEOUT = 10.0  # seconds: with the rest of a shutdown far below systemd's 90 s

log = logs.get(__name__)

T = TypeVar("T")


class SqliteStore(WriteBehind):
    """Keeps the Store protocol in the SQLite file `path`."""

    def __init__(self, path: Path, *, clock: Clock, events: Events | None = None) -> None:
        self.path = path
        self._events = events or Events()  # to which nobody listens
        self._database = Database(path, clock.wall)
        super().__init__("store", self._database, clock)
        self._pending: dict[str, StoredPolicy | None] = {}
        self._again: Iterator[StoredPolicy] = iter(())
        """What is in memory and is still to be written again."""
        self._dropped = 0
        self._opening = 0
        self._opened = asyncio.Event()

    @property
    def pending(self) -> int:
        """How many changes wait to be written."""
        return len(self._pending)

    async def open(self) -> None:
        """Begin. Raise StoreError for a file of a newer version, of another program or daemon.

        Anything else that is wrong with the file is reported in the log and tried again later. For
        damage that is not met at once the whole file is read after CHECK_DELAY, at each opening.
        """
        with suppress(UnavailableError):
            await self._call(self._database.open)
        self._begin(check=self._check_behind, look=self._look_behind)

    async def get(self, domain: str) -> StoredPolicy | None:
        """Return what was put last for `domain`, written already or not.

        Raise UnavailableError, reported already, where that cannot be told now.
        """
        if domain in self._pending:
            return self._pending[domain]
        stored = await self._call(partial(self._database.get, domain))
        if stored is None and not self._database.is_open:
            raise UnavailableError("it is not open, and what was read may not be all")
        return stored

    def put(self, stored: StoredPolicy) -> None:
        """Remember `stored`; it is written within WRITE_DELAY, together with its neighbours."""
        self._change(stored.domain, stored)

    def delete(self, domain: str) -> None:
        """Forget `domain`; written like a put."""
        self._change(domain, None)

    async def scan(self) -> AsyncIterator[list[StoredPolicy]]:
        """Yield every policy once, in batches of at most database.PAGE_ROWS.

        What is put meanwhile may be missing. Raise UnavailableError, reported already, where the
        rest cannot be read now.
        """
        async with MetDomains() as met:
            waiting = tuple(self._pending)
            for start in range(0, len(waiting), PAGE_ROWS):
                pending = (self._pending.get(name) for name in waiting[start : start + PAGE_ROWS])
                if batch := [stored for stored in pending if stored and met.add(stored.domain)]:
                    yield batch
            cursor: Cursor | None = None
            while True:
                policies, cursor = await self._call(partial(self._database.page, cursor))
                current = (self._pending.get(stored.domain, stored) for stored in policies)
                # A policy that is written meanwhile moves to the end of the file, and is met again.
                if batch := [stored for stored in current if stored and met.add(stored.domain)]:
                    yield batch
                if cursor is None:
                    break
        if not self._database.is_open:
            raise UnavailableError("it is not open, and what was read may not be all")

    async def check(self) -> None:
        """Read the whole file; where it is damaged, it is set aside like wherever damage is met."""
        cursor: Cursor | None = None
        while self._database.is_open:
            try:
                cursor = await self._call(partial(self._database.check, cursor))
            except UnavailableError:  # reported already
                return
            if cursor is None:
                return

    async def close(self) -> None:
        """Flush and end, within CLOSE_TIMEOUT."""
        closed = await self._end(CLOSE_TIMEOUT)
        if self._pending:
            log.error("store-changes-unwritten", file=self.path, count=len(self._pending))
        if not closed:
            log.warning("store-not-closed", file=self.path, reason=STUCK)

    def put_again(self, policies: Iterable[StoredPolicy]) -> None:
        """Have everything written that is in the process's memory: the answer to WritesLost."""
        self._again = iter(policies)
        self._put_some_again()

    def _change(self, domain: str, change: StoredPolicy | None) -> None:
        self._pending.pop(domain, None)  # so that the order is that of the last change
        self._pending[domain] = change
        if len(self._pending) > MAX_PENDING:
            del self._pending[next(iter(self._pending))]
            self._dropped += 1
            if self._dropped == 1:
                log.error("store-changes-dropping", file=self.path, waiting=MAX_PENDING)
        self._wake.set()

    async def _check_behind(self) -> None:
        await self._opened.wait()
        self._opened.clear()
        await self._clock.sleep(CHECK_DELAY)
        await self.check()

    async def _look_behind(self) -> None:
        await self._clock.sleep(LOOK_INTERVAL)
        if self._database.is_open:  # else it is tried again by the writer
            with suppress(UnavailableError):  # reported already
                await self._call(self._database.look)

    async def _write(self) -> None:
        # One transaction more for what is put meanwhile, and one to look again; what is put all
        # the while waits for the next call, or this one might never end. What is written again
        # comes on top: memory has an end.
        rounds = len(self._pending) // WRITE_ROWS + 3
        while rounds > 0:
            rounds -= not self._put_some_again()
            changes = dict(islice(self._pending.items(), WRITE_ROWS))
            if not (changes or self._trouble or self._database.has_broken_rows):
                self._wake.clear()
                return
            await self._call(partial(self._database.write, changes))
            for domain, change in changes.items():
                if domain in self._pending and self._pending[domain] is change:
                    del self._pending[domain]
            self._note_success()

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await super()._call(work)
        finally:
            self._look_at_database()

    def _look_at_database(self) -> None:
        if self._opening != self._database.opening:
            if self._opening:
                self._events.publish(WritesLost())
            self._opening = self._database.opening
            self._opened.set()
        if self._database.has_broken_rows:
            self._wake.set()

    def _put_some_again(self) -> bool:
        """Have some of it written, where little else waits; tell whether there was any.

        To put all at once would hold the event loop, and drop what is more than MAX_PENDING.
        """
        if len(self._pending) >= WRITE_ROWS:
            return False
        some = list(islice(self._again, WRITE_ROWS))
        for stored in some:
            if stored.domain not in self._pending:
                self._change(stored.domain, stored)
        return bool(some)

    def _tell_unavailable(self, reason: str) -> None:
        log.warning("store-unavailable", file=self.path, reason=reason)

    def _tell_available(self) -> None:
        log.info("store-available", file=self.path)
        self._events.publish(StoreReturned())
        if self._dropped:
            log.warning("store-changes-dropped", file=self.path, count=self._dropped)
            self._dropped = 0
            self._events.publish(WritesLost())
