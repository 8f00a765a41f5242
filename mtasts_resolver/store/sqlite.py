"""The store in an SQLite file: the event loop's side, which never waits for the disk."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.store import WRITE_DELAY, StoredPolicy, StoreReturned, WritesLost
from mtasts_resolver.store.database import PAGE_ROWS, Cursor, Database
from mtasts_resolver.store.errors import STUCK, UnavailableError
from mtasts_resolver.store.thread import JobThread, retrieve

WRITE_ROWS = 1000  # changes per transaction: milliseconds, in which look-ups of the store wait
MAX_PENDING = 200_000  # changes that wait for the disk: all that the resolver has in memory
SEEN_SETS = 256  # of a million policies each holds 4,000, and grows in a tenth of a millisecond
RETRY_FIRST = 1.0  # seconds until a failed write is tried again, doubled each time
RETRY_LAST = 60.0  # seconds; what an administrator repairs is in use within a minute
CHECK_DELAY = 10.0  # seconds from the opening: to read all of a file must not slow down the start
# Seconds between two looks at whether the file and its log are still there, while nothing is to be
# written: what another process removes would be gone with the end of this one.
LOOK_INTERVAL = 30.0
CALL_TIMEOUT = 30.0  # seconds for one job of the thread; only a dead disk takes so long
CLOSE_TIMEOUT = 10.0  # seconds: with the rest of a shutdown far below systemd's 90 s

log = logs.get(__name__)

T = TypeVar("T")


class SqliteStore:
    """Keeps the Store protocol in the SQLite file `path`."""

    def __init__(self, path: Path, *, clock: Clock, events: Events | None = None) -> None:
        self.path = path
        self._clock = clock
        self._events = events or Events()  # to which nobody listens
        self._database = Database(path, clock.wall)
        self._thread = JobThread("store")
        self._pending: dict[str, StoredPolicy | None] = {}
        self._again: Iterator[StoredPolicy] = iter(())
        """What is in memory and is still to be written again."""
        self._dropped = 0
        self._opening = 0
        self._failures = 0
        self._trouble: str | None = None
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._opened = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at present, None while all is well."""
        return self._trouble

    @property
    def pending(self) -> int:
        """How many changes wait to be written."""
        return len(self._pending)

    async def open(self) -> None:
        """Begin. Raise StoreError for a file of a newer version, of another program or daemon.

        Anything else that is wrong with the file is reported in the log and tried again later. For
        damage that is not met at once the whole file is read after CHECK_DELAY, at each opening.
        """
        try:
            await self._call(self._database.open)
        except UnavailableError as failure:
            self._note_failure(failure)
        self._tasks = [
            asyncio.create_task(self._keep_running(self._write_behind), name="store writer"),
            asyncio.create_task(self._keep_running(self._check_behind), name="store check"),
            asyncio.create_task(self._keep_running(self._look_behind), name="store look"),
        ]

    async def get(self, domain: str) -> StoredPolicy | None:
        """Return what was put last for `domain`, written already or not.

        Raise UnavailableError, reported already, where that cannot be told now.
        """
        if domain in self._pending:
            return self._pending[domain]
        try:
            stored = await self._call(partial(self._database.get, domain))
        except UnavailableError as failure:
            self._note_failure(failure)
            raise
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
        seen = _Seen()
        waiting = [stored for stored in self._pending.values() if stored and seen.add(stored)]
        for start in range(0, len(waiting), PAGE_ROWS):
            yield waiting[start : start + PAGE_ROWS]
        cursor: Cursor | None = None
        while True:
            try:
                policies, cursor = await self._call(partial(self._database.page, cursor))
            except UnavailableError as failure:
                self._note_failure(failure)
                raise
            current = (self._pending.get(stored.domain, stored) for stored in policies)
            # A policy that is written meanwhile moves to the end of the file, and is met again.
            batch = [stored for stored in current if stored and seen.add(stored)]
            if batch:
                yield batch
            if cursor is None:
                break
        if not self._database.is_open:
            raise UnavailableError("it is not open, and what was read may not be all")

    async def flush(self) -> None:
        """Return when everything that was put is written, or when the writing has failed."""
        await self._write_pending()

    async def check(self) -> None:
        """Read the whole file; where it is damaged, it is set aside like wherever damage is met."""
        cursor: Cursor | None = None
        while self._database.is_open:
            try:
                cursor = await self._call(partial(self._database.check, cursor))
            except UnavailableError as failure:
                self._note_failure(failure)
                return
            if cursor is None:
                return

    async def close(self) -> None:
        """Flush and end, within CLOSE_TIMEOUT."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CLOSE_TIMEOUT
        with suppress(TimeoutError):  # reported below
            async with asyncio.timeout_at(deadline):
                await self._write_pending()
        closing = self._thread.do(self._database.close)  # as soon as the disk answers
        self._thread.close()
        closing.add_done_callback(retrieve)
        await asyncio.wait((closing,), timeout=0 if self._thread.stuck else deadline - loop.time())
        if self._pending:
            log.error("store-changes-unwritten", file=self.path, count=len(self._pending))
        if not closing.done():
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

    async def _keep_running(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - a bug must not end the writing
                log.bug("internal-error", error, during="store")
                self._failures += 1

    async def _write_behind(self) -> None:
        await self._wake.wait()
        await self._clock.sleep(self._delay())
        await self._write_pending()

    async def _check_behind(self) -> None:
        await self._opened.wait()
        self._opened.clear()
        await self._clock.sleep(CHECK_DELAY)
        await self.check()

    async def _look_behind(self) -> None:
        await self._clock.sleep(LOOK_INTERVAL)
        if self._database.is_open:  # else it is tried again by the writer
            try:
                await self._call(self._database.look)
            except UnavailableError as failure:
                self._note_failure(failure)

    def _delay(self) -> float:
        if self._trouble is None and not self._failures:
            return WRITE_DELAY
        doublings = min(max(self._failures - 1, 0), 10)  # 2 ** 10 is above RETRY_LAST by far
        return min(RETRY_LAST, RETRY_FIRST * 2.0**doublings)

    async def _write_pending(self) -> None:
        """Write what is pending now, a transaction at a time, until one fails."""
        async with self._writing:
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
                try:
                    await self._call(partial(self._database.write, changes))
                except UnavailableError as failure:
                    self._failures += 1
                    self._note_failure(failure)
                    return
                for domain, change in changes.items():
                    if domain in self._pending and self._pending[domain] is change:
                        del self._pending[domain]
                self._note_success()

    async def _call(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, done in the thread; UnavailableError after CALL_TIMEOUT."""
        job = await self._thread.finished(work, CALL_TIMEOUT)
        if self._opening != self._database.opening:
            if self._opening:
                self._events.publish(WritesLost())
            self._opening = self._database.opening
            self._opened.set()
        if self._database.has_broken_rows:
            self._wake.set()
        return job.result()

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

    def _note_failure(self, failure: UnavailableError) -> None:
        """Report a failure once for each reason, and have the file tried again."""
        self._wake.set()
        if self._trouble != str(failure):
            self._trouble = str(failure)
            log.warning("store-unavailable", file=self.path, reason=failure)

    def _note_success(self) -> None:
        self._failures = 0
        if self._trouble is None:
            return
        self._trouble = None
        log.info("store-available", file=self.path)
        self._events.publish(StoreReturned())
        if self._dropped:
            log.warning("store-changes-dropped", file=self.path, count=self._dropped)
            self._dropped = 0
            self._events.publish(WritesLost())


class _Seen:
    """Which policies a scan has met: many small sets, for one that grows holds the event loop."""

    def __init__(self) -> None:
        self._sets: list[set[str]] = [set() for _ in range(SEEN_SETS)]

    def add(self, stored: StoredPolicy) -> bool:
        """Tell whether `stored` is met for the first time."""
        domains = self._sets[hash(stored.domain) % SEEN_SETS]
        if stored.domain in domains:
            return False
        domains.add(stored.domain)
        return True
