"""Each figure of a report, beside what it must be by the truth of a recording."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Protocol

from msgspec import Struct

from mtasts_resolver.evidence.report import (
    CountedRow,
    DirectionCounts,
    DomainCounts,
    EnforcementFailure,
    Figure,
    UnencryptedRow,
    UnverifiedDelivery,
)
from mtasts_resolver.maillog.events import Cause
from tests.recordings.truth import Outgoing, Session, Truth


class Told(Protocol):
    """What a report tells of deliveries: it, or the account that it is made of."""

    @property
    def outbound(self) -> DirectionCounts: ...
    @property
    def inbound(self) -> DirectionCounts: ...
    @property
    def outbound_domains(self) -> tuple[DomainCounts, ...]: ...
    @property
    def failures(self) -> tuple[EnforcementFailure, ...]: ...
    @property
    def inbound_hosts(self) -> tuple[DomainCounts, ...]: ...
    @property
    def lookups(self) -> tuple[CountedRow, ...]: ...
    @property
    def inbound_failures(self) -> tuple[CountedRow, ...]: ...
    @property
    def unencrypted(self) -> tuple[UnencryptedRow, ...]: ...
    @property
    def unverified(self) -> tuple[UnverifiedDelivery, ...]: ...
    @property
    def figures(self) -> tuple[Figure, ...]: ...


class Compared(Struct, frozen=True):
    """A figure, and the truth."""

    name: str
    reported: object
    true: object

    @property
    def agrees(self) -> bool:
        return self.reported == self.true


def compare(told: Told, truth: Truth, *, settled: bool = True) -> list[Compared]:
    """Return all figures, each beside the truth.

    `settled` tells that what Postfix was told was so for long, and that no session may be older.
    """
    return [
        *_direction("outgoing", told.outbound, [each for _, each in truth.deliveries()], truth),
        *_direction(
            "incoming",
            told.inbound,
            [each.session for each in truth.incoming if not each.submission],
            truth,
        ),
        *_beside_the_network(told, truth),
        *_domains(told, truth),
        *_hosts(told, truth),
        *_failures(told, truth),
        *_plain(told, truth),
        *_enforced(told, truth, settled=settled),
        *_shares(told, truth),
    ]


def _tells(truth: Truth, session: Session) -> bool:
    """Tell whether the log says that there was TLS: it does in `tls=`, if nowhere else."""
    return not session.silent or truth.version >= (3, 11)


def _direction(
    name: str, counts: DirectionCounts, sessions: list[Session], truth: Truth
) -> Iterator[Compared]:
    known = [each for each in sessions if _tells(truth, each)]
    encrypted = [each for each in known if each.encrypted]
    in_full = [each for each in encrypted if not each.silent]
    yield Compared(f"{name}: deliveries", counts.deliveries, len(sessions))
    yield Compared(f"{name}: encrypted", counts.encrypted, len(encrypted))
    yield Compared(f"{name}: in plain text", counts.plain, len(known) - len(encrypted))
    yield Compared(f"{name}: not to be told", counts.unknown, len(sessions) - len(known))
    silent = {"(unknown)": len(encrypted) - len(in_full)}
    levels = Counter(each.level for each in known if not each.silent) + Counter(silent)
    yield from _rows(f"{name}: level", counts.levels, levels)
    untold = +Counter({"(not logged)": len(encrypted) - len(in_full)})
    yield from _rows(
        f"{name}: version", counts.versions, Counter(each.version for each in in_full) + untold
    )
    yield from _rows(
        f"{name}: cipher", counts.ciphers, Counter(each.cipher for each in in_full) + untold
    )
    quantum = sum(each.post_quantum for each in in_full)
    yield Compared(f"{name}: post-quantum", counts.post_quantum, quantum)


def _beside_the_network(told: Told, truth: Truth) -> Iterator[Compared]:
    failed = sum(attempt.status != "sent" for _, attempt in truth.attempts())
    submissions = sum(each.submission for each in truth.incoming)
    handshakes = sum(row.count for row in told.inbound_failures)
    yield Compared("outgoing: to this host itself", told.outbound.local, truth.local)
    yield Compared("outgoing: attempts that failed", told.outbound.attempts_failed, failed)
    yield Compared("incoming: from this host itself", told.inbound.local, truth.local_incoming)
    yield Compared("incoming: from users", told.inbound.submissions, submissions)
    yield Compared("incoming: handshakes that failed", handshakes, truth.failed_handshakes)


def _domains(told: Told, truth: Truth) -> Iterator[Compared]:
    reported = {
        row.domain: (row.deliveries, row.encrypted, row.verified, row.plain, row.unknown)
        for row in told.outbound_domains
    }
    true: dict[str, tuple[int, ...]] = {}
    for outgoing, session in truth.deliveries():
        tells = _tells(truth, session)
        encrypted = session.encrypted and tells
        verified = session.level == "verified"
        added = (1, encrypted, verified, not session.encrypted and tells, not tells)
        before = true.get(outgoing.domain, (0,) * len(added))
        true[outgoing.domain] = tuple(a + b for a, b in zip(before, added, strict=True))
    what = "deliveries, encrypted, verified, plain, unknown"
    for domain in sorted(reported.keys() | true.keys()):
        yield Compared(f"to {domain}: {what}", reported.get(domain), true.get(domain))


def _hosts(told: Told, truth: Truth) -> Iterator[Compared]:
    reported = {
        row.domain.strip("[]"): (row.deliveries, row.encrypted, row.plain)
        for row in told.inbound_hosts
    }
    sessions: dict[str, list[bool]] = {}
    for message in truth.incoming:
        if not message.submission:
            sessions.setdefault(message.client, []).append(message.session.encrypted)
    for client in sorted(reported.keys() | sessions.keys()):
        encrypted = sessions.get(client, [])
        true = (len(encrypted), sum(encrypted), len(encrypted) - sum(encrypted))
        name = f"from {client}: messages, encrypted, plain"
        yield Compared(name, reported.get(client), true)


def _failures(told: Told, truth: Truth) -> Iterator[Compared]:
    attempts = truth.held()
    messages: dict[tuple[str, str, str], Counter[str]] = {}
    for outgoing, place in truth.held_messages():
        messages.setdefault(place, Counter())[outgoing.end] += 1
    reported = {(row.domain, row.mx, row.cause): row for row in told.failures}
    for place in sorted(reported.keys() | attempts.keys()):
        row, ends = reported.get(place), messages.get(place, Counter())
        name = "held: " + ", ".join(word or "no host" for word in place)
        yield Compared(f"{name}: attempts", row and row.attempts, attempts.get(place))
        yield Compared(f"{name}: messages", row and row.messages, ends.total())
        yield Compared(f"{name}: delivered later", row and row.delivered, ends["delivered"])
        bounced = ends["bounced"] + ends["expired"]
        yield Compared(f"{name}: bounced", row and row.bounced, bounced)
        yield Compared(f"{name}: waiting", row and row.waiting, ends["waiting"])
        yield Compared(f"{name}: gone", row and row.gone, ends["deleted"])


def _plain(told: Told, truth: Truth) -> Iterator[Compared]:
    outgoing = Counter(each.domain for each, session in truth.deliveries() if not session.encrypted)
    incoming = Counter(each.client for each in truth.incoming if not each.session.encrypted)
    for inbound, name, true in ((False, "to", outgoing), (True, "from", incoming)):
        reported: Counter[str] = Counter()
        for row in told.unencrypted:
            if row.inbound is inbound:
                reported[row.domain.strip("[]")] += row.deliveries
        for who in sorted(reported | true):
            yield Compared(f"in plain text {name} {who}", reported[who], true[who])


def _enforced(told: Told, truth: Truth, *, settled: bool) -> Iterator[Compared]:
    """Yield what became of mail where TLS was enforced, and the report can know that.

    What Postfix was told it knows of recipients' domains; of other next hops, as relayhost has
    them, `tls=` tells.
    """
    latest = truth.version >= (3, 11)
    figures = {figure.key: figure for figure in told.figures}
    enforced = [
        (each, session)
        for each, session in truth.deliveries()
        if each.enforced and (latest or not each.next_hop)
        if latest or settled or session.level == "verified"
    ]
    verified = sum(session.level == "verified" for _, session in enforced)
    figure = figures["enforced-verified"]
    yield Compared("to enforcing domains", figure.denominator, len(enforced))
    yield Compared("to enforcing domains: verified", figure.numerator, verified)
    unverified = sorted(each.domain for each, session in enforced if session.level != "verified")
    listed = sorted(each.domain for each in told.unverified)
    yield Compared("to enforcing domains: unverified", listed, unverified)


def _shares(told: Told, truth: Truth) -> Iterator[Compared]:
    """Yield the figures that are made of others."""
    figures = {figure.key: (figure.numerator, figure.denominator) for figure in told.figures}
    for key, counts in (("outbound", told.outbound), ("inbound", told.inbound)):
        true = (counts.encrypted, counts.encrypted + counts.plain)
        yield Compared(f"figure {key}-encrypted", figures[f"{key}-encrypted"], true)
    held = {id(each) for each, place in truth.held_messages() if shows_enforcement(each, place[2])}
    sent = [each for each, _ in truth.deliveries()]
    both = sum(id(each) in held for each in sent)
    true = (len(held), len(sent) + len(held) - both)
    yield Compared("figure messages-held", figures["messages-held"], true)
    asked_in_vain = sum(
        attempt.cause in {Cause.POLICY_LOOKUP, Cause.POLICY_INVALID} and not attempt.suspended
        for _, attempt in truth.attempts()
    )
    reported = sum(row.count for row in told.lookups)
    yield Compared("look-ups that failed", reported, asked_in_vain)


def shows_enforcement(outgoing: Outgoing, cause: str) -> bool:
    """Tell whether it is known that TLS was enforced where it held mail for a cause.

    A handshake that fails holds mail once where TLS is only tried.
    """
    if outgoing.enforced and not outgoing.next_hop:
        return True
    return cause != Cause.HANDSHAKE


def _rows(name: str, rows: Iterable[CountedRow], true: Counter[str]) -> Iterator[Compared]:
    reported = Counter({row.name: row.count for row in rows})
    for each in sorted(reported | true):
        yield Compared(f"{name} {each}", reported[each], true[each])
