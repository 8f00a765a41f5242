"""Memory stays bounded with any number of domains, hosts and messages: what is kept is counted."""

from collections.abc import Iterator

from msgspec import Struct

from mtasts_resolver.evidence.accounts import Account
from mtasts_resolver.evidence.accounts.directions import MAX_DAYS, MAX_SESSION_KINDS
from mtasts_resolver.evidence.accounts.enforcement import MAX_UNVERIFIED
from mtasts_resolver.evidence.accounts.heldmail import MAX_LEFT
from mtasts_resolver.evidence.deliveries import MessageGone
from mtasts_resolver.evidence.told import Told
from mtasts_resolver.maillog.events import Cause
from tests.unit.evidence.accounts.facts import (
    BERLIN,
    DAY,
    NOON,
    SECURE,
    deferred,
    received,
    sent,
    session,
)


class Everywhere:
    """Every domain must be verified."""

    def told(self, domain: str, time: float | None) -> Told:
        return SECURE


def kept(value: object, seen: set[int]) -> int:
    """Return how many things a value holds on to; those that are shared count once."""
    if id(value) in seen or isinstance(value, str | int | float | type(None) | type):
        return 0
    seen.add(id(value))
    return 1 + sum(kept(part, seen) for part in parts_of(value))


def parts_of(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif not isinstance(value, Struct):
        for kind in type(value).__mro__:
            for name in getattr(kind, "__slots__", ()):
                yield getattr(value, name, None)
        yield from getattr(value, "__dict__", {}).values()


# So many rows has each table, and of so many things each fact is a new one.
TABLES, NEW = 500, 10_000


def test_each_of_many_domains_hosts_and_messages_is_new() -> None:
    account = Account(Everywhere(), BERLIN, tables=TABLES)
    full, later = fed(account, 0, NEW), fed(account, NEW, 2 * NEW)
    assert later <= full * 1.02
    bounds = MAX_UNVERIFIED + 2 * MAX_SESSION_KINDS + MAX_DAYS + 4 * MAX_LEFT
    assert full < 30 * TABLES + bounds
    assert account.outbound().deliveries == account.inbound().deliveries == 2 * NEW
    rows = account.unencrypted()
    assert sum(row.deliveries for row in rows) == 2 * NEW
    assert {row.domain for row in rows if row.deliveries > 1} == {"(others)"}


def fed(account: Account, begin: int, end: int) -> int:
    """Feed facts, and return how much is kept of them."""
    for number in range(begin, end):
        at, name = NOON + number * DAY / 2, f"d{number}.example"
        level = ("none", "verified")[number % 2]
        tls = session(level, cipher=f"C{number}") if number % 2 else None
        account.add(sent(name, level, at=at, tls=tls, queue_id=name))
        account.add(received(name, level, at=at))
        if number % 10 == 0:
            account.add(deferred(name, Cause.EXPIRED, at=at, queue_id=f"H{name}", reason=name))
            account.add(MessageGone(time=at, host="out", queue_id=f"H{name}", expired=False))
    return kept(account, set())
