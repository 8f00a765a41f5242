"""What the caches count is what the memory holds."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from mtasts_resolver.answers.service import LookupService
from mtasts_resolver.base.footprint import footprint
from mtasts_resolver.knowledge.dnssec import DnssecProbe
from mtasts_resolver.knowledge.entry import ABSENT, DaneEntry, FetchFailure, StsEntry, entry_of
from mtasts_resolver.policy import Dane, DaneFinding, StsFinding
from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import TimedReply
from mtasts_resolver.postfix.socketmap import SocketmapCodec
from mtasts_resolver.store import StoredPolicy
from tests.unit.answers.test_service import service_for
from tests.unit.knowledge.world import World, document, fattest_document

NUMBERS = count()
# How far the count may be from what was allocated. What is missing would be an attacker's.
LEAST, MOST = 0.9, 1.6


def new_domain() -> str:
    return f"domain-{next(NUMBERS)}.some.example"


def now() -> float:
    return float(next(NUMBERS))


def absence(_world: World) -> StsEntry:
    return StsEntry(finding=ABSENT, until=now() + 9e9, stale_at=now() + 9e9, asked=now())


def failure(_world: World) -> StsEntry:
    reason = f"TXT: SERVFAIL from 192.0.2.{next(NUMBERS)} and all others " * 20
    finding = StsFinding(None, reason, "dns-failed", known=False)
    return StsEntry(finding=finding, until=now() + 9e9, stale_at=now() + 9e9, asked=now())


def stored(text: str) -> Callable[[World], StsEntry]:
    def policy(world: World) -> StsEntry:
        wall = world.clock.wall() - now() / 1e6
        copy = text.encode().decode()
        entry = entry_of(StoredPolicy(new_domain(), "1", copy, wall, wall), world.clock)
        assert entry is not None
        entry.stale_at = entry.until
        return entry

    return policy


def answer(service: LookupService, domain: str, maps: tuple[str, ...]) -> None:
    for name in maps:
        timed = service.answer(Request(name, domain))
        assert isinstance(timed, TimedReply)
        timed.wire = SocketmapCodec().encode(timed.reply)


@contextmanager
def allocating() -> Iterator[Callable[[], int]]:
    """Return what tells how many bytes were allocated since."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield lambda: tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("maps", [(), ("default",), ("default", "tlsrpt", "")])
@pytest.mark.parametrize(
    ("make", "number"),
    [
        pytest.param(absence, 3_000, id="absences"),
        pytest.param(failure, 1_000, id="failures"),
        pytest.param(stored(document("enforce", "a.example", "*.b.example")), 2_000, id="usual"),
        pytest.param(stored(fattest_document()), 30, id="fattest"),
        # Four bytes for each character in memory.
        pytest.param(stored(fattest_document("ext: \N{GRINNING FACE}\n")), 30, id="wide"),
    ],
)
async def test_what_is_counted_is_what_is_allocated(
    make: Callable[[World], StsEntry], number: int, maps: tuple[str, ...]
) -> None:
    world = World()
    service = service_for(world)
    cache = world.sts.cache
    with allocating() as allocated:
        for _ in range(number):
            entry = make(world)
            domain = entry.stored.domain if entry.stored else new_domain()
            cache.put(domain, entry)
            if entry.stored:
                world.sts.schedule(domain, entry)
            answer(service, domain, maps)
        assert len(cache) == number
        ratio = cache.bytes / allocated()
    assert LEAST <= ratio <= MOST


async def test_what_is_counted_of_dane_is_what_is_allocated() -> None:
    world = World()
    discoverer = world.discoverer()
    keeper = world.dane(discoverer, DnssecProbe(discoverer, "off", world.clock, world.events))
    none = DaneFinding(Dane.NONE, "no MX host has TLSA records")
    with allocating() as allocated:
        for number in range(3_000):
            domain = new_domain()
            finding = none
            if number % 3 == 0:
                finding = DaneFinding(Dane.UNKNOWN, f"MX host mx.{domain}: SERVFAIL from 192.0.2.1")
            entry = DaneEntry(finding=finding, until=now(), stale_at=now(), asked=now())
            keeper.cache.put(domain, entry)
            keeper.schedule(domain, entry)
        ratio = keeper.cache.bytes / allocated()
    assert LEAST <= ratio <= MOST


def test_nothing_counts_twice_and_nothing_that_is_shared() -> None:
    text = "x" * 10_000
    assert footprint((text, text)) < 11_000
    assert footprint((text,), {id(text)}) < 100
    assert footprint(Dane.NONE) == footprint(None) == 0


async def test_the_count_returns_to_nothing() -> None:
    """However an entry was changed, nothing of it remains in the count."""
    world = World()
    service = service_for(world)
    cache = world.sts.cache
    for make in (absence, failure, stored(fattest_document())):
        for _ in range(20):
            entry = make(world)
            domain = entry.stored.domain if entry.stored else new_domain()
            cache.put(domain, entry)
            for _ in range(3):
                answer(service, domain, ("default", "tlsrpt", ""))
                service.reconfigure(world.config)
            entry.failure = FetchFailure("1", 1, 0.0, "code", "reason" * 200)
            cache.weigh(domain, entry)
            cache.put(domain, make(world))
            cache.remove(domain)
            assert entry.size == 0
            assert cache.bytes == 0
