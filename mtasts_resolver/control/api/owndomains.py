"""Domains of one's own: how they stand, and checking them now."""

from msgspec import Struct

from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.control.api.endpoint import Call, Endpoint, RefusedError
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.owndomains import OwnDomainDetails, OwnDomainList
from mtasts_resolver.control.views.owndomains import view_own_domain, view_own_domains
from mtasts_resolver.knowledge.pacing import TooSoonError
from mtasts_resolver.owndomains.checking import NotOwnError
from mtasts_resolver.owndomains.work import OwnDomainWork
from mtasts_resolver.policy import parse_next_hop


class OwnDomainPath(Struct, frozen=True, kw_only=True):
    """Which domain."""

    domain: str


async def _list(call: Call) -> OwnDomainList:
    await _begun(call.sources)
    return view_own_domains(call.sources)


async def _show(call: Call) -> OwnDomainDetails:
    await _begun(call.sources)
    return _details(call.sources, _domain(call))


async def _check(call: Call) -> OwnDomainDetails:
    domain, work = _domain(call), await _begun(call.sources)
    if work is None:
        raise _not_own(domain)
    try:
        await work.checks.check_now(domain)
    except NotOwnError:
        raise _not_own(domain) from None
    except TooSoonError as error:
        raise RefusedError(409, f"{domain} cannot be checked now: {error}") from None
    except OverloadedError as error:
        action = "what was found before stands"
        raise RefusedError(503, f"{domain} cannot be checked now: {error}", action) from None
    return _details(call.sources, domain)


async def _begun(sources: Sources) -> OwnDomainWork | None:
    """Return whoever checks own domains; None where there are none. Raise RefusedError."""
    try:
        return await sources.own_domains.begun()
    except TimeoutError:
        reason = "the last checks of own domains are not read yet"
        raise RefusedError(503, reason, "try again; the log says what the disk does") from None


def _details(sources: Sources, domain: str) -> OwnDomainDetails:
    try:
        return view_own_domain(sources, domain)
    except NotOwnError:
        raise _not_own(domain) from None


def _domain(call: Call) -> str:
    """Return the domain in the form that the configuration has."""
    hop = parse_next_hop(call.params.domain)
    return call.params.domain[:100] if hop is None else hop.domain


def _not_own(domain: str) -> RefusedError:
    return RefusedError(
        404, f"{domain!a} is not one of own_domains", "add it to the configuration, and reload"
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/own-domains",
        "ownDomains",
        "How each domain of `own_domains` stands.",
        _list,
        OwnDomainList,
    ),
    Endpoint(
        "GET",
        "/v1/own-domains/{domain}",
        "ownDomain",
        "The last check of one of `own_domains`, whole.",
        _show,
        OwnDomainDetails,
        params=OwnDomainPath,
    ),
    Endpoint(
        "POST",
        "/v1/own-domains/{domain}/check",
        "ownDomainCheck",
        "Check one of `own_domains` now, and wait for it; a minute or two where hosts do not"
        " answer. Where it is being checked already, that is waited for.",
        _check,
        OwnDomainDetails,
        params=OwnDomainPath,
    ),
)
