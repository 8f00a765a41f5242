"""What was counted, day by day."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.counts import DailyCount
from mtasts_resolver.store.hourcounts import DaySum

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_DAY = 375_000  # of the year 2996: a damaged file may have any number


async def view_counts(sources: Sources, since: float, until: float) -> AsyncIterator[DailyCount]:
    """Yield what was counted in the hours that began at `since` or later and before `until`.

    All is in it that was counted until now. Raise UnavailableError.
    """
    sources.lasting.note()
    async for counted in bites(await sources.history.counted(since, until)):
        yield daily(counted)


def daily(counted: DaySum) -> DailyCount:
    """Return what a row of the table says."""
    day = _EPOCH + timedelta(days=min(max(counted.day, 0), _LAST_DAY))
    return DailyCount(
        day=f"{day:%Y-%m-%d}",
        subject=counted.subject,
        name=counted.name,
        outcome=counted.outcome,
        count=counted.number,
        since=timestamp(counted.first),
        until=timestamp(counted.last),
    )
