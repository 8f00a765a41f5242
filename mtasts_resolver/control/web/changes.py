"""What has changed, of all domains or of one."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.history import HistoryPage
from mtasts_resolver.control.views.history import view_history
from mtasts_resolver.control.web.page import Pages
from mtasts_resolver.policy import parse_next_hop
from mtasts_resolver.store.changetable import Wanted
from mtasts_resolver.store.errors import UnavailableError

PAGE_CHANGES = 50  # a few screens; a change with its difference has a dozen lines
MAX_NUMBER = 2**63 - 1  # of a change: what SQLite can hold


async def change_list(pages: Pages, request: Request) -> Response:
    params = request.query_params
    hop = parse_next_hop(params.get("domain", ""))
    domain = None if hop is None else hop.domain
    weakened = params.get("weakened") == "true"
    below = _number(params.get("below", ""))
    wanted = Wanted(domain, weakened=weakened, below=below)
    found, unavailable = await find_changes(pages.sources, wanted, PAGE_CHANGES)
    rest = wanted._replace(below=found.next)
    more = found.next is not None and (await find_changes(pages.sources, rest, 1))[0].changes
    return await pages.page(
        request,
        "changes",
        here="changes",
        of=domain,
        weakened=weakened,
        continued=below is not None,
        found=found,
        unavailable=unavailable,
        earlier=_address(domain, weakened=weakened, below=found.next) if more else None,
        everything=_address(domain),
        only_weakened=_address(domain, weakened=True),
    )


async def find_changes(
    sources: Sources, wanted: Wanted, limit: int
) -> tuple[HistoryPage, str | None]:
    """Return what was found; and why not, where the history cannot be read."""
    try:
        return await view_history(sources, wanted, limit), None
    except UnavailableError as error:
        return HistoryPage(changes=(), next=None), str(error)


def _number(text: str) -> int | None:
    """Return the number of a change; None for what is none."""
    digits = text.isascii() and text.isdigit() and len(text) < len(str(MAX_NUMBER))
    return int(text) if digits else None


def _address(domain: str | None, *, weakened: bool = False, below: int | None = None) -> str:
    params = {
        "domain": domain,
        "weakened": "true" if weakened else None,
        "below": below,
    }
    said = {name: value for name, value in params.items() if value is not None}
    return f"changes?{urlencode(said)}" if said else "changes"
