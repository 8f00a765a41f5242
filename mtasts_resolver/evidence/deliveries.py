"""Deliveries with the TLS session that each went through, as far as the log tells it."""

from enum import StrEnum

from msgspec import Struct

from mtasts_resolver.maillog.events import (
    Cause,
    DeliveryStatus,
    LoggedPeer,
    LoggedTls,
    TlsAttribute,
)


class Encryption(StrEnum):
    """Whether a message crossed the wire within TLS."""

    ENCRYPTED = "encrypted"
    PLAIN = "plain"
    UNKNOWN = "unknown"
    """The log does not tell: `doubt` says why."""


class Doubt(StrEnum):
    """Why a delivery cannot be joined with a TLS session, or not with one alone."""

    AMBIGUOUS = "ambiguous"
    """Several sessions may be its own, and they differ."""
    NO_TLS_LOGGED = "no-tls-logged"
    """This service logs no TLS session at all: smtp_tls_loglevel, smtpd_tls_loglevel may be 0."""
    LOG_BEGINS = "log-begins"
    """The log may begin between the session and the delivery."""
    LINES_LOST = "lines-lost"
    """Lines were dropped, or cut, about that time."""
    NO_PROCESS = "no-process"
    """The lines have no process id, and what is left does not tell."""


class Traffic(StrEnum):
    """Who is at the other end."""

    NETWORK = "network"
    """Another host: what counts."""
    LOCAL = "local"
    """This host: loopback, a unix socket; a filter of its own."""
    SUBMISSION = "submission"
    """A user who has said who it is (SASL)."""


class OutboundDelivery(Struct, frozen=True, gc=False, kw_only=True):
    """One attempt to deliver to one recipient: one line of the log with `status=`."""

    time: float | None
    host: str
    service: str
    queue_id: str
    recipient: str
    domain: str
    """Of the recipient, A-label form in lower case; the next hop, unless a relayhost is set."""
    peer: LoggedPeer | None
    traffic: Traffic
    status: DeliveryStatus
    dsn: str
    delay: float
    encryption: Encryption
    """Of what was sent. PLAIN and ENCRYPTED also of an attempt that failed, where it is known."""
    tls: LoggedTls | None
    """None where it is not encrypted, or ambiguous; `level` is what all that it may be agree in."""
    level: str
    """`none`, `anonymous` ... `verified`; empty if it cannot be told."""
    doubt: Doubt | None
    wanted: TlsAttribute | None
    """tls= of Postfix 3.11 and later."""
    cause: Cause | None
    """Why TLS held it; of a name mismatch, expiry and the like from the lines before."""
    reason: str
    reported: str = ""
    """Its domain in a `TLSRPT:` line, where there was one."""


class InboundMessage(Struct, frozen=True, gc=False, kw_only=True):
    """One message that came in: one line of smtpd(8) with `client=`."""

    time: float | None
    host: str
    service: str
    queue_id: str
    peer: LoggedPeer
    traffic: Traffic
    encryption: Encryption
    tls: LoggedTls | None
    level: str
    doubt: Doubt | None


class FailedSession(Struct, frozen=True, gc=False, kw_only=True):
    """A TLS session that did not come about, or an MX host that was given up for another."""

    time: float | None
    host: str
    inbound: bool
    peer: LoggedPeer | None
    domain: str
    """Of the message, where a line tells it."""
    cause: Cause
    reason: str


class FailedLookup(Struct, frozen=True, gc=False, kw_only=True):
    """Postfix asked a policy table in vain."""

    time: float | None
    host: str
    domain: str
    cause: Cause
    reason: str


class TlsObserved(Struct, frozen=True, gc=False, kw_only=True):
    """A TLS session, whether or not a message went through it."""

    time: float | None
    host: str
    inbound: bool
    peer: LoggedPeer
    tls: LoggedTls


class MessageGone(Struct, frozen=True, gc=False, kw_only=True):
    """A message has left the queue: nobody waits for it any more."""

    time: float | None
    host: str
    queue_id: str
    expired: bool
    """It was returned to its sender, for it had waited too long."""


Fact = OutboundDelivery | InboundMessage | FailedSession | FailedLookup | TlsObserved | MessageGone
"""What the joins make out of lines."""
