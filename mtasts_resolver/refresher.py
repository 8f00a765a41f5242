"""Keeping cached policies current (RFC 8461 §3.3, §10.2)."""

import asyncio
import random
from typing import Protocol

from mtasts_resolver import logs
from mtasts_resolver.clock import Clock
from mtasts_resolver.config import Config
from mtasts_resolver.entry import Entry
from mtasts_resolver.lifetimes import CATCH_UP, policy_lifetime, refresh_delay
from mtasts_resolver.schedule import Schedule
from mtasts_resolver.store import Store, StoredPolicy
from mtasts_resolver.store.errors import UnavailableError

log = logs.get(__name__)

LOAD_RETRY_DELAY = 60.0  # seconds; what an administrator repairs is in use within a minute


class Refreshable(Protocol):
    """What the refresher asks of the resolver."""

    async def refresh(self, domain: str) -> Entry | None:
        """Fetch the policy again; return its entry, or None where none is left."""

    def preload(self, stored: StoredPolicy) -> Entry | None:
        """Take a stored policy into memory; return its entry, or None where it has expired."""

    def preloaded(self) -> None:
        """Take note that the store holds no others."""


class PolicyRefresher(Schedule[Entry]):
    """Fetches each policy about daily, evenly spread, at most `refresh.concurrency` at once."""

    def __init__(
        self,
        resolver: Refreshable,
        store: Store,
        *,
        clock: Clock,
        rng: random.Random,
        config: Config,
    ) -> None:
        super().__init__(clock)
        self._resolver = resolver
        self._store = store
        self._rng = rng
        self._config = config

    def reconfigure(self, config: Config) -> None:
        """Take new settings; a new interval holds from each domain's next refresh on."""
        self._config = config
        self._wake.set()

    @property
    def concurrency(self) -> int:
        return self._config.refresh.concurrency

    async def run(self) -> None:
        """Rebuild the schedule from the store, and work for ever; ends by cancellation."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._load(), name="policy loader")
            group.create_task(super().run(), name="policy schedule")

    async def renew(self, domain: str) -> Entry | None:
        return await self._resolver.refresh(domain)

    def due(self, entry: Entry) -> float:
        now = self._clock.monotonic()
        return next_refresh(entry, now, self._config.refresh.interval, self._rng)

    async def _load(self) -> None:
        """Schedule what the store holds, and take it into memory; try until all could be read."""
        while True:
            try:
                async for batch in self._store.scan():
                    for stored in batch:
                        entry = self._resolver.preload(stored)
                        if entry is not None and stored.domain not in self:
                            self.schedule(stored.domain, entry)
            except UnavailableError:  # the store has said so
                await self._clock.sleep(LOAD_RETRY_DELAY)
            else:
                self._resolver.preloaded()
                log.info("policies-loaded", policies=len(self))
                return


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
