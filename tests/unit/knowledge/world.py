"""A small world for what is known: a clock that the test turns, and domains that it publishes.

The seams are the clock, `DnsClient.query`, `PolicyFetcher.fetch_policy` and the store; the real
ones are proved against real servers, files and clocks elsewhere.
"""

import asyncio
import heapq
import itertools
import random
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import dns.rdata
import pytest
from dns.rdatatype import RdataType

from mtasts_resolver.answers.overrides import Overrides
from mtasts_resolver.answers.service import LookupService
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.events import Events
from mtasts_resolver.config import Config
from mtasts_resolver.discovery.dns.answer import DnsAnswer, DnsStatus
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import (
    DiscoveryError,
    DnsError,
    DnsServerError,
    FetchError,
    StatusError,
)
from mtasts_resolver.discovery.policyhost.fetch import PolicyFetcher
from mtasts_resolver.discovery.trace import Trace
from mtasts_resolver.knowledge.dane import DaneKnowledge
from mtasts_resolver.knowledge.dnssec import DnssecProbe
from mtasts_resolver.knowledge.entry import StsEntry
from mtasts_resolver.knowledge.journal import Journal
from mtasts_resolver.knowledge.learning import Means
from mtasts_resolver.knowledge.sts import StsKnowledge
from mtasts_resolver.policy import Policy, parse_document
from mtasts_resolver.policy.document import MAX_DOCUMENT_BYTES, MAX_MX_PATTERNS
from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import Reply, TimedReply
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.overridefile import OverrideFile
from mtasts_resolver.worker.direct import DirectDiscoverer
from mtasts_resolver.worker.discoverer import Discoverer

TTL = 300.0
DAY = 86_400.0
HOUR = 3_600.0
GOOD = "good.example"
START = 1_800_000_000.0  # wall time at which every world begins


class FakeClock:
    """Monotonic and wall time, both turned by the test, and sleepers that it wakes."""

    def __init__(self) -> None:
        self.now = 5_000.0
        self.offset = START - self.now
        self.naps = 0
        """How often somebody began to sleep."""
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + self.offset

    async def sleep(self, seconds: float) -> None:
        self.naps += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, waking each sleeper at its time, and let all work settle."""
        end = self.now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            when, _, future = heapq.heappop(self._sleepers)
            if future.done():  # its sleeper was cancelled
                continue
            self.now = max(self.now, when)
            future.set_result(None)
            await settle()
        self.now = end
        await settle()


async def settle() -> None:
    """Let every task run until all of them wait for the clock or for the test."""
    for _ in range(40):
        await asyncio.sleep(0)


def document(mode: str = "enforce", *mx: str, max_age: int = 7 * 86_400) -> str:
    hosts = mx or (() if mode == "none" else ("mx.good.example",))
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in hosts)]
    return "\n".join([*lines, f"max_age: {max_age}", ""])


def fattest_document(head: str = "") -> str:
    """Return as large a document as is allowed, with as many mx patterns as are."""
    hosts = [f"{number:0>63}.{'x' * 63}.{'y' * 63}.example" for number in range(MAX_MX_PATTERNS)]
    text = head + document("enforce", *hosts)
    field = f"extension: {'v' * 60}\n"
    return text + field * ((MAX_DOCUMENT_BYTES - len(text.encode())) // len(field))


class FakeInternet(DnsClient):
    """What domains publish, and what was asked."""

    def __init__(self) -> None:
        self.records: dict[str, list[bytes]] = {}
        self.documents: dict[str, str | FetchError | DnsError] = {}
        self.dns_down = False
        self.dns_outage = True
        self.web_down = False
        self.queries: list[str] = []
        self.fetches: list[str] = []
        self.gate: asyncio.Event | None = None
        """While it is set to an event that is not, DNS answers wait."""

    def publish(
        self, domain: str, policy: str | FetchError | DnsError, policy_id: str = "1"
    ) -> None:
        self.records[domain] = [f"v=STSv1; id={policy_id};".encode()]
        self.documents[domain] = policy

    async def query(self, name: str, rdtype: Any) -> DnsAnswer:
        domain = name.removeprefix("_mta-sts.")
        self.queries.append(domain)
        if self.gate is not None:
            await self.gate.wait()
        if self.dns_down:
            failure = DnsServerError(f"TXT {name}: SERVFAIL from 192.0.2.53")
            failure.outage = self.dns_outage
            raise failure
        texts = self.records.get(domain)
        status = DnsStatus.NXDOMAIN if texts is None else DnsStatus.FOUND
        quoted = ['"' + text.decode().replace('"', '\\"') + '"' for text in texts or ()]
        records = tuple(dns.rdata.from_text("IN", "TXT", text) for text in quoted)
        return DnsAnswer(name, RdataType.TXT, status, TTL, name, records)


class FakeFetcher(PolicyFetcher):
    """Fetches what the internet of the test serves."""

    def __init__(self, internet: FakeInternet) -> None:
        self.internet = internet

    async def fetch_policy(self, domain: str, trace: Trace | None = None) -> Policy:
        self.internet.fetches.append(domain)
        served = self.internet.documents.get(domain, StatusError("status 404"))
        if self.internet.web_down:
            served = StatusError("status 503")
        if isinstance(served, DiscoveryError):
            raise served
        return parse_document(served.encode())


class MemoryStore:
    """Keeps the Store protocol in a dict."""

    def __init__(self) -> None:
        self.rows: dict[str, StoredPolicy] = {}
        self.reads: list[str] = []
        self.unreadable = False
        """While it is set, nothing can be got, and a scan ends after its first batch."""

    async def open(self) -> None:
        """Nothing to open."""

    async def get(self, domain: str) -> StoredPolicy | None:
        self.reads.append(domain)
        if self.unreadable:
            raise UnavailableError("the disk does not answer")
        return self.rows.get(domain)

    def put(self, stored: StoredPolicy) -> None:
        self.rows[stored.domain] = stored

    def delete(self, domain: str) -> None:
        self.rows.pop(domain, None)

    def put_again(self, policies: Iterable[StoredPolicy]) -> None:
        self.rows.update((stored.domain, stored) for stored in policies)

    async def scan(self) -> AsyncIterator[list[StoredPolicy]]:
        rows = list(self.rows.values())
        yield rows[:1]
        if self.unreadable:
            raise UnavailableError("the disk does not answer")
        yield rows[1:]

    async def flush(self) -> None:
        """Nothing waits."""

    async def close(self) -> None:
        """Nothing to close."""


class World:
    """What is known of policies, and everything around it."""

    def __init__(self, config: Config | None = None, store: MemoryStore | None = None) -> None:
        self.config = config or Config()
        self.clock = FakeClock()
        self.internet = FakeInternet()
        self.store = store or MemoryStore()
        self.counters = Counters()
        self.rng = random.Random(8461)  # noqa: S311  the same jitter in every run
        self.restart()

    def restart(self) -> None:
        """Lose the memory, keep the store."""
        self.events = Events()
        self.journal = Journal(self.events, self.clock)
        self.means = Means(self.clock, self.rng, self.config, self.counters, self.events)
        self.sts = StsKnowledge(self.discoverer(), self.store, self.means)
        nowhere = OverrideFile(Path("/nonexistent/policies.sqlite"))
        self.overrides = Overrides(nowhere, self.config, self.clock, self.events)

    def discoverer(self, validating: DnsClient | None = None) -> DirectDiscoverer:
        """Return who asks the internet, and of DANE those that are trusted."""
        fetcher = FakeFetcher(self.internet)
        return DirectDiscoverer(self.internet, fetcher, validating or self.internet, None)

    def dane(self, discoverer: Discoverer, dnssec: DnssecProbe) -> DaneKnowledge:
        return DaneKnowledge(discoverer, dnssec, self.means)

    async def mode(self, domain: str) -> str | None:
        """Look `domain` up as Postfix would; return the policy's mode, None without a policy."""
        entry = self.sts.lookup(domain)
        finding = await self.sts.resolve(domain) if entry is None else entry.finding
        await settle()
        return None if finding.policy is None else finding.policy.mode


async def ask(service: LookupService, key: str, map_name: str = "default") -> Reply:
    """Return the reply to a look-up, whichever way it comes, and count it as the server does."""
    answer = service.answer(Request(map_name, key))
    if isinstance(answer, TimedReply):
        answer.tally.count += 1
        return answer.reply
    return await answer


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.msg for record in caplog.records]


def fields(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    return [record.__dict__["fields"] for record in caplog.records if record.msg == event]


def held(world: World, domain: str = GOOD) -> StsEntry:
    entry = world.sts.cache.get(domain)
    assert entry is not None
    return entry
