"""All that is known of one domain."""

import asyncio

from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.domains import DaneHost, DaneState, DomainDetails
from mtasts_resolver.control.views.answers import view_answers
from mtasts_resolver.control.views.domains import Known, dane_in_memory, summary_of
from mtasts_resolver.control.views.overrides import view_override
from mtasts_resolver.control.views.times import timestamp, wall_of
from mtasts_resolver.policy import Dane, DaneFinding, NextHop


async def view_domain(
    sources: Sources, hop: NextHop, *, ask_hosts: bool = False
) -> DomainDetails | None:
    """Return all that is known of a next hop and its policy domain; None where that is nothing.

    Asked for, the MX hosts are looked at afresh, for what was found of each is not kept. Raise
    UnavailableError.
    """
    domain, sts = hop.domain, sources.sts
    entry, in_memory = sts.policies.get(domain), True
    if entry is None or entry.stored is None:
        kept = await sts.policies.kept(domain)
        entry, in_memory = (entry, True) if kept is None else (kept, False)
    if entry is None:
        return None
    now, clock = sources.clock.monotonic(), sources.clock
    state, finding = await _dane(sources, hop, ask_hosts=ask_hosts)
    sts_finding = entry.finding if now < entry.until else None
    policy, stored = entry.finding.policy, entry.stored
    config = sources.in_force.config
    answers = await view_answers(sources, hop, sts_finding, finding)
    await asyncio.sleep(0)  # to read a document of 64 KiB takes a millisecond: a turn of its own
    return DomainDetails(
        summary=summary_of(sources, Known(domain, entry, in_memory)),
        now=timestamp(clock.wall()),
        next_hop=str(hop),
        mx=() if policy is None else policy.mx,
        left_out=() if policy is None else policy.left_out,
        document=None if stored is None else stored.document,
        id_checked=timestamp(wall_of(entry.stale_at, clock)) if in_memory else None,
        preloaded=domain in config.preload,
        dane=state,
        override=view_override(sources, hop),
        answers=answers,
    )


def _hosts(finding: DaneFinding) -> tuple[DaneHost, ...]:
    return tuple(
        DaneHost(name=host.name, found=host.outcome.value, detail=host.detail)
        for host in finding.hosts
    )


async def _asked(sources: Sources, hop: str) -> DaneFinding:
    try:
        return await sources.dane.hosts(hop)
    except OverloadedError as error:
        return DaneFinding(Dane.UNKNOWN, str(error))


async def _dane(
    sources: Sources, hop: NextHop, *, ask_hosts: bool
) -> tuple[DaneState | None, DaneFinding | None]:
    held = dane_in_memory(sources, str(hop))
    asked = await _asked(sources, str(hop)) if ask_hosts else None
    finding = held or asked
    if finding is None:
        return None, None
    entry = sources.dane.cache.get(str(hop))
    until = None if entry is None or held is not entry.finding else entry.until
    state = DaneState(
        status=finding.status.value,
        reason=sources.dnssec.state if finding.status is Dane.OFF else finding.reason,
        until=None if until is None else timestamp(wall_of(until, sources.clock)),
        hosts=None if asked is None else _hosts(asked),
    )
    return state, finding
