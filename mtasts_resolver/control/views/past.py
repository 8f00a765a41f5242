"""What was known of a domain at a time, and what Postfix got: made of its history."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mtasts_resolver.answers.service import reply_for
from mtasts_resolver.answers.tallies import TCP_TABLE
from mtasts_resolver.answers.words import decision
from mtasts_resolver.config import Config, MapOptions
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.history import (
    PastAnswer,
    PastDane,
    PastOverride,
    PastPolicy,
    PastState,
)
from mtasts_resolver.control.views.history import changes_of
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
from mtasts_resolver.store.changes import Change, RecordedChange, Subject, dane_status

# What of the daemon makes its answers other ones.
_TURNS = frozenset({"configuration-reloaded", "started", "dnssec-validated", "dnssec-unavailable"})


class _Held(NamedTuple):
    """What held of one subject at a time."""

    text: str | None
    policy_id: str | None = None
    since: float | None = None
    """None: since before the first change that is kept."""
    reason: str = ""


async def view_past(sources: Sources, hop: NextHop, time: float) -> PastState:
    """Return what was known of the domain of `hop` at `time`. Raise UnavailableError."""
    recorded = await changes_of(sources, hop.domain)
    changes = [kept.change for kept in recorded]
    of_daemon = [kept.change for kept in await changes_of(sources, "")]
    policy = _held(changes, Subject.POLICY, time) or _held_now(sources, hop.domain)
    parsed = _parsed(policy.text)
    ran, since = _running(of_daemon, time)
    told = [c.event for c in of_daemon if c.time <= time and c.event.startswith("dnssec-")]
    dnssec = told[-1] if told else ""
    config = sources.in_force.config
    past = _Past(recorded, changes, of_daemon, config, time, policy, parsed, dnssec)
    return PastState(
        domain=hop.domain,
        time=timestamp(time),
        running=ran,
        running_since=None if since is None else timestamp(since),
        answers=tuple(past.answers(hop)),
        policy=_past_policy(policy, parsed),
        override=past.override(str(hop)),
        record=_said(_held(changes, Subject.RECORD, time)),
        refresh=_said(_held(changes, Subject.REFRESH, time)),
        dane=tuple(_past_dane(changes, time)),
        dnssec=dnssec,
        history_begins=timestamp(changes[0].time) if changes else None,
    )


class _Past(NamedTuple):
    """From what was known to what was answered."""

    recorded: Sequence[RecordedChange]
    changes: Sequence[Change]
    of_daemon: Sequence[Change]
    config: Config
    time: float
    policy: _Held
    parsed: Policy | None
    dnssec: str
    """The last that was told of it, empty where that is nothing."""

    def answers(self, asked: NextHop) -> Iterator[PastAnswer]:
        """Yield what each kind of map answered to what is asked, and to what was looked up."""
        hops = dict.fromkeys(
            [str(asked), *(c.hop for c in self.changes if c.subject is Subject.ANSWER)]
        )
        for place in hops:
            for options, names in self._kinds():
                yield self._answer(place, options, tuple(names))

    def _kinds(self) -> Iterator[tuple[MapOptions, list[str]]]:
        """Yield options and the maps that have them, and other maps that were looked up in."""
        all_maps = self.config.all_maps()
        kinds: dict[MapOptions, list[str]] = {}
        for name, options in all_maps.items():
            kinds.setdefault(options, []).append(name)
        yield from kinds.items()
        for name in dict.fromkeys(c.map for c in self.changes if c.subject is Subject.ANSWER):
            if name not in all_maps:
                stands_for = self.config.tcp_table_map if name == TCP_TABLE else "default"
                yield all_maps[stands_for], [name]

    def _answer(self, hop: str, options: MapOptions, maps: tuple[str, ...]) -> PastAnswer:
        given = self._given(hop, maps)
        since = None if given is None else timestamp(given.change.time)
        seen = None if given is None or given.seen is None else timestamp(given.seen)
        if given is None or self._turned(given, hop):
            answer, text, why = self._would_be(hop, options)
            was_given = False
        else:
            last = given.change
            _, _, why = self._would_be(hop, options)
            answer, text, why = last.event, _without_word(last), last.reason or why
            was_given = last.given or given.seen is not None
        return PastAnswer(
            hop=hop,
            maps=maps,
            answer=answer,
            text=text,
            given=was_given,
            since=since,
            seen=seen,
            why=why,
        )

    def _would_be(self, hop: str, options: MapOptions) -> tuple[str | None, str, str]:
        """Return what is answered of what was known, its first word and the whole, and why."""
        override = self.override(hop)
        if override is not None and override.answer not in {"live", "skip"}:
            return _first_word(override.answer), override.answer, _of_override(override)
        if override is not None and override.answer == "skip":
            return "notfound", "", _of_override(override)
        dane = _dane_finding(_held(self.changes, Subject.DANE, self.time, hop))
        if not options.dane or self.dnssec == "dnssec-unavailable":
            dane = DaneFinding(Dane.OFF)
        sts = StsFinding(self.parsed)
        why = decision(dane, sts, options)
        if not self._is_whole:
            return None, "", why
        reply = reply_for(_domain(hop), sts, dane, options, self.config)
        if self.config.observes(options) and override is None:
            return "notfound", f"notfound; would be {reply}", "the map only observes"
        return reply.answer, reply.text, why

    def override(self, place: str) -> PastOverride | None:
        """Return the override that counted for a next hop."""
        hop = parse_next_hop(place)
        for pattern in () if hop is None else patterns_for(hop):
            changes = (*self.of_daemon, *self.changes)
            held = _held(changes, Subject.OVERRIDE, self.time, pattern)
            if held is not None and held.text is not None and held.since is not None:
                answer, _, until = held.text.partition("\nuntil ")
                if not until or timestamp(self.time) < until:
                    return PastOverride(
                        pattern=pattern,
                        answer=answer,
                        until=until or None,
                        since=timestamp(held.since),
                        reason=held.reason,
                    )
        return None

    def _given(self, hop: str, maps: tuple[str, ...]) -> RecordedChange | None:
        """Return the last answer that a look-up got by then, if one is kept."""
        for kept in reversed(self.recorded):
            change = kept.change
            ours = change.subject is Subject.ANSWER and change.hop == hop and change.map in maps
            if ours and change.time <= self.time:
                return kept
        return None

    def _turned(self, given: RecordedChange, hop: str) -> bool:
        """Tell whether something has changed since an answer was given, of what it was made of.

        The same answer may have been given since.
        """
        last = max(given.change.time, given.seen or 0.0)
        parsed = parse_next_hop(hop)
        patterns = set() if parsed is None else set(patterns_for(parsed))
        parts = (
            change
            for change in (*self.changes, *self.of_daemon)
            if change.subject is Subject.POLICY
            or (change.subject is Subject.DANE and change.hop == hop)
            or (change.subject is Subject.DAEMON and change.event in _TURNS)
            or (change.subject is Subject.OVERRIDE and change.hop in patterns)
        )
        return any(last < change.time <= self.time for change in parts)

    @property
    def _is_whole(self) -> bool:
        """Tell whether the policy is known as a whole, or that there was none."""
        return self.policy.text is None or self.parsed is not None


def _held(changes: Sequence[Change], subject: Subject, time: float, hop: str = "") -> _Held | None:
    """Return what held at `time`; None where no change says so.

    What was before the first change that is kept, that one tells.
    """
    of_subject = [change for change in changes if change.subject is subject and change.hop == hop]
    before = [change for change in of_subject if change.time <= time]
    if before:
        last = before[-1]
        return _Held(last.now, last.now_id, last.time, last.reason)
    if of_subject:
        return _Held(of_subject[0].was, of_subject[0].was_id)
    return None


def _held_now(sources: Sources, domain: str) -> _Held:
    """Return the policy that is cached, of which no change is kept: it is what it was."""
    entry = sources.sts.policies.get(domain)
    if entry is None or entry.stored is None:
        return _Held(None)
    return _Held(entry.stored.document, entry.stored.policy_id)


def _parsed(text: str | None) -> Policy | None:
    try:
        return None if text is None else parse_text(text)
    except DocumentError:  # it was cut, or is none of this version's
        return None


def _past_policy(held: _Held, policy: Policy | None) -> PastPolicy | None:
    if held.text is None:
        return None
    return PastPolicy(
        mode=None if policy is None else policy.mode,
        id=held.policy_id,
        text=held.text,
        since=None if held.since is None else timestamp(held.since),
    )


def _past_dane(changes: Sequence[Change], time: float) -> Iterator[PastDane]:
    for hop in dict.fromkeys(c.hop for c in changes if c.subject is Subject.DANE):
        held = _held(changes, Subject.DANE, time, hop)
        if held is not None and held.text is not None:
            status, *hosts = held.text.splitlines()
            since = None if held.since is None else timestamp(held.since)
            yield PastDane(hop=hop, status=status, hosts=tuple(hosts), since=since)


def _dane_finding(held: _Held | None) -> DaneFinding:
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


def _said(held: _Held | None) -> str:
    """Return what was the matter: nothing, if nothing is said of it."""
    if held is None or held.text is None:
        return ""
    return f"{held.text}: {held.reason}" if held.reason else held.text


def _domain(hop: str) -> str:
    parsed = parse_next_hop(hop)
    return hop if parsed is None else parsed.domain


def _running(of_daemon: Sequence[Change], time: float) -> tuple[bool | None, float | None]:
    """Return whether the daemon ran at `time`, and since when it did or did not.

    One that was killed could not say so: then the next start without an end before it leaves the
    time between unknown.
    """
    turns = [change for change in of_daemon if change.event in ("started", "stopped")]
    before = [change for change in turns if change.time <= time]
    after = [change for change in turns if change.time > time]
    if not before:
        return None, None
    if before[-1].event == "stopped":
        return False, before[-1].time
    killed = bool(after) and after[0].event == "started"
    return None if killed else True, before[-1].time
