"""What Postfix gets, as far as it can be told from what is known, and why."""

from typing import NamedTuple

from mtasts_resolver.answers.service import NOT_ASKED, reply_for
from mtasts_resolver.answers.words import decision, override_decision
from mtasts_resolver.config import MapOptions
from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.domains import MapAnswer
from mtasts_resolver.policy import DaneFinding, NextHop, StsFinding
from mtasts_resolver.postfix.override import Override
from mtasts_resolver.postfix.reply import NOT_FOUND, Reply

UNKNOWN_STS = "nothing is known of a policy now: the next look-up asks"
UNKNOWN_DANE = "nothing is known of DANE now: the next look-up asks"


class GivenReply(NamedTuple):
    """What Postfix gets in a map."""

    reply: Reply | None
    """None where that must be found out first."""
    override: Override | None
    """The one that counts for the next hop."""
    observed: bool = False
    """The map only observes."""
    would_be: Reply | None = None
    """What the reply would be if the map did not only observe, as far as that is known."""


def given_reply(
    sources: Sources,
    hop: NextHop,
    sts: StsFinding | None,
    dane: DaneFinding | None,
    options: MapOptions,
) -> GivenReply:
    """Return what Postfix gets for a next hop in a map with `options`."""
    config, override = sources.in_force.config, sources.overrides.find(hop)
    due = None if override is None else override.reply
    live = override is not None and due is None
    dane = dane if options.dane else NOT_ASKED.finding
    if due is None and sts is not None and dane is not None:
        due = reply_for(hop.domain, sts, dane, options, config)
    if live or not config.observes(options):
        return GivenReply(due, override)
    return GivenReply(NOT_FOUND, override, observed=True, would_be=due)


async def view_answers(
    sources: Sources, hop: NextHop, sts: StsFinding | None, dane: DaneFinding | None
) -> tuple[MapAnswer, ...]:
    """Return what Postfix gets in each map; those that are configured alike are told together.

    A policy of 64 KiB takes a good part of a millisecond for each.
    """
    alike: dict[MapOptions, list[str]] = {}
    for name, options in sources.in_force.config.all_maps().items():
        alike.setdefault(options, []).append(name)
    answers = [
        _answer(tuple(names), options, given_reply(sources, hop, sts, dane, options), sts, dane)
        async for options, names in bites(alike.items())
    ]
    return tuple(answers)


def _answer(
    maps: tuple[str, ...],
    options: MapOptions,
    given: GivenReply,
    sts: StsFinding | None,
    dane: DaneFinding | None,
) -> MapAnswer:
    dane = dane if options.dane else NOT_ASKED.finding
    if given.override is not None and given.override.reply is not None:
        why = override_decision(given.override)
    elif sts is None or dane is None:
        why = UNKNOWN_STS if sts is None else UNKNOWN_DANE
    else:
        why = decision(dane, sts, options)
    return MapAnswer(
        maps=maps,
        answer=None if given.reply is None else given.reply.answer,
        reply=None if given.reply is None else str(given.reply),
        why=why,
        observed=given.observed,
        would_be=None if given.would_be is None else str(given.would_be),
    )
