"""The account of a period: facts go in, and the tables and figures of a report come out."""

from collections.abc import Iterable
from datetime import tzinfo

from mtasts_resolver.evidence.accounts.directions import DirectionTally
from mtasts_resolver.evidence.accounts.domaincounts import MAX_COUNTED, DomainTally, client_name
from mtasts_resolver.evidence.accounts.downgrades import SignsInWords
from mtasts_resolver.evidence.accounts.enforcement import EnforcementTally, held_by_word, next_hop
from mtasts_resolver.evidence.accounts.figures import (
    encrypted_figure,
    enforced_verified,
    enforcement_failures,
    enforcement_success,
    messages_held,
    policies_retrieved,
)
from mtasts_resolver.evidence.accounts.heldmail import (
    MAX_FAILURES,
    MAX_FOLLOWED,
    SUSPENDED,
    HeldMail,
)
from mtasts_resolver.evidence.accounts.localdays import LocalDays
from mtasts_resolver.evidence.accounts.plaintext import PlainTally
from mtasts_resolver.evidence.accounts.reasons import ReasonTally
from mtasts_resolver.evidence.accounts.watching import Watching
from mtasts_resolver.evidence.deliveries import (
    Encryption,
    Fact,
    FailedLookup,
    FailedSession,
    InboundMessage,
    MessageGone,
    OutboundDelivery,
    TlsObserved,
    Traffic,
)
from mtasts_resolver.evidence.report import (
    CountedRow,
    DirectionCounts,
    DomainCounts,
    Downgrade,
    EnforcementFailure,
    Figure,
    PolicyRetrieval,
    UnencryptedRow,
    UnverifiedDelivery,
)
from mtasts_resolver.evidence.told import ToldMemory
from mtasts_resolver.evidence.weakenings import PastWeakening
from mtasts_resolver.maillog.events import DeliveryStatus


class Account:
    """What facts of a period add up to. They come in the order of time.

    Facts before the period are needed to see what was lost in it, and facts after it to see what
    became of mail that was held in it: give all that there are.
    """

    def __init__(
        self,
        told: ToldMemory,
        zone: tzinfo,
        *,
        since: float | None = None,
        until: float | None = None,
        domains: frozenset[str] = frozenset(),
        watch: bool = True,
        tables: int = MAX_COUNTED,
    ) -> None:
        """Begin one from `since` to before `until`; without them, of all that comes.

        With `domains` only of these, and of their sub-domains, in the A-label form: of outgoing
        mail by the recipient's domain, of incoming by the client's host name. Without `watch` there
        are no downgrades to be told, and it is faster. Each of its tables has so many rows at most.
        """
        self._since = -_EVER if since is None else since
        self._until = _EVER if until is None else until
        self._bounded = since is not None or until is not None
        self._domains = domains
        self._below = tuple(f".{domain}" for domain in domains)
        self.calendar = LocalDays(zone)
        self.undated = 0
        """What has no time, and so may be of the period or not: it is in no count."""
        self._out = DirectionTally(self.calendar)
        self._in = DirectionTally(self.calendar)
        self._out_domains, self._in_hosts = DomainTally(tables), DomainTally(tables)
        self._out_plain = PlainTally(tables, inbound=False)
        self._in_plain = PlainTally(tables, inbound=True)
        self._told = told
        self._enforcement = EnforcementTally(told, self.calendar)
        self._watching = Watching(tables) if watch else None
        self._held = HeldMail(MAX_FOLLOWED, min(tables, MAX_FAILURES))
        self._inbound_failures, self._lookups = ReasonTally(), ReasonTally()

    def add(self, fact: Fact) -> None:
        """Count a fact."""
        time = fact.time
        if self._domains and not self._is_asked_for(fact):
            return
        if time is None and self._bounded:
            self.undated += not isinstance(fact, TlsObserved | MessageGone)
            return
        if self._watching is not None and time is not None and time < self._until:
            self._watching.add(fact, time)
        if time is not None and time < self._since:
            return
        within = time is None or time < self._until
        if isinstance(fact, OutboundDelivery):
            self._add_outbound(fact, within=within)
        elif isinstance(fact, MessageGone):
            self._held.gone(fact)
        elif within:
            self._add_other(fact)

    def _is_asked_for(self, fact: Fact) -> bool:
        """Tell whether a fact is of the domains that were asked for, or may be."""
        if isinstance(fact, MessageGone):
            return True
        if isinstance(fact, InboundMessage | TlsObserved) or (
            isinstance(fact, FailedSession) and fact.inbound
        ):
            return fact.peer is not None and self._is_of(client_name(fact.peer))
        return self._is_of(fact.domain)

    def _add_other(self, fact: InboundMessage | FailedSession | FailedLookup | TlsObserved) -> None:
        if isinstance(fact, InboundMessage):
            self._add_inbound(fact)
        elif isinstance(fact, FailedSession):
            self._add_failed_session(fact)
        elif isinstance(fact, FailedLookup):
            self._lookups.count(fact.cause, fact.reason)

    def _is_of(self, domain: str) -> bool:
        return domain in self._domains or domain.endswith(self._below)

    def _add_outbound(self, fact: OutboundDelivery, *, within: bool) -> None:
        if fact.traffic is not Traffic.NETWORK:
            if within and fact.status is DeliveryStatus.SENT:
                self._out.set_aside(fact.traffic)
            return
        if within:
            self._count_outbound(fact)
        self._held.end(fact, within=within)

    def _count_outbound(self, fact: OutboundDelivery) -> None:
        status = fact.status
        if status is DeliveryStatus.SENT:
            self._out.add(fact)
            domain = fact.domain
            row = self._out_domains.rows.get(domain) or self._out_domains.begin(domain)
            row.count(fact.encryption, fact.level)
            row.enforced = self._enforcement.sent(fact) or row.enforced
            if fact.encryption is Encryption.PLAIN:
                self._out_plain.count(fact.time, domain, fact.peer.host if fact.peer else "")
        elif status is not DeliveryStatus.OTHER:
            self._out.attempts_failed += 1
            if (cause := fact.cause) is not None:
                word = held_by_word(
                    self._enforcement.word(next_hop(fact), fact.time, fact.wanted), cause
                )
                if not fact.reason.startswith(SUSPENDED):
                    self._enforcement.hold(word)
                self._held.hold(fact, cause, word)
                self._out.day(fact.time).held += 1

    def _add_inbound(self, fact: InboundMessage) -> None:
        if fact.traffic is not Traffic.NETWORK:
            self._in.set_aside(fact.traffic)
            return
        name = client_name(fact.peer)
        self._in.add(fact)
        row = self._in_hosts.rows.get(name) or self._in_hosts.begin(name)
        row.count(fact.encryption, fact.level)
        if fact.encryption is Encryption.PLAIN:
            self._in_plain.count(fact.time, name, fact.peer.address)

    def _add_failed_session(self, fact: FailedSession) -> None:
        if fact.inbound:
            self._inbound_failures.count(fact.cause, fact.reason)
        else:
            word = self._enforcement.word(fact.domain, fact.time, None)
            self._held.give_up_host(fact, held_by_word(word, fact.cause))

    def outbound(self) -> DirectionCounts:
        """Return what went out."""
        return self._out.counts()

    def inbound(self) -> DirectionCounts:
        """Return what came in."""
        return self._in.counts()

    def outbound_domains(self) -> tuple[DomainCounts, ...]:
        """Return what went to each domain."""
        return self._out_domains.counts()

    def inbound_hosts(self) -> tuple[DomainCounts, ...]:
        """Return what came from each host."""
        return self._in_hosts.counts()

    def unverified(self) -> tuple[UnverifiedDelivery, ...]:
        """Return what went out unverified though TLS was enforced."""
        return tuple(self._enforcement.listed)

    def unencrypted(self) -> tuple[UnencryptedRow, ...]:
        """Return what went out, and came in, in plain text."""
        calendar = self.calendar
        return self._out_plain.unencrypted(calendar) + self._in_plain.unencrypted(calendar)

    def failures(self) -> tuple[EnforcementFailure, ...]:
        """Return what TLS held."""
        return self._held.failures(self.calendar)

    def inbound_failures(self) -> tuple[CountedRow, ...]:
        """Return why clients could not begin TLS with us."""
        return self._inbound_failures.rows()

    def lookups(self) -> tuple[CountedRow, ...]:
        """Return why Postfix's look-ups in policy tables failed."""
        return self._lookups.rows()

    def downgrades(self, weakenings: Iterable[PastWeakening] = ()) -> tuple[Downgrade, ...]:
        """Return the signs of a downgrade in the period; `weakenings` are the daemon's history."""
        words = SignsInWords(self.calendar, self._told, self._since, self._until)
        ours = [one for one in weakenings if not self._domains or self._is_of(one.domain)]
        return words.all(self._watching or Watching(0), ours)

    def figures(self, retrieval: PolicyRetrieval | None) -> tuple[Figure, ...]:
        """Return the figures, those that auditors ask for first."""
        outbound, held = self.outbound(), self._held
        return (
            enforced_verified(self._enforcement),
            enforcement_success(self._enforcement),
            encrypted_figure("outbound-encrypted", "Outgoing mail encrypted", outbound),
            encrypted_figure("inbound-encrypted", "Incoming mail encrypted", self.inbound()),
            policies_retrieved(retrieval),
            enforcement_failures(self._enforcement),
            messages_held(
                held.enforced, held.enforced_delivered, outbound.deliveries, held.unfollowed
            ),
        )


_EVER = float("inf")
