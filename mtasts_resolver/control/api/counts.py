"""How often discoveries ended how, and which answers were given, day by day."""

from collections.abc import AsyncIterator
from datetime import datetime

from msgspec import Struct

from mtasts_resolver.base.timestamps import LATEST
from mtasts_resolver.control.api.batches import batches
from mtasts_resolver.control.api.endpoint import Call, Endpoint
from mtasts_resolver.control.api.moments import wall
from mtasts_resolver.control.values.counts import DailyCount
from mtasts_resolver.control.views.counts import view_counts

_EVER = LATEST * 366 * 86_400.0


class CountsParams(Struct, frozen=True, kw_only=True):
    """Of which time."""

    since: datetime | None = None
    """Only what was counted in hours that began then or later: RFC 3339."""
    until: datetime | None = None
    """Only what was counted in hours that began before then: RFC 3339."""


async def _stream(call: Call) -> AsyncIterator[list[DailyCount]]:
    since = 0.0 if call.params.since is None else wall(call.params.since)
    until = _EVER if call.params.until is None else wall(call.params.until)
    async for batch in batches(view_counts(call.sources, since, until)):
        yield batch


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/counts",
        "streamCounts",
        "How often discoveries ended how, and which answers were given, day by day, for a year.",
        _stream,
        DailyCount,
        params=CountsParams,
        stream=True,
    ),
)
