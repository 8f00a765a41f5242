"""The state at a glance: what wants attention first, then the last day, then the figures."""

from starlette.requests import Request
from starlette.responses import Response

from mtasts_resolver.control.values.verdict import worries
from mtasts_resolver.control.views.status import view_status
from mtasts_resolver.control.web.days import draw_days
from mtasts_resolver.control.web.page import Pages

LOGGED = 8  # lines of the log; `status --json` has more


async def overview(pages: Pages, request: Request) -> Response:
    sources = pages.sources
    found = await view_status(sources)
    return await pages.page(
        request,
        "overview",
        here="",
        found=found,
        worries=worries(found),
        days=await draw_days(sources.day),
        logged=found.recent[:LOGGED],
    )
