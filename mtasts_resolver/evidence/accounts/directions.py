"""What went out, or came in, by what TLS it had."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from mtasts_resolver.evidence.accounts.frequent import OTHERS
from mtasts_resolver.evidence.accounts.keyexchange import is_post_quantum
from mtasts_resolver.evidence.accounts.localdays import LocalDays
from mtasts_resolver.evidence.deliveries import (
    Doubt,
    Encryption,
    InboundMessage,
    OutboundDelivery,
    Traffic,
)
from mtasts_resolver.evidence.report import CountedRow, DayCounts, DirectionCounts
from mtasts_resolver.maillog.events import LoggedTls, TlsLevel

# Different sessions, by level, version, cipher, key exchange and doubt. An honest log has a few
# hundred; what is beyond is counted without its version, cipher and key exchange.
MAX_SESSION_KINDS = 5_000
# Ten years. Beyond, as in a log whose clock was wrong, what comes is in the totals alone.
MAX_DAYS = 3_660

NOT_LOGGED = "(not logged)"
"""In the place of a version, a cipher or a key exchange."""
LEVEL_UNKNOWN = "(unknown)"
"""In the place of a level: encrypted, but the log does not say how well the peer is known."""

_Kind = tuple[Encryption, str, Doubt | None, LoggedTls | None]
_OTHER_TLS = LoggedTls(TlsLevel.ANONYMOUS, OTHERS, OTHERS, OTHERS)


class DayTally:
    """What was counted on one day."""

    __slots__ = ("encrypted", "held", "plain", "unknown", "verified")

    def __init__(self) -> None:
        self.encrypted = self.plain = self.unknown = self.verified = self.held = 0


class DirectionTally:
    """One direction."""

    def __init__(self, days: LocalDays) -> None:
        self._calendar = days
        self._kinds: dict[_Kind, int] = {}
        self._days: dict[str, DayTally] = {}
        self._no_day = DayTally()
        self.local = 0
        self.submissions = 0
        self.attempts_failed = 0

    def add(self, fact: OutboundDelivery | InboundMessage) -> None:
        """Count a message that has crossed the network."""
        encryption = fact.encryption
        kind = (encryption, fact.level, fact.doubt, fact.tls)
        kinds = self._kinds
        try:
            kinds[kind] += 1
        except KeyError:
            self._count_new(kind)
        day = self.day(fact.time)
        if encryption is Encryption.ENCRYPTED:
            day.encrypted += 1
            if fact.level == TlsLevel.VERIFIED:
                day.verified += 1
        elif encryption is Encryption.PLAIN:
            day.plain += 1
        else:
            day.unknown += 1

    def _count_new(self, kind: _Kind) -> None:
        if len(self._kinds) >= MAX_SESSION_KINDS:
            encryption, level, doubt, tls = kind
            kind = (encryption, _known(level), doubt, tls and _OTHER_TLS)
        self._kinds[kind] = self._kinds.get(kind, 0) + 1

    def set_aside(self, traffic: Traffic) -> None:
        """Count a message that is none of the network's."""
        if traffic is Traffic.LOCAL:
            self.local += 1
        else:
            self.submissions += 1

    def day(self, time: float | None) -> DayTally:
        """Return where to count what was on the day of `time`."""
        if time is None:
            return self._no_day
        name = self._calendar.day_of(time)
        found = self._days.get(name)
        if found is None:
            if len(self._days) >= MAX_DAYS:
                return self._no_day
            found = self._days[name] = DayTally()
        return found

    def counts(self) -> DirectionCounts:
        """Return all of it."""
        sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
        post_quantum = 0
        for (encryption, level, doubt, tls), count in self._kinds.items():
            sums["encryption"][encryption] += count
            if doubt is not None:
                sums["doubt"][doubt] += count
            if encryption is Encryption.UNKNOWN:
                continue
            sums["level"][level or LEVEL_UNKNOWN] += count
            if encryption is Encryption.ENCRYPTED:
                group = tls.key_exchange if tls else ""
                sums["version"][(tls and tls.version) or NOT_LOGGED] += count
                sums["cipher"][(tls and tls.cipher) or NOT_LOGGED] += count
                sums["group"][group or NOT_LOGGED] += count
                post_quantum += count if is_post_quantum(group) else 0
        encryptions = sums["encryption"]
        return DirectionCounts(
            deliveries=encryptions.total(),
            encrypted=encryptions[Encryption.ENCRYPTED],
            plain=encryptions[Encryption.PLAIN],
            unknown=encryptions[Encryption.UNKNOWN],
            doubts=counted_rows(sums["doubt"]),
            levels=counted_rows(sums["level"]),
            versions=counted_rows(sums["version"]),
            ciphers=counted_rows(sums["cipher"]),
            key_exchanges=counted_rows(sums["group"]),
            post_quantum=post_quantum,
            local=self.local,
            submissions=self.submissions,
            attempts_failed=self.attempts_failed,
            by_day=tuple(_day_counts(self._days)),
        )


_LEVELS = frozenset({"", "none", *TlsLevel})


def _known(level: str) -> str:
    return level if level in _LEVELS else ""


def counted_rows(counts: Counter[str]) -> tuple[CountedRow, ...]:
    """Return the most frequent first; those that are as frequent in the order of their names."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(CountedRow(str(name), count) for name, count in ranked)


def _day_counts(days: dict[str, DayTally]) -> Iterable[DayCounts]:
    for name, day in sorted(days.items()):
        yield DayCounts(name, day.encrypted, day.plain, day.unknown, day.verified, day.held)
