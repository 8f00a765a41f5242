"""Policies as they leave this daemon, and what a table would hold in its place."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime

from mtasts_resolver.base.timestamps import moment_of
from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.policies import AnswersQuery, ExportedPolicy, KeyAnswer
from mtasts_resolver.control.views.answers import given_reply
from mtasts_resolver.control.views.domains import (
    Known,
    condition,
    dane_in_memory,
    find_domains,
)
from mtasts_resolver.control.views.times import timestamp, wall_of
from mtasts_resolver.knowledge.dane import OFF
from mtasts_resolver.knowledge.steering import domain_of
from mtasts_resolver.policy import Dane, NextHop, StsFinding, parse_next_hop
from mtasts_resolver.postfix.override import patterns_for
from mtasts_resolver.postfix.reply import NOT_FOUND


def exported(sources: Sources, known: Known) -> ExportedPolicy | None:
    """Return the policy of a domain; None where it has none."""
    stored, policy = known.entry.stored, known.entry.finding.policy
    if stored is None or policy is None:
        return None
    return ExportedPolicy(
        domain=stored.domain,
        id=stored.policy_id,
        mode=policy.mode.value,
        fetched=_to_the_second(stored.fetched_at),
        expires=_to_the_second(wall_of(known.entry.until, sources.clock)),
        used=_to_the_second(wall_of(known.entry.asked, sources.clock)),
        document=stored.document,
    )


def _to_the_second(wall: float) -> datetime:
    return moment_of(wall).replace(microsecond=0)


async def find_replies(sources: Sources, query: AnswersQuery) -> AsyncIterator[KeyAnswer]:
    """Yield what Postfix gets in a map for each key of which something is known.

    Besides domains these are the next hops of other spellings that were asked for, `[host]:port`,
    and the patterns of overrides. Raise UnavailableError.
    """
    fixed = _fixed_replies(sources, query.map)
    async for known in find_domains(sources, query):
        fixed.pop(known.domain, None)
        yield _answer_to(sources, query.map, known.domain, known)
    is_meant = condition(sources, query)
    async for hop, _ in bites(sources.dane.cache.entries()):
        domain = domain_of(hop)
        entry = sources.sts.policies.get(domain) if hop != domain else None
        if entry is not None and is_meant(known := Known(domain, entry)):
            fixed.pop(hop, None)
            yield _answer_to(sources, query.map, hop, known)
    for answer in fixed.values():
        yield answer


def _fixed_replies(sources: Sources, map_name: str) -> dict[str, KeyAnswer]:
    """Return what overrides have Postfix told, as far as a table can say it.

    In a table what is above a domain holds for it, too, and "not found" cannot be said.
    """
    config, overrides = sources.in_force.config, sources.overrides
    if config.observes(config.map_options(map_name)):
        return {}
    counting = [one for one in overrides if overrides.of(one.pattern) is one]
    without = [one.pattern for one in counting if one.reply is None or one.reply is NOT_FOUND]
    above = {higher for pattern in without for higher in _higher(pattern)}
    return {
        one.pattern: KeyAnswer(
            key=one.pattern,
            status=one.reply.status,
            text=one.reply.text,
            expires=None if one.until is None else timestamp(one.until),
        )
        for one in counting
        if one.reply is not None and one.reply is not NOT_FOUND and one.pattern not in above
    }


def _higher(pattern: str) -> Iterator[str]:
    """Yield the patterns `.domain` that stand above another pattern."""
    hop = parse_next_hop(f"x{pattern}" if pattern.startswith(".") else pattern)
    if hop is not None:
        yield from (found for found in patterns_for(hop) if found.startswith("."))


def _answer_to(sources: Sources, map_name: str, hop: str, known: Known) -> KeyAnswer:
    config, entry = sources.in_force.config, known.entry
    holds = sources.clock.monotonic() < entry.until
    dane = dane_in_memory(sources, hop)
    if dane is None or dane.status is Dane.UNKNOWN:
        dane = OFF  # a table cannot ask again; Postfix itself does at the levels of DANE
    finding = entry.finding if holds else StsFinding(None)
    place = parse_next_hop(hop) or NextHop(known.domain)
    given = given_reply(sources, place, finding, dane, config.map_options(map_name))
    reply = given.reply or NOT_FOUND
    until = None if finding.policy is None else timestamp(wall_of(entry.until, sources.clock))
    if given.override is not None and given.override.reply is not None:
        ends = given.override.until
        until = None if ends is None else timestamp(ends)
    return KeyAnswer(key=hop, status=reply.status, text=reply.text, expires=until)
