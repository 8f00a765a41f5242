"""What is watched for protection that is lost: TLS, its level, and certificates.

Each is a series of observations (streaks.py) of a host, a domain, or a domain's mail at a host.

| kind | of | good | bad |
|---|---|---|---|
| `tls-vanished` | an MX host, a client | a delivery over TLS | one in plain text |
| `tls-vanished` | a domain | the same | the same |
| `level-fell` | an MX host | trusted | untrusted, anonymous |
| `level-fell` | a domain | verified | any other level, and plain text |
| `certificate-failing` | a domain at an MX host | verified | held, for its certificate |

A domain may have a second MX host that never had TLS. That it is used while the first one is away
is no loss: in plain text a domain is only where it stays so for days. Of a host's level only
deliveries count that need not be verified: those that must be, and are not, are held.
"""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from mtasts_resolver.evidence.accounts.domaincounts import client_name
from mtasts_resolver.evidence.accounts.frequent import FrequentRows
from mtasts_resolver.evidence.accounts.streaks import Loss, Streaks
from mtasts_resolver.evidence.deliveries import (
    Encryption,
    Fact,
    FailedSession,
    InboundMessage,
    OutboundDelivery,
    Traffic,
)
from mtasts_resolver.maillog.events import Cause, DeliveryStatus, LoggedPeer, TlsLevel

# Seconds for which a domain is in plain text before that is a sign: an MX host that is away, so
# that another one without TLS is used, is back before.
DOMAIN_STAYS = 3 * 86_400.0
# So many losses of one kind, after the first of which nothing was good any more anywhere: one's own
# set-up has changed, not that of so many others.
ALL_AT_ONCE = 3

_CERTIFICATE = frozenset(
    {
        *(Cause.NAME_MISMATCH, Cause.EXPIRED, Cause.NOT_YET_VALID, Cause.UNTRUSTED),
        *(Cause.SELF_SIGNED, Cause.NOT_VERIFIED, Cause.DANE_MISMATCH),
    }
)
_SMTP = 25
_NAMELESS = frozenset({"", "unknown"})
_Key = TypeVar("_Key")

PLAIN = "plain"
"""How a message went in plain text, where others have their level."""


class Lost(NamedTuple):
    """What was lost, and of what."""

    host: str
    """Empty where it is of a domain, whatever host its mail goes to."""
    domain: str
    """Empty where it is of a host, whatever mail goes there."""
    loss: Loss


class LossWatch(FrequentRows[_Key, Streaks], Generic[_Key]):
    """One kind of loss, of many hosts, domains, or domains at hosts: each has a key."""

    def __init__(self, named: Callable[[_Key], tuple[str, str]], capacity: int) -> None:
        super().__init__(Streaks, capacity=capacity)
        self._named = named

    def good(self, key: _Key, time: float, how: str, where: str) -> None:
        """Note that it was good."""
        (self.rows.get(key) or self.begin(key)).see_good(time, how, where)

    def bad(self, key: _Key, time: float, how: str, where: str) -> None:
        """Note that it was not good; where it never was, nothing can be lost."""
        if (row := self.rows.get(key)) is not None:
            row.see_bad(time, how, where)

    def losses(self, since: float) -> list[Lost]:
        """Return what was lost at `since` or later, in the order of time."""
        found = [
            Lost(*self._named(key), loss)
            for key, row in self.rows.items()
            if (loss := row.loss()) is not None and loss.after.first >= since
        ]
        return sorted(found, key=lambda lost: (lost.loss.after.first, lost.host, lost.domain))

    def is_everywhere(self, lost: list[Lost]) -> bool:
        """Tell whether nothing is good any more anywhere since the first of them was lost."""
        if len(lost) < ALL_AT_ONCE:
            return False
        last_good = max(row.last_good for row in (self.others, *self.rows.values()))
        return lost[0].loss.after.first > last_good


class Watching:
    """All that is watched: of each kind so many hosts or domains.

    Those with the least mail are forgotten first, of which the least can be said.
    """

    def __init__(self, capacity: int) -> None:
        self.hosts = LossWatch(_host, capacity)
        """TLS of MX hosts."""
        self.clients = LossWatch(_host, capacity)
        """TLS of clients."""
        self.domains = LossWatch(_domain, capacity)
        """TLS of domains."""
        self.trusted = LossWatch(_host, capacity)
        """The level of MX hosts."""
        self.verified = LossWatch(_domain, capacity)
        """The level of domains."""
        self.certificates = LossWatch(_domain_at_host, capacity)
        """Certificates of MX hosts, for each domain that must verify them."""

    def add(self, fact: Fact, time: float) -> None:
        """Look at a fact."""
        if isinstance(fact, OutboundDelivery):
            if fact.traffic is not Traffic.NETWORK:
                return
            if fact.status is DeliveryStatus.SENT:
                self._sent(fact, time)
            elif fact.cause is not None:
                self._held(fact, time)
        elif isinstance(fact, InboundMessage):
            if fact.traffic is Traffic.NETWORK:
                self._came(fact, time)
        elif isinstance(fact, FailedSession) and not fact.inbound:
            self._held(fact, time)

    def _sent(self, fact: OutboundDelivery, time: float) -> None:
        """Look at a message that went out."""
        peer, encryption = fact.peer, fact.encryption
        if peer is None or encryption is Encryption.UNKNOWN:
            return
        domain, level = fact.domain, fact.level
        host, address = _host_of(peer), peer.address
        if encryption is Encryption.PLAIN:
            self.hosts.bad(host, time, PLAIN, address)
            self.domains.bad(domain, time, PLAIN, host)
            self.verified.bad(domain, time, PLAIN, host)
            return
        self.hosts.good(host, time, level, address)
        self.domains.good(domain, time, level, host)
        if level == TlsLevel.VERIFIED:
            self.verified.good(domain, time, level, host)
            self.certificates.good((domain, host), time, level, address)
        elif level:
            self.verified.bad(domain, time, level, host)
            watch = self.trusted.good if level == TlsLevel.TRUSTED else self.trusted.bad
            watch(host, time, level, address)

    def _held(self, fact: OutboundDelivery | FailedSession, time: float) -> None:
        """Look at an attempt that came to nothing for its host's certificate."""
        peer = fact.peer
        if peer is not None and fact.cause in _CERTIFICATE:
            key = (fact.domain, _host_of(peer))
            self.certificates.bad(key, time, fact.cause.value, peer.address)

    def _came(self, fact: InboundMessage, time: float) -> None:
        """Look at a message that came in, from a client that has a name."""
        peer, encryption = fact.peer, fact.encryption
        if encryption is Encryption.UNKNOWN or peer.host in _NAMELESS:
            return
        if encryption is Encryption.PLAIN:
            self.clients.bad(peer.host, time, PLAIN, peer.address)
        else:
            self.clients.good(peer.host, time, fact.level, peer.address)


def _host(host: str) -> tuple[str, str]:
    return host, ""


def _domain(domain: str) -> tuple[str, str]:
    return "", domain


def _domain_at_host(key: tuple[str, str]) -> tuple[str, str]:
    domain, host = key
    return host, domain


def _host_of(peer: LoggedPeer) -> str:
    name = client_name(peer)
    return name if peer.port == _SMTP or peer.port is None else f"{name}:{peer.port}"


def staying_plain(lost: list[Lost], hosts: list[Lost]) -> Iterator[Lost]:
    """Yield the domains that stay in plain text, at a host that has not lost TLS itself."""
    known = {each.host for each in hosts}
    for each in lost:
        run = each.loss.after
        stays = each.loss.over is None and run.last - run.first >= DOMAIN_STAYS
        if stays and run.where not in known:
            yield each
