"""What was known of a domain at a time, and what Postfix got: made of its history."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from mtasts_resolver.answers.service import reply_for
from mtasts_resolver.answers.tallies import TCP_TABLE
from mtasts_resolver.answers.words import decision
from mtasts_resolver.config import Config, MapOptions
from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.history import (
    PastAnswer,
    PastDane,
    PastOverride,
    PastPolicy,
    PastState,
)
from mtasts_resolver.control.views.history import changes_of
from mtasts_resolver.control.views.pastrows import Held, PastRows
from mtasts_resolver.control.views.times import timestamp
from mtasts_resolver.policy import (
    Dane,
    DaneFinding,
    DocumentError,
    NextHop,
    Policy,
    StsFinding,
    parse_next_hop,
    parse_text,
)
from mtasts_resolver.postfix.override import patterns_for
from mtasts_resolver.store.changes import Change, Subject, dane_status

# Next hops whose answers are told: the one that is asked for, and the latest of others. Whoever may
# look up can ask for any number of ports.
MAX_HOPS = 8


async def view_past(sources: Sources, hop: NextHop, time: float) -> PastState:
    """Return what was known of the domain of `hop` at `time`. Raise UnavailableError."""
    rows = PastRows(time)
    for domain in ("", hop.domain):
        async for kept in bites(await changes_of(sources, domain)):
            rows.add(kept)
    policy = rows.held(Subject.POLICY) or _held_now(sources, hop.domain)
    past = _Past(rows, sources.in_force.config, policy, _parsed(policy.text))
    ran, since = rows.running
    return PastState(
        domain=hop.domain,
        time=timestamp(time),
        running=ran,
        running_since=None if since is None else timestamp(since),
        answers=tuple([answer async for answer in bites(past.answers(hop))]),
        policy=_past_policy(policy, past.parsed),
        override=past.override(hop),
        record=_said(rows.held(Subject.RECORD)),
        refresh=_said(rows.held(Subject.REFRESH)),
        dane=tuple(_past_dane(rows)),
        dnssec=rows.dnssec,
        history_begins=None if rows.begins is None else timestamp(rows.begins),
    )


class _Past(NamedTuple):
    """From what was known to what was answered."""

    rows: PastRows
    config: Config
    policy: Held
    parsed: Policy | None

    def answers(self, asked: NextHop) -> Iterator[PastAnswer]:
        """Yield what each kind of map answered to what is asked, and to what was looked up."""
        looked_up = map(parse_next_hop, reversed(self.rows.hops(Subject.ANSWER)))
        hops = dict.fromkeys([asked, *(hop for hop in looked_up if hop is not None)])
        for hop in islice(hops, MAX_HOPS):
            for options, names in self._kinds():
                yield self._answer(hop, options, tuple(names))

    def _kinds(self) -> Iterator[tuple[MapOptions, list[str]]]:
        """Yield options and the maps that have them, and other maps that were looked up in."""
        all_maps = self.config.all_maps()
        kinds: dict[MapOptions, list[str]] = {}
        for name, options in all_maps.items():
            kinds.setdefault(options, []).append(name)
        yield from kinds.items()
        for name in self.rows.maps():
            if name not in all_maps:
                stands_for = self.config.tcp_table_map if name == TCP_TABLE else "default"
                yield all_maps[stands_for], [name]

    def _answer(self, hop: NextHop, options: MapOptions, maps: tuple[str, ...]) -> PastAnswer:
        answer, text, why = self._would_be(hop, options)
        was_given = False
        given = self.rows.answered(str(hop), maps)
        # The same answer may have been given again since something turned.
        if given and max(given.change.time, given.seen or 0.0) >= self.rows.turned(hop):
            last = given.change
            answer, text, why = last.event, _without_word(last), last.reason or why
            was_given = last.given or given.seen is not None
        return PastAnswer(
            hop=str(hop),
            maps=maps,
            answer=answer,
            text=text,
            given=was_given,
            since=None if given is None else timestamp(given.change.time),
            seen=None if given is None or given.seen is None else timestamp(given.seen),
            why=why,
        )

    def _would_be(self, hop: NextHop, options: MapOptions) -> tuple[str | None, str, str]:
        """Return what is answered of what was known, its first word and the whole, and why."""
        override = self.override(hop)
        if override is not None and override.answer not in {"live", "skip"}:
            return _first_word(override.answer), override.answer, _of_override(override)
        if override is not None and override.answer == "skip":
            return "notfound", "", _of_override(override)
        dane = _dane_finding(self.rows.held(Subject.DANE, str(hop)))
        if not options.dane or self.rows.dnssec == "dnssec-unavailable":
            dane = DaneFinding(Dane.OFF)
        sts = StsFinding(self.parsed)
        why = decision(dane, sts, options)
        if not self._is_whole:
            return None, "", why
        reply = reply_for(hop.domain, sts, dane, options, self.config)
        if self.config.observes(options) and override is None:
            return "notfound", f"notfound; would be {reply}", "the map only observes"
        return reply.answer, reply.text, why

    def override(self, hop: NextHop) -> PastOverride | None:
        """Return the override that counted for a next hop."""
        for pattern in patterns_for(hop):
            held = self.rows.held(Subject.OVERRIDE, pattern)
            if held is not None and held.text is not None and held.since is not None:
                answer, _, until = held.text.partition("\nuntil ")
                if not until or timestamp(self.rows.time) < until:
                    return PastOverride(
                        pattern=pattern,
                        answer=answer,
                        until=until or None,
                        since=timestamp(held.since),
                        reason=held.reason,
                    )
        return None

    @property
    def _is_whole(self) -> bool:
        """Tell whether the policy is known as a whole, or that there was none."""
        return self.policy.text is None or self.parsed is not None


def _held_now(sources: Sources, domain: str) -> Held:
    """Return the policy that is cached, of which no change is kept: it is what it was."""
    entry = sources.sts.policies.get(domain)
    if entry is None or entry.stored is None:
        return Held(None)
    return Held(entry.stored.document, entry.stored.policy_id)


def _parsed(text: str | None) -> Policy | None:
    try:
        return None if text is None else parse_text(text)
    except DocumentError:  # it was cut, or is none of this version's
        return None


def _past_policy(held: Held, policy: Policy | None) -> PastPolicy | None:
    if held.text is None:
        return None
    return PastPolicy(
        mode=None if policy is None else policy.mode,
        id=held.policy_id,
        text=held.text,
        since=None if held.since is None else timestamp(held.since),
    )


def _past_dane(rows: PastRows) -> Iterator[PastDane]:
    for hop in rows.hops(Subject.DANE)[-MAX_HOPS:]:
        held = rows.held(Subject.DANE, hop)
        if held is not None and held.text:
            status, *hosts = held.text.splitlines()
            since = None if held.since is None else timestamp(held.since)
            yield PastDane(hop=hop, status=status, hosts=tuple(hosts), since=since)


def _dane_finding(held: Held | None) -> DaneFinding:
    """Return the finding; where none is kept, it was none that counts."""
    if held is None or held.text is None:
        return DaneFinding(Dane.NONE)
    return DaneFinding(dane_status(held.text), held.reason)


def _without_word(change: Change) -> str:
    """Return an answer as a whole: nothing where its first word is all."""
    if change.now in {None, change.event}:
        return change.reason
    return "; ".join((change.now or "").splitlines())


def _first_word(text: str) -> str:
    return text.partition(" ")[0].lower()


def _of_override(override: PastOverride) -> str:
    return f"the override of {override.pattern}: {override.reason}"


def _said(held: Held | None) -> str:
    """Return what was the matter: nothing, if nothing is said of it."""
    if held is None or held.text is None:
        return ""
    return f"{held.text}: {held.reason}" if held.reason else held.text
