"""The state at a glance: what wants attention first, then the last day, then the figures."""

from starlette.requests import Request
from starlette.responses import Response

from mtasts_resolver.control.values.domains import DomainQuery
from mtasts_resolver.control.values.owndomains import by_severity
from mtasts_resolver.control.values.verdict import worries
from mtasts_resolver.control.views.domains import list_domains
from mtasts_resolver.control.views.status import view_status
from mtasts_resolver.control.web.days import draw_days
from mtasts_resolver.control.web.page import Pages

FAILING = 5  # policies that expire first; all of them are a link away
OWN = 10  # own domains with which most is wrong; all of them are a link away
LOGGED = 8  # lines of the log


async def overview(pages: Pages, request: Request) -> Response:
    sources = pages.sources
    found = await view_status(sources)
    failing = DomainQuery(failing=True, sort="expires", limit=FAILING)
    return await pages.page(
        request,
        "overview",
        here="",
        found=found,
        own_domains=by_severity(found.own_domains)[:OWN],
        worries=worries(found),
        failing=await list_domains(sources, failing),
        days=await draw_days(sources.day),
        logged=found.recent[:LOGGED],
    )
