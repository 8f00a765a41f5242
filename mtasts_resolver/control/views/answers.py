"""What Postfix gets, as far as it can be told from what is known, and why."""

from mtasts_resolver.answers.service import NOT_ASKED, reply_for
from mtasts_resolver.answers.words import decision
from mtasts_resolver.config import Config, MapOptions
from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.values.domains import MapAnswer
from mtasts_resolver.policy import DaneFinding, StsFinding
from mtasts_resolver.postfix.reply import Reply

UNKNOWN_STS = "nothing is known of a policy now: the next look-up asks"
UNKNOWN_DANE = "nothing is known of DANE now: the next look-up asks"


def reply_of(
    domain: str,
    sts: StsFinding | None,
    dane: DaneFinding | None,
    options: MapOptions,
    config: Config,
) -> Reply | None:
    """Return what Postfix gets in a map with `options`; None where that must be found out first."""
    dane = dane if options.dane else NOT_ASKED.finding
    if sts is None or dane is None:
        return None
    return reply_for(domain, sts, dane, options, config)


async def view_answers(
    domain: str, sts: StsFinding | None, dane: DaneFinding | None, config: Config
) -> tuple[MapAnswer, ...]:
    """Return what Postfix gets in each map; those that are configured alike are told together.

    A policy of 64 KiB takes a good part of a millisecond for each.
    """
    alike: dict[MapOptions, list[str]] = {}
    for name, options in config.all_maps().items():
        alike.setdefault(options, []).append(name)
    answers = [
        _answer(tuple(names), options, reply_of(domain, sts, dane, options, config), sts, dane)
        async for options, names in bites(alike.items())
    ]
    return tuple(answers)


def _answer(
    maps: tuple[str, ...],
    options: MapOptions,
    reply: Reply | None,
    sts: StsFinding | None,
    dane: DaneFinding | None,
) -> MapAnswer:
    dane = dane if options.dane else NOT_ASKED.finding
    if reply is None or sts is None or dane is None:
        why = UNKNOWN_STS if sts is None else UNKNOWN_DANE
        return MapAnswer(maps=maps, answer=None, reply=None, why=why)
    why = decision(dane, sts, options)
    return MapAnswer(maps=maps, answer=reply.answer, reply=str(reply), why=why)
