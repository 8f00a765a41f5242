"""From a look-up to the reply that Postfix gets: key, finding, verdict, reply."""

import asyncio
from collections.abc import Awaitable
from typing import NamedTuple

from mtasts_resolver.answers.events import AnswerMade
from mtasts_resolver.answers.overrides import Overrides, OverridesChanged
from mtasts_resolver.answers.tallies import TCP_TABLE, UNKNOWN_MAP, Tallies
from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.footprint import footprint
from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.base.pace import Pace
from mtasts_resolver.base.ratelimit import RateLimitedLog
from mtasts_resolver.config import Config, MapOptions
from mtasts_resolver.knowledge.dane import DaneKnowledge
from mtasts_resolver.knowledge.entry import DaneEntry
from mtasts_resolver.knowledge.events import DnssecChanged
from mtasts_resolver.knowledge.sts import StsKnowledge
from mtasts_resolver.policy import (
    Dane,
    DaneFinding,
    NextHop,
    StsFinding,
    decide,
    parse_next_hop,
)
from mtasts_resolver.postfix import tcp_table
from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import NOT_FOUND, Reply, Status, Tally, TimedReply, render

log = logs.get(__name__)

# To begin a look-up of a new domain takes a quarter of a millisecond, in steps over several turns;
# a burst of them must not hold up the answers that memory has. With eight, a turn took 2 to 3 ms.
BEGUN_PER_TURN = 2
# Names of maps that there are not, and of which the log tells; a client can send any number.
MAX_UNKNOWN_MAPS = 64
MAX_MAP_NAME = 64  # characters, as in the configuration; more than that of a name are not kept
# What a timed reply takes besides its text: itself, its place in the entries, the frame of the
# protocol, and its time.
BYTES_PER_REPLY = 250
FOR_EVER = float("inf")
NOT_ASKED = DaneEntry(
    finding=DaneFinding(Dane.OFF, "the map is configured with dane: false"),
    until=FOR_EVER,
    stale_at=FOR_EVER,
    asked=0.0,
)


class ServedMap(NamedTuple):
    """A map that can be asked."""

    name: str
    """In lower case; or what stands for it, see answers/tallies.py."""
    options: MapOptions
    observes: bool
    """"Not found" is sent in place of whatever is found."""


class RepliesRevoked(NamedTuple):
    """No reply that was given out holds any more; whoever has kept some asks anew."""


class LookupService:
    """Answers look-ups, as the configuration of the map that was asked demands.

    A reply holds as long as all that it was made of, and goes with it. When what holds for all has
    changed, all are revoked at once: they are of another generation than those that hold.
    """

    def __init__(
        self,
        sts: StsKnowledge,
        dane: DaneKnowledge,
        overrides: Overrides,
        *,
        clock: Clock,
        config: Config,
        counters: Counters,
        events: Events,
    ) -> None:
        self._sts = sts
        self._dane = dane
        self._overrides = overrides
        self._clock = clock
        self._counters = counters
        self._pace = Pace(BEGUN_PER_TURN)
        self.tallies = Tallies()
        self._bugs = RateLimitedLog(log, clock.monotonic)
        self._generation = 0  # of the replies that hold
        self._events = events
        for change in (DnssecChanged, OverridesChanged):
            events.listen(change, lambda _: self._revoke())
        self._use(config)

    def reconfigure(self, config: Config) -> None:
        self._use(config)
        self._revoke()

    def _use(self, config: Config) -> None:
        self._config = config
        options = config.all_maps()
        served = {name: (options[name], config.observes(options[name])) for name in options}
        self._maps = {name: ServedMap(name, *served[name]) for name in served}
        # tcp_table has no map names; the configuration says which one it stands for.
        self._maps[""] = ServedMap(TCP_TABLE, *served[config.tcp_table_map])
        self._stand_in = ServedMap(UNKNOWN_MAP, *served["default"])
        self._unknown_maps: set[str] = set()

    def answer(self, request: Request) -> TimedReply | Awaitable[Reply]:
        """Return the reply at once where memory holds what it takes, else an awaitable of it.

        A timed reply is counted by whoever sends it, each time; the other has been counted.
        """
        asked = self._maps.get(request.map_name.lower()) or self._in_place_of(request.map_name)
        hop = parse_next_hop(request.key)
        if hop is None:  # RFC 8461 §3.4: no policy can apply to this key
            return self._timed(NOT_FOUND, asked, FOR_EVER)
        try:
            return self._decide(hop, asked)
        except Exception as error:
            if not asked.observes:
                raise
            return self._timed(self._failed(error), asked, self._clock.monotonic(), hop)

    def peek(self, hop: NextHop, map_name: str) -> AnswerMade | None:
        """Return what a look-up in the map of that name would get at once, without its counting.

        None where there is no such map, or where a look-up would have to wait.
        """
        maps = (*self._maps.values(), self._stand_in)
        asked = next((served for served in maps if served.name == map_name), None)
        if asked is None:
            return None
        override = self._overrides.find(hop)
        reply = None if override is None else override.reply
        if override is not None and reply is None:
            asked = asked._replace(observes=False)
        if reply is None:
            sts = self._sts.policies.get(hop.domain)
            dane = self._dane.known(str(hop)) if asked.options.dane else NOT_ASKED
            if sts is None or dane is None or self._clock.monotonic() >= sts.until:
                return None
            reply = self._reply(hop, sts.finding, dane.finding, asked)
        return AnswerMade(hop, asked.name, *_sent(reply, asked))

    def _decide(self, hop: NextHop, asked: ServedMap) -> TimedReply | Awaitable[Reply]:
        """Answer as the administrator has decided, else as is found out."""
        override = self._overrides.find(hop)
        if override is None:
            return self._answer_found(hop, asked)
        ends = self._overrides.ends(override)
        if override.reply is not None:
            return self._timed(override.reply, asked, ends, hop)
        live = asked._replace(observes=False)
        return self._answer_found(hop, live, ends=ends, apart=(override.pattern,))

    def _answer_found(
        self,
        hop: NextHop,
        asked: ServedMap,
        *,
        ends: float = FOR_EVER,
        apart: tuple[str, ...] = (),
    ) -> TimedReply | Awaitable[Reply]:
        """Answer as memory knows, until `ends` at most, or as is found out.

        What is found in memory holds for all next hops of the domain, save those that are `apart`.
        """
        place = str(hop)
        sts = self._sts.lookup(hop.domain)
        dane = self._dane.lookup(place) if asked.options.dane else NOT_ASKED
        if sts is None or dane is None:
            self._counters.waited += 1
            return self._answer_later(hop, asked)
        if place != hop.domain and dane.finding.status is not Dane.OFF:
            apart = (place, *apart)
        made_for = (asked.name, *apart) if apart else asked.name
        now = self._clock.monotonic()

        def holds(timed: TimedReply) -> bool:
            return now < timed.until and timed.generation == self._generation

        for timed in sts.replies:
            if timed.made_for == made_for and holds(timed):
                return timed
        reply = self._reply(hop, sts.finding, dane.finding, asked)
        until = min(sts.until, sts.stale_at, dane.until, dane.stale_at, ends)
        timed = self._timed(reply, asked, until, hop, made_for)
        self._sts.cache.keep(sts, timed, holds)
        if dane is not NOT_ASKED:
            self._dane.cache.keep(dane, timed, holds)
        return timed

    def _in_place_of(self, map_name: str) -> ServedMap:
        """Return what stands in for a map that there is not, and say so once."""
        name = map_name[:MAX_MAP_NAME].lower()
        if name not in self._unknown_maps and len(self._unknown_maps) < MAX_UNKNOWN_MAPS:
            self._unknown_maps.add(name)
            log.warning(
                "map-unknown",
                map=name,
                known=[known for known in self._maps if known],
                action="it is answered as `default`: correct main.cf, or add it to `maps`",
            )
        return self._stand_in

    def _revoke(self) -> None:
        """Have every reply made anew, however many there are.

        Those that the entries hold are of an earlier generation, and go when the next is made.
        """
        self._generation += 1
        self._events.publish(RepliesRevoked())

    async def _answer_later(self, hop: NextHop, asked: ServedMap) -> Reply:
        """Find out what is missing, DANE and MTA-STS side by side."""
        await self._pace.turn()
        try:
            sts, dane = await asyncio.gather(
                self._sts_of(hop.domain), self._dane_of(hop, asked.options)
            )
            reply = self._reply(hop, sts, dane, asked)
        except OverloadedError as error:
            self._counters.overloaded += 1
            reply = Reply(Status.TEMP, f"{error.introduction}: {error}, try again")
        except Exception as error:
            if not asked.observes:
                raise
            reply = self._failed(error)
        given, tally = self._given(reply, asked, hop)
        tally.count += 1
        return given

    def _timed(
        self,
        reply: Reply,
        asked: ServedMap,
        until: float,
        hop: NextHop | None = None,
        made_for: object = None,
    ) -> TimedReply:
        given, tally = self._given(reply, asked, hop)
        size = _size(given)
        return TimedReply(given, until, made_for, self._generation, size=size, tally=tally)

    def _given(self, reply: Reply, asked: ServedMap, hop: NextHop | None) -> tuple[Reply, Tally]:
        """Return what Postfix gets where `reply` is due, and where that is counted."""
        given, would_be = _sent(reply, asked)
        if hop is not None:
            self._events.publish(AnswerMade(hop, asked.name, given, would_be))
        tally = self.tallies.of(asked.name, given.answer, would_be.answer if would_be else "")
        return given, tally

    def _failed(self, error: Exception) -> Reply:
        """Log a bug that must not hold mail, and return what would have been answered."""
        self._bugs.bug("answer-failed", error, effect="none: the map only observes")
        return Reply(Status.TEMP, "internal error")

    def _reply(self, hop: NextHop, sts: StsFinding, dane: DaneFinding, asked: ServedMap) -> Reply:
        """Return the reply that Postfix gets: to tcp_table one that it can carry."""
        reply = reply_for(hop.domain, sts, dane, asked.options, self._config)
        return tcp_table.carried(reply) if asked.name == TCP_TABLE else reply

    async def _sts_of(self, domain: str) -> StsFinding:
        entry = self._sts.lookup(domain)
        return await self._sts.resolve(domain) if entry is None else entry.finding

    async def _dane_of(self, hop: NextHop, options: MapOptions) -> DaneFinding:
        entry = self._dane.lookup(str(hop)) if options.dane else NOT_ASKED
        return await self._dane.resolve(str(hop)) if entry is None else entry.finding


def _sent(reply: Reply, asked: ServedMap) -> tuple[Reply, Reply | None]:
    """Return what Postfix gets where `reply` is due, and what it would be if the map were live."""
    return (NOT_FOUND, reply) if asked.observes else (reply, None)


def _size(reply: Reply) -> int:
    """Return about how many bytes a timed reply takes, with its text and what will be sent."""
    if reply is NOT_FOUND:
        return BYTES_PER_REPLY
    return BYTES_PER_REPLY + footprint(reply) + footprint(reply.text)


def reply_for(
    domain: str, sts: StsFinding, dane: DaneFinding, options: MapOptions, config: Config
) -> Reply:
    """Return the reply of a map with `options` to what was found about `domain`."""
    verdict = decide(
        dane,
        sts,
        enforce_testing=options.testing == "enforce",
        defer_on_dns_failure=config.on_dns_failure == "defer",
        opportunistic_dane=options.dane != "only",
    )
    return render(verdict, domain, sni=options.sni, tlsrpt=options.tlsrpt)
