"""What Postfix was told, made of all changes that the daemon's history holds.

Each look-up that got another answer than the last one of its next hop is a change, so between two
changes the first one was told. Where there is no change at all, either nobody asked or nothing was
found: the history leaves out what most domains get. That is `notfound` only where the history is
whole; where it does not reach, or nobody asked the daemon, or the daemon is known to have been
stopped, it is unknown.
"""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.evidence.overridesthen import OverridesThen
from mtasts_resolver.evidence.told import UNKNOWN, Told
from mtasts_resolver.store.changetable import MAX_DOMAIN_ROWS
from mtasts_resolver.store.history import KEPT

# Changes of answers that are kept in memory, 20 bytes and a next hop each: twice what a history may
# hold. Of more, which is no history of ours, the latest.
MAX_CHANGES = 1_000_000
# Answers that are told apart: there are ten or so, and an override may have any word.
MAX_ANSWERS = 1_000
# Maps that are told apart, as many as a configuration may want and a client may invent.
MAX_MAPS = 1_000
# Seconds for which the daemon may have been stopped before what it told last counts no more. Mail
# that is logged then was looked up before: a large message takes its time.
STOPPED_BRIEFLY = 300.0
# Seconds: where in a whole second of a log everything of that second has been told.
WITHIN_SECOND = 0.999_999
# Starts and stops that are kept, two each hour of a year.
MAX_RUNS = 20_000
# A history that holds fewer changes has not lost any for want of room (MAX_ROWS, MAX_BYTES there).
_ROOM = 10 * MAX_DOMAIN_ROWS
_A_DAY_OR_TWO = 2 * 86_400.0
_EVER = float("-inf")
_NO_LIMIT = 1 << 62

_WORDS: Mapping[str, str] = {"secure": "mta-sts", "dane": "dane", "dane-only": "dane"}
_RUNS = frozenset({"started", "stopped"})
_NOTHING = frozenset({"", "notfound", "temp", "perm"})
_NOT_TOLD = 0  # the code of what is unknown
_ABSENT = 1  # of what no change says anything of


class Usage(NamedTuple):
    """How often maps were asked, and since when, where that was counted."""

    lookups: Mapping[str, int]
    in_vain: Mapping[str, int]
    """How many of them got `notfound`."""
    since: float | None
    until: float | None

    def somebody_got_nothing(self, maps: Iterable[str]) -> bool:
        """Tell whether anybody may have got `notfound` in one of `maps`.

        Where all mail goes to a relay host that has a policy, nobody did: no domain was asked for.
        """
        return not self.lookups or any(self.in_vain.get(name, 0) for name in maps)


class _Rows:
    """Changes of answers, the latest first, in as little memory as they can have."""

    def __init__(self) -> None:
        self.times = array("d")
        self.codes = array("H")
        self.before = array("H")
        self.hops = array("L")
        self.maps = array("H")
        self.hop_numbers: dict[str, int] = {}
        self.map_numbers: dict[str, int] = {}
        self.answers = {"": _NOT_TOLD, "(absent)": _ABSENT}

    def __len__(self) -> int:
        return len(self.times)

    def add(self, change: BriefChange) -> None:
        self.times.append(change.time)
        self.codes.append(self._code(change.event))
        was = "(absent)" if change.was is None else change.was.partition(" ")[0]
        self.before.append(self._code(was))
        self.hops.append(_number(self.hop_numbers, change.hop, _NO_LIMIT))
        self.maps.append(_number(self.map_numbers, change.map, MAX_MAPS))

    def _code(self, answer: str) -> int:
        return _number(self.answers, answer, MAX_ANSWERS)


def _number(numbers: dict[str, int], name: str, limit: int) -> int:
    """Return the number of a name; of one too many, that of the first."""
    if name not in numbers and len(numbers) >= limit:
        return 0
    return numbers.setdefault(name, len(numbers))


class ToldHistory:
    """The memory. `add` each change, the latest first, then `finish`."""

    def __init__(self) -> None:
        self._rows = _Rows()
        self._overrides = OverridesThen()
        self._runs: list[tuple[float, bool]] = []
        self._given = Counter[str]()
        self._asked_since: float | None = None
        self._first_number = 0
        self.changes = 0
        """How many changes were added, of whatever."""
        self.begins: float | None = None
        """The time of the oldest change."""
        self.last: float | None = None
        """When the daemon has last written anything, as far as changes tell."""
        self.cut = False
        """There were too many changes: the oldest are left out."""
        self.map_name = ""
        """The map whose answers are told first."""
        self.maps_asked: tuple[str, ...] = ()
        """All that are known to have been asked, that which was asked most first."""
        self.differing: dict[str, int] = {}
        """Other maps that were asked, and for how many next hops they now answer otherwise."""
        self._known = array("d")
        self._places: dict[str, int] = {}
        self._starts = array("L")
        self._times = array("d")
        self._codes = array("H")
        self._told: list[Told] = []

    # -- filling -------------------------------------------------------------------------------

    def add(self, change: BriefChange) -> None:
        """Take the next older change."""
        self.changes += 1
        self._first_number = change.number
        self._note_times(change)
        if change.subject == "answer":
            if len(self._rows) >= MAX_CHANGES:
                self.cut = True
                return
            self._rows.add(change)
            if change.given or change.seen is not None:
                self._given[change.map] += 1
                asked = change.time if change.given else change.seen or change.time
                self._asked_since = min(asked, self._asked_since or asked)
        elif change.subject == "override":
            self._overrides.add(change)
        elif change.event in _RUNS and change.subject == "daemon" and len(self._runs) < MAX_RUNS:
            self._runs.append((change.time, change.event == "started"))

    def _note_times(self, change: BriefChange) -> None:
        if self.cut:
            return
        # What expired while the daemon did not run was noted when it ran again.
        if not (change.subject == "policy" and change.event == "expired") or self.begins is None:
            self.begins = change.time
        latest = change.time if change.seen is None else max(change.time, change.seen)
        self.last = latest if self.last is None else max(self.last, latest)

    def finish(
        self, *, whole: bool, now: float | None, usage: Usage, map_name: str | None = None
    ) -> None:
        """Make what was added ready to be asked.

        `whole` tells that all changes that there are were added; `now` is until when the daemon
        runs, None where that is not known; `map_name` a map that alone is meant.
        """
        self._overrides.finish()
        self._find_known(now, usage)
        maps = self._maps(usage, map_name)
        complete = whole and not self.cut and not self._has_lost()
        asked = not set(maps).isdisjoint(self.maps_asked) and usage.somebody_got_nothing(maps)
        self._arrange(maps, absent=complete and asked)
        self._rows = _Rows()

    def _has_lost(self) -> bool:
        """Tell whether the history has dropped changes for want of room, and not for their age."""
        if self._first_number <= 1 or self.changes < _ROOM or self.begins is None:
            return False
        return (self.last or self.begins) - self.begins < KEPT - _A_DAY_OR_TWO

    def _find_known(self, now: float | None, usage: Usage) -> None:
        """Find out when the daemon is known to have been asked, in pairs of from and until."""
        asked = [at for at in (self._asked_since, usage.since) if at is not None]
        ends = [at for at in (self.last, usage.until, now) if at is not None]
        if not asked or not ends:
            return
        begin = max(min(asked), self.begins or 0.0)
        edges = [begin]
        for time, started in reversed(self._runs):
            if time < begin:
                continue
            stopped = len(edges) % 2 == 0
            if stopped and started:
                if time <= edges[-1]:
                    edges.pop()  # it was only started again
                else:
                    edges.append(time)
            elif not stopped and not started:
                edges.append(max(time + STOPPED_BRIEFLY, edges[-1]))
        if len(edges) % 2:
            edges.append(max(edges[-1], max(ends) + STOPPED_BRIEFLY))
        self._known = array("d", sorted(edges))

    def _maps(self, usage: Usage, map_name: str | None) -> list[str]:
        """Return the maps whose answers count, that which is asked most first."""
        asked = usage.lookups or self._given
        names = {*self._rows.map_numbers, *asked}
        self.maps_asked = tuple(sorted(names, key=lambda name: (-asked.get(name, 0), name)))
        self.map_name = self.maps_asked[0] if self.maps_asked else "default"
        if map_name is not None:
            self.map_name = map_name.lower()
            return [self.map_name]
        return list(self.maps_asked)

    def _arrange(self, maps: list[str], *, absent: bool) -> None:
        """Bring rows into the order of next hops, and of time within each."""
        rows = self._rows
        self._told = [_told_by_itself(answer) for answer in rows.answers]
        self._told[_ABSENT] = Told("notfound", "") if absent else UNKNOWN
        asked = [name for name in maps if name in rows.map_numbers]
        ranks = {rows.map_numbers[name]: rank for rank, name in enumerate(asked)}
        # From the end, for they came the latest first: those of one time stay in their order.
        order = [row for row in range(len(rows) - 1, -1, -1) if rows.maps[row] in ranks]
        order.sort(key=rows.times.__getitem__)
        order.sort(key=lambda row: rows.hops[row] * MAX_MAPS + ranks[rows.maps[row]])
        names = list(rows.hop_numbers)
        differing = Counter[str]()
        for hop, of_maps in _grouped(order, rows):
            self._places[names[hop]] = len(self._starts)
            self._starts.append(len(self._times))
            first, *others = of_maps
            self._times.append(_EVER)
            self._codes.append(rows.before[first[0]])
            for row in first:
                self._times.append(rows.times[row])
                self._codes.append(rows.codes[row])
            for other in others:
                if rows.codes[other[-1]] != rows.codes[first[-1]]:
                    differing[asked[ranks[rows.maps[other[0]]]]] += 1
        self._starts.append(len(self._times))
        self.differing = dict(differing)

    # -- asking --------------------------------------------------------------------------------

    @property
    def reach(self) -> tuple[float, float] | None:
        """From when until when anything is known; None where nothing is."""
        return (self._known[0], self._known[-1]) if self._known else None

    @property
    def next_hops(self) -> int:
        """How many next hops there are of which anything but `notfound` was told."""
        return len(self._places)

    def told(self, domain: str, time: float | None) -> Told:
        """Return what Postfix was told of a next hop at `time`, that of a line of its log.

        Such a line comes after the answer that it is of. Where its time is a whole second, as in
        most logs, the answer may be of a fraction later: a domain's first mail, for which its
        policy was fetched, would be of the time before.
        """
        if time is not None and time % 1 == 0:
            time += WITHIN_SECOND
        if time is None or not bisect_right(self._known, time) % 2:
            return UNKNOWN
        place = self._places.get(domain)
        if place is None:
            told = self._told[_ABSENT] if self._told else UNKNOWN
        else:
            starts = self._starts
            row = bisect_right(self._times, time, starts[place], starts[place + 1]) - 1
            told = self._told[self._codes[row]]
        if self._overrides and told.action:
            return self._overrides.decided(told, domain, time)
        return told


def _told_by_itself(answer: str) -> Told:
    """Return an answer with what makes it be given where no override is known."""
    if answer in _NOTHING:
        return Told(answer, "")
    # Of itself the daemon answers with these levels alone.
    return Told(answer, _WORDS.get(answer, "override"))


def _grouped(order: Iterable[int], rows: _Rows) -> Iterator[tuple[int, list[list[int]]]]:
    """Yield each next hop, and its rows by map."""
    hop, of_maps = -1, list[list[int]]()
    for row in order:
        if rows.hops[row] != hop:
            if of_maps:
                yield hop, of_maps
            hop, of_maps = rows.hops[row], [[row]]
        elif rows.maps[row] != rows.maps[of_maps[-1][0]]:
            of_maps.append([row])
        else:
            of_maps[-1].append(row)
    if of_maps:
        yield hop, of_maps
