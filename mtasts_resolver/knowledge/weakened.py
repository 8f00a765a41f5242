"""The domains to which mail is less protected than it was lately, for whoever marks them."""

from collections import Counter
from collections.abc import Iterator, Mapping

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.policy import DocumentError, Mode, Weakening, parse_text
from mtasts_resolver.store.changes import Change, ChangesRecorded, Subject, dane_status
from mtasts_resolver.store.changetable import Wanted
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.history import History

# Seconds for which a domain is marked if nothing comes back: whoever was to be asked was asked.
MARKED = 30 * 86_400.0
# Domains that are marked, the latest ones: more than an administrator looks into.
MAX_MARKED = 1_000

_ENDED_BY = {
    Subject.POLICY: (Weakening.MODE, Weakening.MX, Weakening.EXPIRED),
    Subject.RECORD: (Weakening.RECORD_GONE,),
    Subject.DANE: (Weakening.DANE_LOST,),
}


class WeakenedDomains:
    """Listens for changes that are kept, and knows what of them weakens protection still."""

    def __init__(self, events: Events, history: History, clock: Clock) -> None:
        self._history = history
        self._clock = clock
        self._marks: dict[str, dict[Weakening, float]] = {}
        self.since_start: Counter[Weakening] = Counter()
        """How often each was seen since the start."""
        events.listen(ChangesRecorded, self._recorded)

    async def run(self) -> None:
        """Read what was marked before the start; of that which has changed since, the latest."""
        await self._history.begun()
        since = self._clock.wall() - MARKED
        domains: dict[str, None] = {}
        try:
            async for page in self._history.pages(Wanted(weakened=True, since=since)):
                domains.update((kept.change.domain, None) for kept in page)
                if len(domains) >= MAX_MARKED:
                    break
            for domain in reversed(domains):
                changes: list[Change] = []
                async for page in self._history.pages(Wanted(domain=domain, since=since)):
                    changes += [kept.change for kept in page]
                for change in reversed(changes):
                    self._mark(change)
        except UnavailableError:  # the history has said so
            return

    def __len__(self) -> int:
        return sum(1 for _ in self.latest())

    def of(self, domain: str) -> Mapping[Weakening, float]:
        """Return by what mail to `domain` is less protected, and since when by the wall clock."""
        marks = self._marks.get(domain, {})
        oldest = self._clock.wall() - MARKED
        return {weakening: time for weakening, time in marks.items() if time >= oldest}

    def latest(self) -> Iterator[tuple[str, Mapping[Weakening, float]]]:
        """Yield the domains that are marked, the latest first, and by what."""
        found = ((domain, self.of(domain)) for domain in reversed(list(self._marks)))
        return ((domain, marks) for domain, marks in found if marks)

    def _recorded(self, told: ChangesRecorded) -> None:
        for _, change, _ in told.changes:
            self.since_start.update(map(Weakening, change.weakened))
            self._mark(change)

    def _mark(self, change: Change) -> None:
        """Take `change` for the latest of its domain."""
        marks = self._marks.get(change.domain, {})
        if change.weakened:
            marks = marks | dict.fromkeys(map(Weakening, change.weakened), change.time)
            self._marks.pop(change.domain, None)  # so that the order is that of the latest
        elif marks and _is_restored(change):
            ended = _ENDED_BY[change.subject]
            marks = {weakening: time for weakening, time in marks.items() if weakening not in ended}
        if marks:
            self._marks[change.domain] = marks
        else:
            self._marks.pop(change.domain, None)
        if len(self._marks) > MAX_MARKED:
            del self._marks[next(iter(self._marks))]


def _is_restored(change: Change) -> bool:
    """Tell whether it is now as though nothing had been weakened."""
    match change.subject:
        case Subject.POLICY:
            return _is_enforced(change.now)
        case Subject.RECORD:
            return change.now is None
        case Subject.DANE:
            return dane_status(change.now).value == "required"
    return False


def _is_enforced(text: str | None) -> bool:
    try:
        return parse_text(text or "").mode is Mode.ENFORCE
    except DocumentError:
        return False
