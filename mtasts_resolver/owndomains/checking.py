"""Checking each domain when it is due, and remembering how it stands.

This is imported when there are domains of one's own.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial

from msgspec import Struct

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.lateimport import work_beside
from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.config import OwnDomainConfig
from mtasts_resolver.discovery.errors import DiscoveryError
from mtasts_resolver.findings import Finding
from mtasts_resolver.knowledge.pacing import Pacing
from mtasts_resolver.knowledge.schedule import PAUSE, Schedule
from mtasts_resolver.owndomains.events import OwnDomainChecked, OwnDomainNotChecked
from mtasts_resolver.owndomains.facts import is_seen
from mtasts_resolver.owndomains.lastcheck import LastCheck
from mtasts_resolver.owndomains.news import News, next_check
from mtasts_resolver.published.judge import SeenBefore
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.worker.discoverer import SetUpDiscoverer

log = logs.get(__name__)

# One after the other: a check opens a dozen connections, and nobody waits for it.
CONCURRENCY = 1
# Seconds until the first check behind a start, when mail that waits comes first, and between those
# that are due at once: who shares MX hosts does not ask them all in a minute.
START_DELAY = 30.0
SPREAD = 10.0
# Part of the interval by which a check may come sooner or later than it: those that began together
# drift apart.
JITTER = 0.1
# Seconds until what a check has found newly wrong, or mended, is looked at again before it is told:
# what passes by itself has passed by then, and RFC 8461 §3.3 allows no sooner.
CONFIRM = 300.0
CUT_OFF = "nothing of it could be seen: this host, or its resolver, is cut off from the Internet"

Judge = Callable[[Observed, SeenBefore | None], tuple[Finding, ...]]
Beside = Callable[[Callable[[], tuple[LastCheck, News]]], Awaitable[tuple[LastCheck, News]]]


class NotOwnError(LookupError):
    """The domain is not one of `own_domains`."""


class OwnStanding(Struct, eq=False):
    """How a domain of one's own stands while the daemon runs."""

    options: OwnDomainConfig
    last: LastCheck | None = None
    trouble: str = ""
    """Why it could not be checked since."""
    due: float = 0.0
    """By the monotonic clock."""


class OwnChecks(Schedule[OwnStanding]):
    """Checks each domain again and again; each once at a time, and one at a time."""

    def __init__(
        self,
        looker: SetUpDiscoverer,
        judge: Judge,
        events: Events,
        clock: Clock,
        randomness: random.Random | None = None,
        *,
        beside: Beside = work_beside,
    ) -> None:
        super().__init__(clock)
        self._beside = beside
        self._looker = looker
        self._judge = judge
        self._events = events
        self._random = randomness or random.SystemRandom()
        self._standings: dict[str, OwnStanding] = {}
        self._checks: dict[str, asyncio.Task[None]] = {}
        self._place = asyncio.Semaphore(CONCURRENCY)
        self._pacing = Pacing()

    # -- what there is to see --------------------------------------------------------------------

    def __iter__(self) -> Iterator[OwnStanding]:
        """Yield how each domain stands, as the configuration names them."""
        return iter(self._standings.values())

    def of(self, domain: str) -> OwnStanding:
        """Return how a domain stands. Raise NotOwnError."""
        try:
            return self._standings[domain]
        except KeyError:
            raise NotOwnError(domain) from None

    def is_checked(self, domain: str) -> bool:
        """Tell whether a domain is being checked, or waits for its turn."""
        return domain in self._checks

    # -- what is checked, and when ---------------------------------------------------------------

    def take(self, own_domains: Iterable[OwnDomainConfig], kept: Mapping[str, LastCheck]) -> None:
        """Check these domains from now on, and no others; of new ones `kept` has the last checks.

        What is due already is checked soon, one after the other.
        """
        before, self._standings = self._standings, {}
        delay = START_DELAY
        for options in own_domains:
            domain = options.domain
            standing = before.pop(domain, None)
            if standing is None:
                standing = OwnStanding(options, kept.get(domain))
            elif standing.options == options:
                self._standings[domain] = standing
                continue
            standing.options = options
            self._standings[domain] = standing
            left = self._left(standing)
            if left <= delay:
                left = delay
                delay += self._random.uniform(0.0, 2 * SPREAD)
            self._set_due(standing, left)
        for domain in before:
            self.unschedule(domain)

    def _left(self, standing: OwnStanding) -> float:
        """Return the seconds until a domain is due by when it was checked last.

        Where the clock has been set meanwhile that may be any number.
        """
        if standing.last is None:
            return 0.0
        since = self._clock.wall() - standing.last.checked.timestamp()
        wait = CONFIRM if standing.last.unsettled else self._interval(standing)
        return min(wait, wait - since) if since >= 0 else 0.0

    def _interval(self, standing: OwnStanding) -> float:
        return standing.options.interval * self._random.uniform(1 - JITTER, 1 + JITTER)

    def _set_due(self, standing: OwnStanding, left: float) -> None:
        standing.due = self._clock.monotonic() + left
        self.schedule(standing.options.domain, standing)

    def due(self, entry: OwnStanding) -> float:
        return entry.due

    @property
    def concurrency(self) -> int:
        return CONCURRENCY

    # -- checks ----------------------------------------------------------------------------------

    async def renew(self, domain: str) -> OwnStanding | None:
        """Check a domain that is due. Raise OverloadedError."""
        await self._checked(domain)
        return self._standings.get(domain)

    async def check_now(self, domain: str) -> OwnStanding:
        """Check a domain, or wait for the check that goes on, and return how it stands.

        Raise NotOwnError, TooSoonError, or OverloadedError where it could not be checked.
        """
        self.of(domain)
        if domain not in self._checks:
            self._pacing.begin(domain, self._clock.monotonic())
        await self._checked(domain)
        return self.of(domain)

    async def _checked(self, domain: str) -> None:
        """Return when a check of the domain has ended, which goes on though nobody waits for it."""
        task = self._checks.get(domain)
        if task is None:
            task = asyncio.create_task(self._check(domain), name=f"check {domain}")
            self._checks[domain] = task
            task.add_done_callback(lambda done: self._ended_check(domain, done))
        await asyncio.shield(task)

    def _ended_check(self, domain: str, task: asyncio.Task[None]) -> None:
        del self._checks[domain]
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, OverloadedError):
            log.bug("internal-error", error, domain=domain, during="check")

    async def _check(self, domain: str) -> None:
        async with self._place:
            standing = self._standings.get(domain)
            if standing is None:
                return
            try:
                observed = await self._seen(standing.options)
            except (OverloadedError, DiscoveryError) as error:
                self._not_checked(standing, str(error))
                raise OverloadedError(str(error)) from None
            await self._judged(standing, observed)

    async def _seen(self, options: OwnDomainConfig) -> Observed:
        """Return what is seen of a domain. Raise OverloadedError or DiscoveryError."""
        observed = await self._looker.published(options.domain, smtp=options.smtp)
        if not is_seen(observed):
            raise OverloadedError(CUT_OFF)
        return observed

    def _not_checked(self, standing: OwnStanding, reason: str) -> None:
        if standing.trouble != reason:
            standing.trouble = reason
            self._events.publish(OwnDomainNotChecked(standing.options.domain, reason))
        self._set_due(standing, PAUSE)

    async def _judged(self, standing: OwnStanding, observed: Observed) -> None:
        """Judge what was seen, and tell; beside, for to read long documents takes milliseconds."""
        last = standing.last
        standing.last, news = await self._beside(partial(self._next_check, observed, last))
        standing.trouble = ""
        if self._standings.get(standing.options.domain) is standing:
            wait = CONFIRM if standing.last.unsettled else self._interval(standing)
            self._set_due(standing, wait)
            self._events.publish(OwnDomainChecked(standing.last, news, first=last is None))

    def _next_check(self, observed: Observed, last: LastCheck | None) -> tuple[LastCheck, News]:
        findings = self._judge(observed, None if last is None else last.before)
        return next_check(observed, findings, last)

    async def close(self) -> None:
        """End the checks that go on."""
        tasks = list(self._checks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
