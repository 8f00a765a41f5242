"""Keeping cached policies current: when is which domain due, again (RFC 8461 §3.3, §10.2)."""

import asyncio
import heapq
import random
from typing import Protocol

from mtasts_resolver import logs
from mtasts_resolver.cache import Entry
from mtasts_resolver.clock import Clock
from mtasts_resolver.config import Config
from mtasts_resolver.lifetimes import CATCH_UP, MIN_RETRY, policy_lifetime, refresh_delay
from mtasts_resolver.resolver import OverloadedError
from mtasts_resolver.store import Store, StoredPolicy

log = logs.get(__name__)

# The loop looks at its schedule at least this often, whatever it believes.
MAX_SLEEP = 3_600.0
# The heap keeps outdated entries until their time comes; beyond this many per domain it is rebuilt.
MAX_OUTDATED_PER_DOMAIN = 4


class Refreshable(Protocol):
    """What the refresher asks of the resolver."""

    async def refresh(self, domain: str) -> Entry | None:
        """Fetch the policy again; return its entry, or None where none is left."""

    def preload(self, stored: StoredPolicy) -> Entry | None:
        """Take a stored policy into memory; return its entry, or None where it has expired."""


class Refresher:
    """Refreshes each policy about daily, evenly spread, at most `refresh.concurrency` at once."""

    def __init__(
        self,
        resolver: Refreshable,
        store: Store,
        *,
        clock: Clock,
        rng: random.Random,
        config: Config,
    ) -> None:
        self._resolver = resolver
        self._store = store
        self._clock = clock
        self._rng = rng
        self._config = config
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        """Return how many domains are scheduled."""
        return len(self._due)

    def reconfigure(self, config: Config) -> None:
        """Take new settings; a new interval holds from each domain's next refresh on."""
        self._config = config
        self._wake.set()

    def schedule(self, domain: str, entry: Entry) -> None:
        """Note when the policy of `domain` is due to be fetched again, or to be dropped."""
        now = self._clock.monotonic()
        self._schedule_at(
            domain, next_refresh(entry, now, self._config.refresh.interval, self._rng)
        )

    async def run(self) -> None:
        """Work for ever; ends by cancellation."""
        try:
            await self._rebuild()
            while True:
                self._start_due()
                await self._wait()
        finally:
            for task in self._running:
                task.cancel()

    # -- the schedule ------------------------------------------------------------------------

    async def _rebuild(self) -> None:
        """Schedule what the store holds, and take it into memory."""
        async for batch in self._store.scan():
            for stored in batch:
                entry = self._resolver.preload(stored)
                if entry is not None and stored.domain not in self._due:
                    self.schedule(stored.domain, entry)
        log.info("policies-loaded", policies=len(self._due))

    def _schedule_at(self, domain: str, due: float) -> None:
        self._due[domain] = due
        heapq.heappush(self._heap, (due, domain))
        if len(self._heap) > MAX_OUTDATED_PER_DOMAIN * len(self._due):
            self._heap = [(due, domain) for domain, due in self._due.items()]
            heapq.heapify(self._heap)
        if self._heap[0] == (due, domain):
            self._wake.set()

    def _start_due(self) -> None:
        now = self._clock.monotonic()
        while self._heap and len(self._running) < self._config.refresh.concurrency:
            due, domain = self._heap[0]
            if due > now:
                return
            heapq.heappop(self._heap)
            if self._due.get(domain) == due:
                task = asyncio.create_task(self._refresh(domain), name=f"refresh {domain}")
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _wait(self) -> None:
        """Wait until a domain is due, a refresh has ended, or the schedule has a new head."""
        self._wake.clear()
        waiting: set[asyncio.Future[None] | asyncio.Task[None]] = set(self._running)
        helpers = []
        if len(self._running) < self._config.refresh.concurrency:
            delay = MAX_SLEEP
            if self._heap:
                delay = min(MAX_SLEEP, max(0.0, self._heap[0][0] - self._clock.monotonic()))
            helpers.append(asyncio.ensure_future(self._clock.sleep(delay)))
            helpers.append(asyncio.ensure_future(self._woken()))
        try:
            await asyncio.wait(waiting.union(helpers), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for helper in helpers:
                helper.cancel()

    async def _woken(self) -> None:
        await self._wake.wait()

    # -- one domain --------------------------------------------------------------------------

    async def _refresh(self, domain: str) -> None:
        try:
            entry = await self._resolver.refresh(domain)
        except OverloadedError:
            self._schedule_at(domain, self._clock.monotonic() + MIN_RETRY)
        except Exception as error:  # noqa: BLE001  a bug here must not end the refreshing of others
            log.bug("internal-error", error, domain=domain, during="refresh")
            self._schedule_at(domain, self._clock.monotonic() + MIN_RETRY)
        else:
            if entry is None:
                self._due.pop(domain, None)
            else:
                self.schedule(domain, entry)


def next_refresh(entry: Entry, now: float, interval: float, rng: random.Random) -> float:
    """Return the monotonic time at which the policy of `entry` is due: before it expires.

    What is overdue is spread over the next hour, or over half of what is left where that is less.
    """
    policy = entry.finding.policy
    max_age = 0 if policy is None else policy.max_age
    remaining = max(0.0, entry.until - now)
    if entry.failure is not None:
        delay = entry.failure.retry_at - now
    else:
        age = policy_lifetime(max_age) - remaining
        delay = refresh_delay(max_age, interval, rng) - age
    if delay <= 0:
        delay = rng.uniform(0.0, min(CATCH_UP, remaining / 2))
    return now + min(delay, remaining)
