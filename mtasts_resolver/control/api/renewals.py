"""Having policies fetched: again, or before mail comes."""

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from functools import partial
from typing import NamedTuple

from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.control.api.endpoint import Call, Endpoint, RefusedError
from mtasts_resolver.control.api.hops import hops_of
from mtasts_resolver.control.api.many import for_each
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.domains import DaneName
from mtasts_resolver.control.values.steering import (
    PolicyState,
    Refreshed,
    RefreshOutcome,
    RefreshRequest,
    Warmed,
    WarmOutcome,
    WarmRequest,
)
from mtasts_resolver.control.views.domains import dane_in_memory
from mtasts_resolver.control.views.times import timestamp, wall_of
from mtasts_resolver.knowledge.entry import StsEntry
from mtasts_resolver.knowledge.pacing import TooSoonError
from mtasts_resolver.policy import Dane, DaneFinding, NextHop, StsFinding, parse_next_hop

# -- again ---------------------------------------------------------------------------------------


class _Held(NamedTuple):
    """What is known of a next hop at a time."""

    entry: StsEntry | None
    policy: PolicyState | None
    dane: DaneName | None


async def _refresh(call: Call) -> AsyncIterator[list[Refreshed]]:
    sources, wanted = call.sources, call.body
    if [bool(wanted.domains), wanted.all, wanted.failing].count(True) != 1:
        raise RefusedError(422, "name `domains`, or say `all` or `failing`")
    hops, total = await _wanted(sources, wanted)
    work = partial(_refresh_one, sources, total)
    at_once = sources.in_force.config.refresh.concurrency
    async with aclosing(for_each(hops, work, at_once=at_once)) as batches:
        async for batch in batches:
            yield batch


async def _wanted(sources: Sources, wanted: RefreshRequest) -> tuple[Iterable[NextHop], int]:
    """Return what is to be looked at, and how much that is. Raise RefusedError."""
    sts = sources.sts
    if wanted.all:
        return map(NextHop, sts.domains()), len(sts)
    if wanted.failing:
        return map(NextHop, sts.failing.domains()), len(sts.failing)
    hops = await hops_of(wanted.domains)
    return hops, len(hops)


async def _refresh_one(sources: Sources, total: int, hop: NextHop) -> Refreshed:
    try:
        before = await _held(sources, hop)
        await sources.sts.refetch(hop.domain)
        await _refresh_dane(sources, hop)
        after = await _held(sources, hop)
    except (OverloadedError, TooSoonError) as error:
        return Refreshed(domain=str(hop), outcome="refused", reason=str(error), total=total)
    return _outcome(before, after, str(hop), total)


async def _refresh_dane(sources: Sources, hop: NextHop) -> None:
    """Look DANE up again where it is known, that is, where mail goes."""
    if sources.dnssec.validates and sources.dane.cache.get(str(hop)) is not None:
        await sources.dane.refetch(str(hop))


async def _held(sources: Sources, hop: NextHop) -> _Held:
    """Return what is known now. Raise OverloadedError."""
    clock, domain = sources.clock, hop.domain
    entry = await sources.sts.kept(domain) or sources.sts.policies.get(domain)
    dane = dane_in_memory(sources, str(hop))
    name: DaneName | None = None if dane is None else dane.status.value
    if entry is None or entry.stored is None or entry.finding.policy is None:
        return _Held(entry, None, name)
    if clock.monotonic() >= entry.until:
        return _Held(entry, None, name)
    policy, stored = entry.finding.policy, entry.stored
    state = PolicyState(
        mode=policy.mode.value,
        id=stored.policy_id,
        mx=policy.mx,
        max_age=policy.max_age,
        fetched=timestamp(stored.fetched_at),
        expires=timestamp(wall_of(entry.until, clock)),
        document=stored.document,
    )
    return _Held(entry, state, name)


def _outcome(before: _Held, after: _Held, key: str, total: int) -> Refreshed:
    """Say what has become of what was known."""
    old, new = before.policy, after.policy
    failure = None if after.entry is None else after.entry.failure
    code = None if failure is None else failure.code
    reason = None if failure is None else failure.reason
    outcome: RefreshOutcome
    if failure is not None:
        outcome = "failed"
    elif new is None:
        outcome = "absent" if old is None else "gone"
        if after.entry is not None:
            finding = after.entry.finding
            code, reason = finding.code, finding.reason
            outcome = outcome if finding.code == "no-record" else "failed"
    elif old is None:
        outcome = "found"
    else:
        same = (old.id, old.document) == (new.id, new.document)
        outcome = "unchanged" if same else "changed"
    return Refreshed(
        domain=key,
        outcome=outcome,
        before=old,
        after=new,
        dane_before=before.dane,
        dane_after=after.dane,
        code=code,
        reason=reason,
        total=total,
    )


# -- ahead of mail -------------------------------------------------------------------------------


async def _warm(call: Call) -> AsyncIterator[list[Warmed]]:
    sources = call.sources
    config = sources.in_force.config
    with_dane = any(options.dane for options in config.all_maps().values())
    work = partial(_warm_one, sources, with_dane=with_dane)
    at_once = config.refresh.concurrency
    async with aclosing(for_each(call.body.keys, work, at_once=at_once)) as batches:
        async for batch in batches:
            yield batch


async def _warm_one(sources: Sources, key: str, *, with_dane: bool) -> Warmed:
    hop = parse_next_hop(key)
    if hop is None:
        return Warmed(key=key, outcome="refused", reason="no policy can apply to it")
    sts, dane = sources.sts, sources.dane
    known = sts.lookup(hop.domain)
    held = dane.lookup(str(hop)) if with_dane else None
    try:
        finding = await sts.resolve(hop.domain) if known is None else known.finding
        if with_dane:
            hosts = await dane.resolve(str(hop)) if held is None else held.finding
        else:
            hosts = None
    except OverloadedError as error:
        return Warmed(key=key, outcome="refused", reason=str(error))
    already = known is not None and (held is not None or not with_dane)
    return _warmed(key, finding, hosts, already=already)


def _warmed(key: str, finding: StsFinding, dane: DaneFinding | None, *, already: bool) -> Warmed:
    policy = finding.policy
    protected = policy is not None or (
        dane is not None and dane.status in (Dane.REQUIRED, Dane.PARTIAL)
    )
    outcome: WarmOutcome
    if already:
        outcome = "known"
    elif protected:
        outcome = "found"
    else:
        outcome = "absent" if finding.code == "no-record" else "failed"
    return Warmed(
        key=key,
        outcome=outcome,
        mode=None if policy is None else policy.mode.value,
        dane=None if dane is None else dane.status.value,
        code=finding.code or None,
        reason=finding.reason or None,
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/refresh",
        "refresh",
        "Fetch policies again now, even if their id is unchanged or a failure is to wait.",
        _refresh,
        Refreshed,
        body=RefreshRequest,
        stream=True,
    ),
    Endpoint(
        "POST",
        "/v1/warm",
        "warm",
        "Find out what is not known yet, as a look-up would.",
        _warm,
        Warmed,
        body=WarmRequest,
        stream=True,
    ),
)
