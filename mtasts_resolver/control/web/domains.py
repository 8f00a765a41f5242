"""The list of domains, and the whole story of one."""

from datetime import UTC, datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.domains import DomainDetails
from mtasts_resolver.control.values.history import PastState
from mtasts_resolver.control.views.cursor import CursorError
from mtasts_resolver.control.views.domain import view_domain
from mtasts_resolver.control.views.domains import list_domains
from mtasts_resolver.control.views.overrides import view_override
from mtasts_resolver.control.views.past import view_past
from mtasts_resolver.control.web.changes import find_changes
from mtasts_resolver.control.web.listing import MENUS, Listing
from mtasts_resolver.control.web.page import Pages
from mtasts_resolver.control.web.readable import excerpt
from mtasts_resolver.policy import NextHop, parse_next_hop
from mtasts_resolver.store.changetable import Wanted
from mtasts_resolver.store.errors import UnavailableError

STORY_CHANGES = 10  # of one domain; a link leads to all of them
ASKED_AT_ONCE = 4  # domains for whose hosts DNS is asked: discoveries for mail come first
MAX_HOSTS = 20  # more MX hosts than a domain has for a reason


async def domain_list(pages: Pages, request: Request) -> Response:
    listing = Listing(request.query_params)
    headings, found, problem = None, None, None
    try:
        query = listing.query()
        headings = listing.headings(query)
        found = await list_domains(pages.sources, query)
    except (msgspec.ValidationError, CursorError) as error:
        problem = f"That cannot be shown: {error}."
    return await pages.page(
        request,
        "domains",
        status=200 if problem is None else 400,
        here="domains",
        listing=listing,
        menus=MENUS,
        headings=headings,
        found=found,
        problem=problem,
    )


async def domain_story(pages: Pages, request: Request) -> Response:
    """Say what is known of a domain, what it was, and what Postfix gets and got."""
    sources, name = pages.sources, request.path_params["hop"]
    hop = parse_next_hop(name)
    if hop is None:
        reason = f"{name} is no domain that a policy could be for."
        return await pages.problem(request, 404, "No domain", reason)
    try:
        found = await view_domain(sources, hop)
    except UnavailableError as error:
        reason = f"The store cannot be read: {error}."
        return await pages.problem(request, 503, "Not now", reason, "Try again.")
    kept, unavailable = await find_changes(sources, Wanted(hop.domain), STORY_CHANGES)
    override = view_override(sources, hop)
    if found is None and override is None and not kept.changes and not unavailable:
        return await pages.problem(
            request,
            404,
            "Nothing is known",
            f"No look-up has asked for {hop} lately.",
            f"To find out what it publishes: mtasts-resolver explain {hop}",
        )
    at = request.query_params.get("at", "")
    past, problem = await _past(sources, hop, at)
    return await pages.page(
        request,
        "domain",
        status=200 if problem is None else 400,
        here="domains",
        hop=str(hop),
        domain=hop.domain,
        found=found,
        override=override,
        document=excerpt(_lines(found)),
        changes=kept.changes,
        unavailable=unavailable,
        at=at if problem is None else "",
        past=past,
        problem=problem,
    )


async def domain_hosts(pages: Pages, request: Request) -> Response:
    """Ask DNS for each MX host of a domain that is known, and say what was found."""
    hop = parse_next_hop(request.path_params["hop"])
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        reason = "A page of another site has asked for this, and DNS was not asked."
        return await pages.problem(request, 403, "Not asked", reason, "Go on by a link of ours.")
    try:
        found = hop and await view_domain(pages.sources, hop, ask_hosts=True)
    except UnavailableError as error:
        reason = f"The store cannot be read: {error}."
        return await pages.problem(request, 503, "Not now", reason, "Try again.")
    if not found:
        reason = "MX hosts are asked for of domains alone of which something is known."
        return await pages.problem(request, 404, "Nothing is known", reason)
    return await pages.page(
        request, "hosts", here="domains", hop=str(hop), dane=found.dane, most=MAX_HOSTS
    )


def _lines(found: DomainDetails | None) -> list[str]:
    document = "" if found is None else found.document or ""
    return [line.removesuffix("\r") for line in document.rstrip().split("\n")]


async def _past(sources: Sources, hop: NextHop, at: str) -> tuple[PastState | None, str | None]:
    """Return what was at a time that a form says, in UTC; or what is wrong with that time."""
    if not at:
        return None, None
    try:
        time = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None, "That is no time: it is written as 2026-11-26T03:12."
    if time > sources.clock.wall():
        return None, "That time is still to come."
    try:
        return await view_past(sources, hop, time), None
    except UnavailableError as error:
        return None, f"The history cannot be read: {error}."
