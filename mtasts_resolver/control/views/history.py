"""What has changed, the latest first."""

from itertools import islice

from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.history import HistoryEntry, HistoryPage, WeakenedDomain
from mtasts_resolver.control.views.difference import difference
from mtasts_resolver.control.views.times import timestamp
from mtasts_resolver.store.changes import RecordedChange
from mtasts_resolver.store.changetable import Wanted


async def view_history(sources: Sources, wanted: Wanted, limit: int) -> HistoryPage:
    """Return at most `limit` changes, and no more than a page. Raise UnavailableError."""
    page = await sources.history.find(wanted)
    entries = [_entry(recorded) async for recorded in bites(page[:limit])]
    return HistoryPage(changes=tuple(entries), next=entries[-1].number if entries else None)


async def changes_of(sources: Sources, domain: str) -> list[RecordedChange]:
    """Return all changes of a domain, the first one first. Raise UnavailableError.

    They are bounded in number and in bytes.
    """
    found: list[RecordedChange] = []
    async for page in sources.history.pages(Wanted(domain=domain)):
        found += page
    return found[::-1]


def view_weakened(sources: Sources, limit: int) -> tuple[WeakenedDomain, ...]:
    """Return the domains that are marked as weakened, the latest first, at most `limit`."""
    return tuple(
        WeakenedDomain(
            domain=domain, weakened=tuple(sorted(marks)), since=timestamp(max(marks.values()))
        )
        for domain, marks in islice(sources.weakened.latest(), limit)
    )


def _entry(recorded: RecordedChange) -> HistoryEntry:
    change = recorded.change
    return HistoryEntry(
        number=recorded.number,
        time=timestamp(change.time),
        domain=change.domain,
        subject=change.subject,
        event=change.event,
        hop=change.hop,
        map=change.map,
        was=change.was,
        now=change.now,
        was_id=change.was_id,
        now_id=change.now_id,
        difference=difference(change.was, change.now),
        weakened=change.weakened,
        reason=change.reason,
        by=change.by,
        given=change.given,
        seen=None if recorded.seen is None else timestamp(recorded.seen),
    )
