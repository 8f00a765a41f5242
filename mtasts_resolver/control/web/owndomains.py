"""The domains of `own_domains`, and one of them: its last check, and what has changed of it."""

from starlette.requests import Request
from starlette.responses import Response

from mtasts_resolver.control.values.owndomains import by_severity
from mtasts_resolver.control.views.owndomains import (
    certificate_rows,
    view_own_domain,
    view_own_domains,
)
from mtasts_resolver.control.web.changes import find_changes
from mtasts_resolver.control.web.page import Pages
from mtasts_resolver.findings import Severity
from mtasts_resolver.owndomains.checking import NotOwnError
from mtasts_resolver.policy import parse_next_hop
from mtasts_resolver.store.changetable import Wanted

STORY_FINDINGS = 60  # a screen has a dozen; `check --from-daemon` has them all
OWN_CHANGES = 10  # a link leads to all of them


async def own_domain_list(pages: Pages, request: Request) -> Response:
    found = view_own_domains(pages.sources).domains
    return await pages.page(request, "owndomains", here=None, own_domains=by_severity(found))


async def own_domain_page(pages: Pages, request: Request) -> Response:
    sources, name = pages.sources, request.path_params["domain"]
    hop = parse_next_hop(name)
    try:
        found = view_own_domain(sources, name if hop is None else hop.domain)
    except NotOwnError:
        reason = f"{name} is not one of own_domains in the configuration."
        return await pages.problem(request, 404, "No own domain", reason)
    kept, unavailable = await find_changes(sources, Wanted(found.domain), OWN_CHANGES)
    wrong = [finding for finding in found.findings if finding.severity is not Severity.OK]
    return await pages.page(
        request,
        "owndomain",
        here=None,
        found=found,
        wrong=wrong[:STORY_FINDINGS],
        left_out=max(0, len(wrong) - STORY_FINDINGS),
        certificates=certificate_rows(sources, found),
        changes=kept.changes,
        unavailable=unavailable,
    )
