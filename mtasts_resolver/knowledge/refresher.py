"""Keeping cached policies current (RFC 8461 §3.3, §10.2)."""

import asyncio
import random
from typing import Protocol

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.config import Config
from mtasts_resolver.knowledge.entry import Entry
from mtasts_resolver.knowledge.lifetimes import (
    CATCH_UP,
    EXPIRED_GRACE,
    policy_lifetime,
    refresh_delay,
)
from mtasts_resolver.knowledge.schedule import Schedule
from mtasts_resolver.store import Store, StoredPolicy
from mtasts_resolver.store.errors import UnavailableError

log = logs.get(__name__)

# Characters of documents that are read in one turn of the event loop at the start: a millisecond.
READ_PER_TURN = 32_768
LOAD_RETRY_DELAY = 60.0  # seconds; what an administrator repairs is in use within a minute
# Seconds between two looks at whether the wall clock was set; that is mostly soon after the start.
CLOCK_LOOK_FIRST = 60.0
CLOCK_LOOK = 3_600.0
# The least difference that counts: NTP sets what is less by slowing or hastening the clock.
CLOCK_SET = 60.0
NAMED = 10  # domains that are named where there are many: enough to look into


class Refreshable(Protocol):
    """What the refresher asks of the resolver."""

    async def refresh(self, domain: str) -> Entry | None:
        """Fetch the policy again; return its entry, or None where none is left."""

    def preload(self, stored: StoredPolicy) -> Entry | None:
        """Take a stored policy into memory; return its entry, or None where it has expired."""

    def preloaded(self) -> None:
        """Take note that the store holds no others."""

    def drop_expired(self, stored: StoredPolicy) -> None:
        """Drop a policy from the store that has been over for EXPIRED_GRACE."""


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
            group.create_task(self._mind_store(), name="policy loader")
            group.create_task(super().run(), name="policy schedule")

    async def renew(self, domain: str) -> Entry | None:
        return await self._resolver.refresh(domain)

    def due(self, entry: Entry) -> float:
        now = self._clock.monotonic()
        return next_refresh(entry, now, self._config.refresh.interval, self._rng)

    async def _mind_store(self) -> None:
        """Load it, and again when the wall clock was set; at times drop what is long over."""
        started = dropped = self._clock.monotonic()
        offset = self._clock_offset()
        await self._load()
        while True:
            now = self._clock.monotonic()
            await self._clock.sleep(CLOCK_LOOK_FIRST if now - started < CLOCK_LOOK else CLOCK_LOOK)
            now, step = self._clock.monotonic(), self._clock_offset() - offset
            if abs(step) >= CLOCK_SET:
                log.warning("clock-set", seconds=step)
                offset += step
                await self._load()
            elif now - dropped >= EXPIRED_GRACE:
                dropped = now
                await self._drop_expired()

    def _clock_offset(self) -> float:
        return self._clock.wall() - self._clock.monotonic()

    async def _load(self) -> None:
        """Schedule what the store holds, and take it into memory; try until all could be read."""
        while True:
            expired: list[str] = []
            try:
                async for batch in self._store.scan():
                    read = 0
                    for stored in batch:
                        read += len(stored.document)
                        if read > READ_PER_TURN:
                            await asyncio.sleep(0)
                            read = 0
                        entry = self._resolver.preload(stored)
                        if entry is None:
                            expired.append(stored.domain)
                        elif stored.domain not in self:
                            self.schedule(stored.domain, entry)
            except UnavailableError:  # the store has said so
                await self._clock.sleep(LOAD_RETRY_DELAY)
            else:
                self._resolver.preloaded()
                log.info("policies-loaded", policies=len(self))
                self._report_expired(expired)
                return

    def _report_expired(self, domains: list[str]) -> None:
        if domains:
            log.warning(
                "policies-not-loaded",
                policies=len(domains),
                domains=domains[:NAMED],
                reason="they expired while the daemon was not running, or the clock is wrong",
                action=f"check the clock: they are kept for {EXPIRED_GRACE / 86_400:g} days",
            )

    async def _drop_expired(self) -> None:
        try:
            async for batch in self._store.scan():
                for stored in batch:
                    self._resolver.drop_expired(stored)
        except UnavailableError:  # the store has said so; the next time will do
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
