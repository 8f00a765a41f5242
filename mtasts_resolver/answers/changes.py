"""What Postfix is told of each next hop, as the history keeps it: a change, and not each answer."""

import asyncio
from collections.abc import Callable
from typing import Any

from mtasts_resolver.answers.events import AnswerChanged, AnswerMade
from mtasts_resolver.answers.overrides import OverridesChanged
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.knowledge import events as known
from mtasts_resolver.policy import NextHop, parse_next_hop
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.store.changes import Change, ChangesRecorded, Subject, bounded
from mtasts_resolver.store.history import History

# Answers other than `notfound` that are remembered, by their hash: so that the same one need not be
# looked for in the history each time that it is made anew, and a change of the policy shows at once
# what becomes of the answer. 5 MB; of others each is looked for.
MAX_REMEMBERED = 8_000
MAX_PLACES = 64  # next hops and maps of a domain; whoever needs more asks for ports at random
# Seconds after which it is noted again that the same was answered: who asks what Postfix got at a
# time hears whether there was a look-up, to a quarter of an hour.
NOTED_AGAIN = 900.0

_OF_POLICIES: tuple[type[Any], ...] = (
    known.PolicyFound,
    known.PolicyChanged,
    known.PolicyExpired,
    known.PolicyForgotten,
    known.PolicyPurged,
    known.PolicyImported,
)

Asked = tuple[str, str]
"""A next hop and a map."""
Peek = Callable[[NextHop, str], AnswerMade | None]


class AnswerHistory:
    """Listens for answers, notes each change, and publishes AnswerChanged when it is kept."""

    def __init__(self, events: Events, history: History, clock: Clock, peek: Peek) -> None:
        """`peek` returns what a look-up would get, without making one."""
        self._events = events
        self._history = history
        self._clock = clock
        self._peek = peek
        self._last: dict[str, dict[Asked, tuple[int, float]]] = {}
        self._remembered = 0
        events.listen(AnswerMade, self._made)
        events.listen(ChangesRecorded, self._recorded)
        for change in (known.DnssecChanged, OverridesChanged):
            events.listen(change, lambda _: self.note_again())
        events.listen(known.DaneFound, self._dane_found)
        for kind in _OF_POLICIES:
            events.listen(kind, lambda told: self._reconsider_later(told.domain))

    def note_again(self) -> None:
        """Have the next answers noted, though they be the same: they are made of something else."""
        self._last.clear()
        self._remembered = 0

    def _made(self, told: AnswerMade) -> None:
        text = _text(told)
        place = (str(told.hop), told.map_name)
        places = self._last.get(told.hop.domain, {})
        last, noted = places.get(place, (0, 0.0))
        if last == hash(text) and self._clock.monotonic() - noted < NOTED_AGAIN:
            return
        self._remember(told, place, text)
        # Most domains have no policy: of an answer that most get, the history tells whether there
        # was another one before. Nor is it news that nothing could be found out of a new domain.
        found = told.would_be or told.reply
        self._note(told, text, usual=found.status in (Status.NOTFOUND, Status.TEMP))

    def _remember(self, told: AnswerMade, place: Asked, text: str) -> None:
        places = self._last.pop(told.hop.domain, {})
        self._remembered -= len(places)
        places.pop(place, None)
        if told.reply.status is not Status.NOTFOUND or told.would_be is not None:
            if len(places) >= MAX_PLACES:
                del places[next(iter(places))]
            places[place] = hash(text), self._clock.monotonic()
        if places:
            self._last[told.hop.domain] = places
            self._remembered += len(places)
        while self._remembered > MAX_REMEMBERED:
            self._remembered -= len(self._last.pop(next(iter(self._last))))

    def _dane_found(self, told: known.DaneFound) -> None:
        if told.known is not None and told.known.status is told.finding.status:
            return
        hop = parse_next_hop(told.hop)
        if hop is not None:
            self._reconsider_later(hop.domain)

    def _reconsider_later(self, domain: str) -> None:
        """Look at the answers of a domain once what has changed is what is known."""
        if domain in self._last:
            asyncio.get_running_loop().call_soon(self._reconsider, domain)

    def _reconsider(self, domain: str) -> None:
        """Note where the next look-up will get another answer than the last one did."""
        for place, (last, _) in tuple(self._last.get(domain, {}).items()):
            hop = parse_next_hop(place[0])
            would_get = None if hop is None else self._peek(hop, place[1])
            if would_get is not None and hash(_text(would_get)) != last:
                self._remember(would_get, place, text := _text(would_get))
                self._note(would_get, text, given=False)

    def _note(
        self, told: AnswerMade, text: str, *, usual: bool = False, given: bool = True
    ) -> None:
        reply = told.reply
        change = Change(
            self._clock.wall(),
            told.hop.domain,
            Subject.ANSWER,
            reply.answer,
            now=text,
            hop=str(told.hop),
            map=told.map_name,
            reason=bounded(reply.text) if reply.status is not Status.OK else "",
            given=given,
        )
        self._history.note(change, usual=usual)

    def _recorded(self, told: ChangesRecorded) -> None:
        for _, change, _ in told.changes:
            if change.subject is Subject.ANSWER:
                now = change.now or ""
                self._events.publish(
                    AnswerChanged(
                        change.hop, change.map, change.was, now, change.event, change.given
                    )
                )


def _text(told: AnswerMade) -> str:
    """Return what is compared of an answer; why there is none for now is no other answer."""
    text = _said(told.reply)
    if told.would_be is not None:
        text += f"\nwould be {_said(told.would_be)}"
    return bounded(text)


def _said(reply: Reply) -> str:
    return reply.text if reply.status is Status.OK else reply.answer
