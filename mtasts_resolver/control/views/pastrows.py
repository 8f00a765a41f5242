"""A history as it stood at a time: of each thing the last change until then, and the next one."""

from typing import NamedTuple

from mtasts_resolver.policy import NextHop
from mtasts_resolver.postfix.override import patterns_for
from mtasts_resolver.store.changes import Change, RecordedChange, Subject

# What of the daemon makes its answers other ones.
_TURNS = frozenset({"configuration-reloaded", "started", "dnssec-validated", "dnssec-unavailable"})
_LONG_AGO = float("-inf")


class Held(NamedTuple):
    """What held of one thing at a time."""

    text: str | None
    policy_id: str | None = None
    since: float | None = None
    """None: since before the first change that is kept."""
    reason: str = ""


class PastRows:
    """Takes the changes of a domain and those of the daemon, each in its order, and tells."""

    def __init__(self, time: float) -> None:
        self.time = time
        self.begins: float | None = None
        """The first change of the domain."""
        self.dnssec = ""
        """Whether DNSSEC was validated, as was told last."""
        self._last: dict[tuple[Subject, str], Change] = {}
        self._next: dict[tuple[Subject, str], Change] = {}
        self._answers: dict[tuple[str, str], RecordedChange] = {}
        self._turned = _LONG_AGO
        self._ran: Change | None = None
        self._runs: Change | None = None

    def add(self, kept: RecordedChange) -> None:
        """Take the next change."""
        change, past = kept.change, kept.change.time <= self.time
        if change.domain and self.begins is None:
            self.begins = change.time
        if change.subject is Subject.DAEMON:
            self._add_of_daemon(change)
        elif not past:
            self._next.setdefault((change.subject, change.hop), change)
        elif change.subject is Subject.ANSWER:
            self._answers.pop((change.hop, change.map), None)  # so that the latest comes last
            self._answers[change.hop, change.map] = kept
        else:
            self._last[change.subject, change.hop] = change

    def _add_of_daemon(self, change: Change) -> None:
        past = change.time <= self.time
        if change.event in {"started", "stopped"}:
            if past:
                self._ran, self._runs = change, None
            elif self._runs is None:
                self._runs = change
        if past and change.event.startswith("dnssec-"):
            self.dnssec = change.event
        if past and change.event in _TURNS:
            self._turned = max(self._turned, change.time)

    def held(self, subject: Subject, hop: str = "") -> Held | None:
        """Return what held; None where no change says so.

        What was before the first change that is kept, that one tells.
        """
        last = self._last.get((subject, hop))
        if last is not None:
            return Held(last.now, last.now_id, last.time, last.reason)
        coming = self._next.get((subject, hop))
        return None if coming is None else Held(coming.was, coming.was_id)

    def hops(self, subject: Subject) -> list[str]:
        """Return the next hops that changes of `subject` are about, the latest last."""
        if subject is Subject.ANSWER:
            return list(dict.fromkeys(hop for hop, _ in reversed(self._answers)))[::-1]
        return [hop for of, hop in dict.fromkeys((*self._next, *self._last)) if of is subject]

    def maps(self) -> list[str]:
        """Return the maps that were looked up in."""
        return list(dict.fromkeys(name for _, name in self._answers))

    def answered(self, hop: str, maps: tuple[str, ...]) -> RecordedChange | None:
        """Return the last answer in one of `maps`."""
        found = [self._answers.get((hop, name)) for name in maps]
        return max((each for each in found if each is not None), default=None)

    def turned(self, hop: NextHop) -> float:
        """Return when something has last changed of what answers for a next hop are made of."""
        parts = [
            (Subject.POLICY, ""),
            (Subject.DANE, str(hop)),
            *((Subject.OVERRIDE, pattern) for pattern in patterns_for(hop)),
        ]
        times = (self._last[part].time for part in parts if part in self._last)
        return max(self._turned, *times, _LONG_AGO)

    @property
    def running(self) -> tuple[bool | None, float | None]:
        """Whether the daemon ran, and since when it did or did not.

        One that was killed could not say so: then the next start without an end before it leaves
        the time between unknown.
        """
        ran, runs = self._ran, self._runs
        if ran is None:
            return None, None
        if ran.event == "stopped":
            return False, ran.time
        killed = runs is not None and runs.event == "started"
        return None if killed else True, ran.time
