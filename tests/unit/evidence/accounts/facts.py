"""Facts as tables of tests write them, and what Postfix was told."""

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from mtasts_resolver.evidence.accounts import Account
from mtasts_resolver.evidence.deliveries import (
    Doubt,
    Encryption,
    Fact,
    InboundMessage,
    OutboundDelivery,
    Traffic,
)
from mtasts_resolver.evidence.report import Figure
from mtasts_resolver.evidence.told import UNKNOWN, Told
from mtasts_resolver.maillog.events import (
    Cause,
    DeliveryStatus,
    LoggedPeer,
    LoggedTls,
    TlsAttribute,
    TlsLevel,
)

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp()
BERLIN = ZoneInfo("Europe/Berlin")

SECURE = Told("secure", "mta-sts")
DANE = Told("dane-only", "dane")
NOTFOUND = Told("notfound", "")


class Memory:
    """What Postfix was told: of each domain, from which time on."""

    def __init__(self, **told: Told) -> None:
        self._changes = {
            name.replace("_", "."): [(float("-inf"), value)] for name, value in told.items()
        }

    def change(self, domain: str, time: float, told: Told) -> "Memory":
        """Have it be `told` from `time` on."""
        self._changes.setdefault(domain, []).append((time, told))
        return self

    def told(self, domain: str, time: float | None) -> Told:
        """Return what it was told at a time."""
        known = [told for at, told in self._changes.get(domain, []) if time is None or at <= time]
        return known[-1] if known else UNKNOWN


def session(
    level: str, version: str = "TLSv1.3", cipher: str = "AES256", group: str = "X25519"
) -> LoggedTls:
    """Return a TLS session."""
    return LoggedTls(TlsLevel(level), version, cipher, group)


def sent(
    domain: str = "partner.example",
    level: str = "trusted",
    *,
    at: float | None = NOON,
    mx: str = "",
    queue_id: str = "Q1",
    recipient: str = "",
    address: str = "192.0.2.1",
    status: DeliveryStatus = DeliveryStatus.SENT,
    cause: Cause | None = None,
    reason: str = "",
    delay: float = 1.0,
    doubt: Doubt | None = None,
    wanted: TlsAttribute | None = None,
    traffic: Traffic = Traffic.NETWORK,
    tls: LoggedTls | None = None,
    connected: bool = True,
    reported: str = "",
) -> OutboundDelivery:
    """Return a delivery: its level is one of TLS, `none`, or empty if it cannot be told."""
    encryption = Encryption.ENCRYPTED if level else Encryption.UNKNOWN
    if level == "none":
        encryption = Encryption.PLAIN
    secured = encryption is Encryption.ENCRYPTED
    return OutboundDelivery(
        time=at,
        host="out",
        service="postfix",
        queue_id=queue_id,
        recipient=recipient or f"someone@{domain}",
        domain=domain,
        peer=LoggedPeer(mx or f"mx.{domain}", address, 25) if connected else None,
        traffic=traffic,
        status=status,
        dsn="2.0.0",
        delay=delay,
        encryption=encryption,
        tls=tls or (session(level) if secured else None),
        level=level,
        doubt=doubt or (None if level else Doubt.NO_TLS_LOGGED),
        wanted=wanted,
        cause=cause,
        reason=reason,
        reported=reported,
    )


def deferred(
    domain: str = "partner.example",
    cause: Cause | None = None,
    *,
    at: float | None = NOON,
    level: str = "untrusted",
    mx: str = "",
    queue_id: str = "Q1",
    recipient: str = "",
    address: str = "192.0.2.1",
    reason: str = "Server certificate not verified",
    delay: float = 1.0,
    bounced: bool = False,
    connected: bool = True,
    wanted: TlsAttribute | None = None,
) -> OutboundDelivery:
    """Return an attempt that failed."""
    return sent(
        domain,
        level,
        at=at,
        mx=mx,
        queue_id=queue_id,
        recipient=recipient,
        address=address,
        status=DeliveryStatus.BOUNCED if bounced else DeliveryStatus.DEFERRED,
        cause=cause,
        reason=reason,
        delay=delay,
        connected=connected,
        wanted=wanted,
    )


def received(
    host: str = "client.example",
    level: str = "anonymous",
    *,
    at: float | None = NOON,
    address: str = "198.51.100.1",
    traffic: Traffic = Traffic.NETWORK,
) -> InboundMessage:
    """Return a message that came in."""
    delivery = sent(level=level)
    return InboundMessage(
        time=at,
        host="in",
        service="postfix",
        queue_id="Q1",
        peer=LoggedPeer(host, address, None),
        traffic=traffic,
        encryption=delivery.encryption,
        tls=delivery.tls,
        level=level,
        doubt=delivery.doubt,
    )


def account_of(
    facts: Iterable[Fact],
    memory: Memory | None = None,
    *,
    since: float | None = None,
    until: float | None = None,
    domains: Iterable[str] = (),
) -> Account:
    """Return the account of `facts`, in Berlin."""
    account = Account(
        memory or Memory(), BERLIN, since=since, until=until, domains=frozenset(domains)
    )
    for fact in facts:
        account.add(fact)
    return account


def figure(account: Account, key: str) -> Figure:
    """Return a figure of an account that knows nothing of the daemon."""
    return next(figure for figure in account.figures(None) if figure.key == key)


def parts(figure: Figure) -> tuple[int, int, int]:
    """Return how many of how many, and how many cannot be told."""
    return figure.numerator, figure.denominator, figure.unknown
