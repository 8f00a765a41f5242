"""The state at a glance: what wants attention first, then the last day, then the figures."""

from starlette.requests import Request
from starlette.responses import Response

from mtasts_resolver.control.values.domains import DomainQuery
from mtasts_resolver.control.values.verdict import worries
from mtasts_resolver.control.views.domains import list_domains
from mtasts_resolver.control.views.status import view_status
from mtasts_resolver.control.web.changes import find_changes
from mtasts_resolver.control.web.days import draw_days
from mtasts_resolver.control.web.page import Pages
from mtasts_resolver.store.changetable import Wanted

FAILING = 5  # policies, and as many of the rest: what has more is a link away
WEAKENED = 5
LOGGED = 8
WEEK = 7 * 86_400.0  # seconds: a weekend and a holiday must not hide a weakened policy


async def overview(pages: Pages, request: Request) -> Response:
    sources = pages.sources
    found = await view_status(sources)
    failing = DomainQuery(failing=True, sort="expires", limit=FAILING)
    lately = Wanted(since=sources.clock.wall() - WEEK, weakened=True)
    weakened, unavailable = await find_changes(sources, lately, WEAKENED)
    return await pages.page(
        request,
        "overview",
        here="",
        found=found,
        worries=worries(found),
        failing=await list_domains(sources, failing),
        weakened=weakened.changes,
        unavailable=unavailable,
        days=await draw_days(sources.day),
        logged=found.recent[:LOGGED],
    )
