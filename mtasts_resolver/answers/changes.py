"""What Postfix is told of each next hop, as the history keeps it: a change, and not each answer."""

from typing import NamedTuple

from mtasts_resolver.answers.overrides import OverrideAdded, OverrideRemoved, OverridesChanged
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.knowledge.events import DnssecChanged
from mtasts_resolver.policy import NextHop, parse_next_hop
from mtasts_resolver.postfix.override import Override
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.store.changes import Change, ChangesRecorded, Subject, bounded
from mtasts_resolver.store.history import History

# Answers other than `notfound` that are remembered, by their hash, so that the same one need not be
# looked for in the history each time that it is made anew: 5 MB. Of more, each is looked for.
MAX_REMEMBERED = 20_000
# Seconds after which it is noted again that the same was answered: who asks what Postfix got at a
# time hears whether there was a look-up, to a quarter of an hour.
NOTED_AGAIN = 900.0


class AnswerMade(NamedTuple):
    """A look-up got an answer that did not stand ready."""

    hop: NextHop
    map_name: str
    reply: Reply
    would_be: Reply | None = None
    """What it would have been, where the map only observes."""


class AnswerChanged(NamedTuple):
    """Postfix is told something else of a next hop than the last time."""

    hop: str
    map: str
    was: str | None
    """None where nothing is known of another answer."""
    now: str


class AnswerHistory:
    """Listens for answers, notes each change, and publishes AnswerChanged when it is kept."""

    def __init__(self, events: Events, history: History, clock: Clock) -> None:
        self._events = events
        self._history = history
        self._clock = clock
        self._last: dict[tuple[str, str], tuple[int, float]] = {}
        events.listen(AnswerMade, self._made)
        for change in (DnssecChanged, OverridesChanged):
            events.listen(change, lambda _: self.note_again())
        events.listen(OverrideAdded, self._override_added)
        events.listen(OverrideRemoved, self._override_removed)
        events.listen(ChangesRecorded, self._recorded)

    def note_again(self) -> None:
        """Have the next answers noted, though they be the same: they are made of something else."""
        self._last.clear()

    def _made(self, told: AnswerMade) -> None:
        place = str(told.hop)
        key = (place, told.map_name)
        text = _text(told.reply)
        # Most domains have no policy: of an answer that most get, the history tells whether there
        # was another one before. Nor is it news that nothing could be found out of a new domain.
        usual = told.reply.status in (Status.NOTFOUND, Status.TEMP)
        now = self._clock.monotonic()
        known, noted = self._last.pop(key, (0, 0.0))
        if known == hash(text) and now - noted < NOTED_AGAIN:
            self._last[key] = known, noted
            return
        if told.reply.status is not Status.NOTFOUND:
            if len(self._last) >= MAX_REMEMBERED:
                del self._last[next(iter(self._last))]
            self._last[key] = hash(text), now
        reason = bounded(told.reply.text) if told.reply.status is not Status.OK else ""
        if told.would_be is not None:
            reason = bounded(f"the map only observes; it would be: {told.would_be}")
        change = Change(
            self._clock.wall(),
            told.hop.domain,
            Subject.ANSWER,
            told.reply.answer,
            now=text,
            hop=place,
            map=told.map_name,
            reason=reason,
        )
        self._history.note(change, usual=usual)

    def _override_added(self, told: OverrideAdded) -> None:
        self._note_override("added", told.override, told.before, told.override.user)

    def _override_removed(self, told: OverrideRemoved) -> None:
        self._note_override("removed", None, told.override, told.user)

    def _note_override(
        self, event: str, now: Override | None, was: Override | None, user: str
    ) -> None:
        """Keep what was decided, with the domain for which it counts or above which it stands."""
        override = now or was
        if override is None:
            return
        hop = parse_next_hop(override.pattern.removeprefix("."))
        change = Change(
            self._clock.wall(),
            override.pattern.removeprefix(".") if hop is None else hop.domain,
            Subject.OVERRIDE,
            event,
            now=None if now is None else _decided(now),
            was=None if was is None else _decided(was),
            hop=override.pattern,
            reason=override.reason,
            by=user,
        )
        self._history.note(change)

    def _recorded(self, told: ChangesRecorded) -> None:
        for _, change, _ in told.changes:
            if change.subject is Subject.ANSWER:
                now = change.now or ""
                self._events.publish(AnswerChanged(change.hop, change.map, change.was, now))


def _decided(override: Override) -> str:
    """Return what is compared of an override."""
    ends = "" if override.until is None else f" until {timestamp(override.until)}"
    return f"{override.text or override.action}{ends}"


def _text(reply: Reply) -> str:
    """Return what is compared of an answer; why there is none for now is no other answer."""
    return bounded(reply.text) if reply.status is Status.OK else reply.answer
