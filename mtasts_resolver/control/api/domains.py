"""Seeing what is known of domains."""

from collections.abc import AsyncIterator

from msgspec import Struct

from mtasts_resolver.answers.words import override_decision
from mtasts_resolver.control.api.batches import batches
from mtasts_resolver.control.api.endpoint import Call, Endpoint, RefusedError
from mtasts_resolver.control.api.hops import hop_of
from mtasts_resolver.control.values.domains import (
    DomainDetails,
    DomainFilter,
    DomainPage,
    DomainQuery,
    DomainSummary,
)
from mtasts_resolver.control.views.cursor import CursorError
from mtasts_resolver.control.views.domain import view_domain
from mtasts_resolver.control.views.domains import find_domains, list_domains, summary_of
from mtasts_resolver.store.errors import UnavailableError


class OneDomain(Struct, frozen=True, kw_only=True):
    """Which domain is meant."""

    domain: str
    ask_hosts: bool = False
    """Have the MX hosts looked at afresh, for DANE."""


async def _list(call: Call) -> DomainPage:
    try:
        return await list_domains(call.sources, call.params)
    except CursorError as error:
        raise RefusedError(400, str(error), "begin again without `after`") from None


async def _stream(call: Call) -> AsyncIterator[list[DomainSummary]]:
    found = find_domains(call.sources, call.params)
    async for batch in batches(summary_of(call.sources, known) async for known in found):
        yield batch


async def _show(call: Call) -> DomainDetails:
    hop = hop_of(call.params.domain)
    try:
        details = await view_domain(call.sources, hop, ask_hosts=call.params.ask_hosts)
    except UnavailableError as error:
        raise RefusedError(503, f"the store cannot be read: {error}") from None
    if details is None:
        override = call.sources.overrides.find(hop)
        besides = "" if override is None else f"; {override_decision(override)}"
        raise RefusedError(
            404,
            f"nothing is known of {hop.domain}{besides}",
            "`mtasts-resolver explain` looks, and `mtasts-resolver warm` has it kept",
        )
    return details


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/domains",
        "list_domains",
        "Domains with what is known of them in a line each, a page at a time.",
        _list,
        DomainPage,
        DomainQuery,
    ),
    Endpoint(
        "GET",
        "/v1/domains/stream",
        "stream_domains",
        "The same of all domains that are meant, in no order.",
        _stream,
        DomainSummary,
        DomainFilter,
        stream=True,
    ),
    Endpoint(
        "GET",
        "/v1/domains/{domain}",
        "show_domain",
        "All that is known of one domain.",
        _show,
        DomainDetails,
        OneDomain,
    ),
)
