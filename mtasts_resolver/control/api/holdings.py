"""What is held: dropped, brought from elsewhere, and taken along."""

from collections.abc import AsyncIterator, Iterable

from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.base.quoting import quote
from mtasts_resolver.control.api.batches import BATCH, batches
from mtasts_resolver.control.api.endpoint import Call, Endpoint, RefusedError
from mtasts_resolver.control.api.hops import hops_of
from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.domains import DomainFilter
from mtasts_resolver.control.values.policies import (
    AnswersQuery,
    ExportedPolicy,
    Imported,
    KeyAnswer,
)
from mtasts_resolver.control.values.steering import Purged, PurgeRequest
from mtasts_resolver.control.views.domains import find_domains
from mtasts_resolver.control.views.policies import exported, find_replies
from mtasts_resolver.knowledge.steering import Steering
from mtasts_resolver.policy import (
    MAX_DOMAIN_LENGTH,
    DocumentError,
    NextHop,
    is_policy_id,
    parse_next_hop,
)
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.errors import UnavailableError

# Changes that are put before all are written; store/sqlite.py and store/history.py drop what waits
# beyond their bounds.
FLUSH_EVERY = 1_000


# -- dropped -------------------------------------------------------------------------------------


async def _purge(call: Call) -> AsyncIterator[list[Purged]]:
    sources, wanted = call.sources, call.body
    if bool(wanted.domains) is wanted.all:
        raise RefusedError(422, "name `domains`, or say `all`")
    if wanted.all and not sources.sts.policies.is_loaded:  # what is purged would be read again
        raise RefusedError(503, "what is stored is still being read", "try again in a moment")
    steering = Steering(sources.sts, sources.dane, sources.events, call.peer.name)
    named = dict.fromkeys(hop.domain for hop in await hops_of(wanted.domains))
    domains = None if wanted.all else named
    put = 0
    batch: list[Purged] = []
    async for domain in _to_purge(sources, domains):
        batch.append(await _purge_one(sources, steering, domain))
        put += 1
        if len(batch) == BATCH:
            yield batch
            batch = []
        if put % FLUSH_EVERY == 0:
            await _write(sources)
    async for domain, hop in bites(steering.next_hops()):
        if domains is None or domain in domains:
            await sources.dane.purge(hop)
    yield batch
    await _write(sources)


async def _write(sources: Sources) -> None:
    """Have written what was put, as far as the disk answers: what waits for it is bounded."""
    await sources.store.flush()
    await sources.history.flush()


async def _purge_one(sources: Sources, steering: Steering, domain: str) -> Purged:
    known = sources.sts.policies.get(domain) is not None
    policy = await steering.purge(domain)
    return Purged(
        domain=domain,
        known=known or policy is not None,
        lost=None if policy is None else policy.mode.value,
    )


async def _to_purge(sources: Sources, domains: Iterable[str] | None) -> AsyncIterator[str]:
    """Yield the domains that are meant, all where None are named. Raise RefusedError."""
    if domains is not None:
        async for domain in bites(domains):
            yield domain
        return
    async for domain, _ in bites(sources.sts.cache.entries()):
        yield domain
    try:
        async for batch in sources.sts.policies.stored_in_batches():
            for stored in batch:
                yield stored.domain
    except UnavailableError as error:
        raise RefusedError(503, f"the store cannot be read: {error}", "try again") from None


# -- brought from elsewhere ----------------------------------------------------------------------


async def _import(call: Call) -> AsyncIterator[list[Imported]]:
    sources = call.sources
    steering = Steering(sources.sts, sources.dane, sources.events, call.peer.name)
    outcomes: list[Imported] = []
    async for policy in call.body:
        outcomes.append(await _import_one(steering, policy))
        if len(outcomes) % FLUSH_EVERY == 0:
            await _write(sources)
    await _write(sources)
    yield outcomes


async def _import_one(steering: Steering, policy: ExportedPolicy) -> Imported:
    hop = parse_next_hop(policy.domain)
    if hop is None or hop != NextHop(hop.domain):
        return _invalid(policy, "it is no mail domain")
    if not is_policy_id(policy.id):
        return _invalid(policy, "its id is not 1 to 32 letters and digits")
    fetched = policy.fetched.timestamp()
    used = fetched if policy.used is None else policy.used.timestamp()
    stored = StoredPolicy(hop.domain, policy.id, policy.document, fetched, used)
    try:
        taken = await steering.take_in(stored)
    except DocumentError as error:
        return _invalid(policy, f"it is no policy: {error}")
    except OverloadedError as error:
        return Imported(domain=policy.domain, outcome="refused", reason=str(error))
    return Imported(domain=hop.domain, outcome=taken.value)


def _invalid(policy: ExportedPolicy, reason: str) -> Imported:
    return Imported(domain=policy.domain[:MAX_DOMAIN_LENGTH], outcome="invalid", reason=reason)


# -- taken along ---------------------------------------------------------------------------------


async def _export(call: Call) -> AsyncIterator[list[ExportedPolicy]]:
    found = find_domains(call.sources, call.params)
    policies = (policy async for known in found if (policy := exported(call.sources, known)))
    async for batch in batches(policies):
        yield batch


async def _answers(call: Call) -> AsyncIterator[list[KeyAnswer]]:
    maps = call.sources.in_force.config.all_maps()
    if call.params.map.lower() not in maps:
        known = f"there are {', '.join(maps)}"
        raise RefusedError(422, f"there is no map {quote(call.params.map)}", known)
    async for batch in batches(find_replies(call.sources, call.params)):
        yield batch


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/purge",
        "purge",
        "Forget domains, in memory and in the store.",
        _purge,
        Purged,
        body=PurgeRequest,
        stream=True,
    ),
    Endpoint(
        "POST",
        "/v1/import",
        "import_policies",
        "Take in policies that were fetched elsewhere, or earlier; each is checked.",
        _import,
        Imported,
        body=ExportedPolicy,
        lines=True,
        stream=True,
    ),
    Endpoint(
        "GET",
        "/v1/export",
        "export_policies",
        "Policies, with all that is needed to hold them elsewhere.",
        _export,
        ExportedPolicy,
        DomainFilter,
        stream=True,
    ),
    Endpoint(
        "GET",
        "/v1/answers",
        "list_answers",
        "What Postfix gets in a map, for each key of which something is known.",
        _answers,
        KeyAnswer,
        AnswersQuery,
        stream=True,
    ),
)
