"""Events that a peer or a domain can provoke, bounded in number."""

from collections import Counter
from collections.abc import Callable

from msgspec import Struct, field

from mtasts_resolver.base.logs import EventLogger

INTERVAL = 60.0  # seconds between two lines of one kind: enough to see it, too few to fill a disk
MAX_KINDS = 64  # told apart at once; reasons are constant texts, so that this is never reached

# Lines of one event about domains in an interval, one a second: whoever reads them cannot follow
# more, and a sender of junk mail has us look up domains by the hundred in a second.
MAX_LINES = 60
NAMED = 10  # domains that a summary names: enough to look into what they have in common
MAX_CODES = 16  # told apart in a summary; there are some twenty

_Kind = tuple[str, object]
_Write = Callable[..., None]  # a method of EventLogger
_DomainKind = tuple[str, _Write]


class RateLimitedLog:
    """Logs at most one event of a kind per `interval`.

    Events are of one kind if they have the same name and `reason`, bugs the same name and type of
    exception. `left_out` tells how many were not logged since the last of their kind was.
    """

    def __init__(
        self,
        log: EventLogger,
        clock: Callable[[], float],
        *,
        interval: float = INTERVAL,
    ) -> None:
        self._log = log
        self._clock = clock
        self._interval = interval
        self._written: dict[_Kind, tuple[float, int]] = {}  # the last line, left out since

    def bug(self, event: str, error: BaseException, /, **fields: object) -> None:
        """Log as EventLogger.bug does."""
        self._limit(self._log.bug, (event, type(error)), fields, event, error)

    def error(self, event: str, /, **fields: object) -> None:
        """Log as EventLogger.error does."""
        self._limit(self._log.error, (event, fields.get("reason")), fields, event)

    def warning(self, event: str, /, **fields: object) -> None:
        """Log as EventLogger.warning does."""
        self._limit(self._log.warning, (event, fields.get("reason")), fields, event)

    def _limit(self, write: _Write, kind: _Kind, fields: dict[str, object], *event: object) -> None:
        if kind not in self._written and len(self._written) >= MAX_KINDS:
            kind = ("", None)
        now = self._clock()
        last, left_out = self._written.get(kind, (None, 0))
        if last is not None and now - last < self._interval:
            self._written[kind] = (last, left_out + 1)
            return
        self._written[kind] = (now, 0)
        if left_out:
            fields["left_out"] = left_out
        write(*event, **fields)


class _Spell(Struct):
    """One interval of one event."""

    begun: float
    lines: int = 0
    left_out: int = 0
    domains: list[str] = field(default_factory=list)
    codes: Counter[object] = field(default_factory=Counter)


class DomainLog:
    """Logs what is seen of domains, of which there may be any number at once.

    At most MAX_LINES of an event are logged in an interval. What is left out is counted, logged at
    level debug, and told by one line `events-left-out` after the interval; `flush` must be called
    now and then for that.
    """

    def __init__(self, log: EventLogger, clock: Callable[[], float]) -> None:
        self._log = log
        self._write_left_out = log.debug
        self._clock = clock
        self._spells: dict[_DomainKind, _Spell] = {}

    def error(self, event: str, /, *, domain: str, **fields: object) -> None:
        """Log as EventLogger.error does."""
        self._limit(self._log.error, event, domain, fields)

    def warning(self, event: str, /, *, domain: str, **fields: object) -> None:
        """Log as EventLogger.warning does."""
        self._limit(self._log.warning, event, domain, fields)

    def info(self, event: str, /, *, domain: str, **fields: object) -> None:
        """Log as EventLogger.info does."""
        self._limit(self._log.info, event, domain, fields)

    def flush(self, *, at_once: bool = False) -> None:
        """Tell what was left out in the intervals that are over, or `at_once`."""
        now = self._clock()
        for kind in list(self._spells):
            if at_once or now - self._spells[kind].begun >= INTERVAL:
                self._end(kind)

    def _limit(self, write: _Write, event: str, domain: str, fields: dict[str, object]) -> None:
        now, kind = self._clock(), (event, write)
        spell = self._spells.get(kind)
        if spell is not None and now - spell.begun >= INTERVAL:
            self._end(kind)
            spell = None
        if spell is None:
            spell = self._spells[kind] = _Spell(now)
        if spell.lines < MAX_LINES:
            spell.lines += 1
            write(event, domain=domain, **fields)
            return
        spell.left_out += 1
        if len(spell.domains) < NAMED:
            spell.domains.append(domain)
        code = fields.get("code")
        if code in spell.codes or len(spell.codes) < MAX_CODES:
            spell.codes[code] += 1
        self._write_left_out(event, domain=domain, **fields)

    def _end(self, kind: _DomainKind) -> None:
        event, write = kind
        spell = self._spells.pop(kind)
        if spell.left_out:
            codes = [f"{code}:{count}" for code, count in spell.codes.most_common() if code]
            write(
                "events-left-out",
                of=event,
                count=spell.left_out,
                domains=spell.domains,
                **({"codes": codes} if codes else {}),
            )
