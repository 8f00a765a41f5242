"""What the administrator has decided for some destinations."""

from starlette.requests import Request
from starlette.responses import Response

from mtasts_resolver.control.views.overrides import view_overrides
from mtasts_resolver.control.web.page import Pages


async def overrides_page(pages: Pages, request: Request) -> Response:
    found = await view_overrides(pages.sources)
    return await pages.page(request, "overrides", here="overrides", found=found)
