"""What has changed, and what was at a time."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from mtasts_resolver.control.api.batches import batches
from mtasts_resolver.control.api.endpoint import Call, Endpoint, RefusedError
from mtasts_resolver.control.api.moments import wall
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.history import BriefChange, HistoryPage, PastState
from mtasts_resolver.control.views.brief import view_brief_changes
from mtasts_resolver.control.views.history import view_history
from mtasts_resolver.control.views.past import view_past
from mtasts_resolver.policy import NextHop, parse_next_hop
from mtasts_resolver.store.changetable import PAGE_ROWS, Wanted
from mtasts_resolver.store.errors import UnavailableError

Limit = Annotated[int, Meta(ge=1, le=PAGE_ROWS)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # what SQLite can hold


class LatestParams(Struct, frozen=True, kw_only=True):
    """Which changes of all domains."""

    since: datetime | None = None
    """Only those from this time on: RFC 3339."""
    weakened: bool = False
    """Only those that weaken protection."""
    limit: Limit = PAGE_ROWS
    """At most so many; where they are long there are fewer, and `next` tells of more."""
    below: Number | None = None
    """Only those with lower numbers: the `next` of the page before."""


class HistoryParams(LatestParams, frozen=True, kw_only=True):
    """Which changes of a domain."""

    domain: str


class PastParams(Struct, frozen=True, kw_only=True):
    """When."""

    domain: str
    time: datetime
    """RFC 3339."""


async def _latest(call: Call) -> HistoryPage:
    return await _page(call.sources, call.params, None)


async def _history(call: Call) -> HistoryPage:
    return await _page(call.sources, call.params, _hop(call.params.domain).domain)


async def _stream(call: Call) -> AsyncIterator[list[BriefChange]]:
    async for batch in batches(view_brief_changes(call.sources)):
        yield batch


async def _past(call: Call) -> PastState:
    time = wall(call.params.time)
    if time > call.sources.clock.wall():
        raise RefusedError(400, "that time is still to come")
    try:
        return await view_past(call.sources, _hop(call.params.domain), time)
    except UnavailableError as error:
        raise _unavailable(error) from None


async def _page(sources: Sources, params: LatestParams, domain: str | None) -> HistoryPage:
    since = None if params.since is None else wall(params.since)
    wanted = Wanted(domain, since, weakened=params.weakened, below=params.below)
    try:
        return await view_history(sources, wanted, params.limit)
    except UnavailableError as error:
        raise _unavailable(error) from None


def _unavailable(error: UnavailableError) -> RefusedError:
    return RefusedError(503, "the history cannot be read", str(error))


def _hop(domain: str) -> NextHop:
    hop = parse_next_hop(domain)
    if hop is None:
        raise RefusedError(400, f"{domain[:100]!a} is no domain, nor a next hop")
    return hop


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/history",
        "latestChanges",
        "What has changed, of all domains, the latest first.",
        _latest,
        HistoryPage,
        params=LatestParams,
    ),
    Endpoint(
        "GET",
        "/v1/history/stream",
        "streamChanges",
        "All changes that are kept, of all domains, the latest first, each in a few words.",
        _stream,
        BriefChange,
        stream=True,
    ),
    Endpoint(
        "GET",
        "/v1/history/{domain}",
        "history",
        "What has changed of a domain, the latest first.",
        _history,
        HistoryPage,
        params=HistoryParams,
    ),
    Endpoint(
        "GET",
        "/v1/history/{domain}/at",
        "past",
        "What was known of a domain at a time, and what Postfix got.",
        _past,
        PastState,
        params=PastParams,
    ),
)
