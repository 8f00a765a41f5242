"""What a line of Postfix's log says, as values; and the line itself, as whoever wrote it had it."""

from enum import StrEnum

from msgspec import Struct


class LogLine(Struct, frozen=True, gc=False):
    """One line of a program of Postfix, its head taken apart."""

    time: float | None
    """Seconds since 1970; None where the line has no time."""
    host: str
    """The host that logged it, as written; empty where the line names none."""
    service: str
    """What syslog_name is for it, such as `postfix` or `postfix/relay`; empty if unknown."""
    daemon: str
    """The program: `smtp`, `smtpd`, `tlsproxy`."""
    pid: int | None
    message: str


class TlsLevel(StrEnum):
    """What Postfix found out of who the peer is (smtp_tls_loglevel(5), TLS_README)."""

    ANONYMOUS = "anonymous"
    """It showed no certificate."""
    UNTRUSTED = "untrusted"
    """Its certificate is of nobody who is trusted here."""
    TRUSTED = "trusted"
    """Its certificate is trusted; that it has the right name was not looked at, or is not so."""
    VERIFIED = "verified"
    """It is who it must be: by a policy's patterns, or by TLSA records."""


class LoggedPeer(Struct, frozen=True, gc=False):
    """Whom a line is about: `mx.example[192.0.2.1]:25`."""

    host: str
    """In lower case; `unknown` where Postfix could not tell."""
    address: str
    """Of IPv4 or IPv6; the path of a unix socket; empty where there is none."""
    port: int | None = None


class LoggedTls(Struct, frozen=True, gc=False):
    """A TLS session, as its line has it."""

    level: TlsLevel
    version: str
    """Such as `TLSv1.3`; empty where the line was cut before."""
    cipher: str
    key_exchange: str
    """Such as `X25519MLKEM768`; empty where it is not logged (before Postfix 3.4, and TLS 1.2)."""


class Cause(StrEnum):
    """Why TLS was not as it must be; the words of docs/report.md, metrics and RFC 8460 §4.3."""

    NAME_MISMATCH = "name-mismatch"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    UNTRUSTED = "untrusted"
    SELF_SIGNED = "self-signed"
    NOT_VERIFIED = "not-verified"
    """The certificate was not good enough, and no line says why."""
    NO_STARTTLS = "no-starttls"
    STARTTLS_REFUSED = "starttls-refused"
    HANDSHAKE = "handshake"
    MX_OUTSIDE_POLICY = "mx-outside-policy"
    DANE_MISMATCH = "dane-mismatch"
    DANE_UNUSABLE = "dane-unusable"
    """`dane-only`, and no TLSA record that could be used, or no DNSSEC."""
    TLSA_LOOKUP = "tlsa-lookup"
    POLICY_LOOKUP = "policy-lookup"
    """Postfix's look-up in a policy table failed: a TEMP of ours, or nobody answered."""
    POLICY_INVALID = "policy-invalid"
    """What a policy table answered makes no sense to Postfix."""
    REQUIRETLS = "requiretls"


class DeliveryStatus(StrEnum):
    """How an attempt ended."""

    SENT = "sent"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    OTHER = "other"
    """`deliverable`, `undeliverable` (verify(8), sendmail -bv), and what is yet to come."""


class TlsAttribute(Struct, frozen=True, gc=False):
    """`tls=` of a delivery line (Postfix 3.11 and later)."""

    text: str
    """As logged."""
    level: str
    """The security level that was wanted, without marks: `may`, `encrypt`, `dane`, `secure`."""
    failed: bool = False
    """`!`: it was not reached, and so the delivery failed."""
    weaker: bool = False
    """`?`: it was not reached, and the delivery went on with less."""
    used: str = ""
    """What stands behind the colon: what it was in truth, such as `none` or `halfdane`."""
    requiretls: str = ""
    """What stands behind the slash."""


class Connected(Struct, frozen=True, gc=False, tag=True):
    """A TLS session was begun: `... TLS connection established to ...`, or `from`."""

    inbound: bool
    peer: LoggedPeer
    tls: LoggedTls
    reused: bool = False
    """`reused`: an earlier handshake's session goes on; this is not a new one."""


class Unverified(Struct, frozen=True, gc=False, tag=True):
    """`certificate verification failed for`: logged wherever it is so, enforced or not."""

    peer: LoggedPeer
    cause: Cause
    reason: str


class HandshakeFailed(Struct, frozen=True, gc=False, tag=True):
    """TLS was begun and came to nothing: `SSL_connect error to`, `SSL_accept error from`."""

    inbound: bool
    peer: LoggedPeer
    reason: str


class LibraryProblem(Struct, frozen=True, gc=False, tag=True):
    """`TLS library problem`: why, of the process's last handshake."""

    reason: str


class Delivery(Struct, frozen=True, gc=False, tag=True):
    """An attempt to deliver to one recipient has ended: a line with `to=<...>` and `status=`."""

    queue_id: str
    recipient: str
    """As logged; may hold anything."""
    peer: LoggedPeer | None
    """None for `relay=none`: nobody was connected to."""
    status: DeliveryStatus
    dsn: str
    delay: float
    """Seconds since the message came; 0 where the line was cut before."""
    reason: str
    cause: Cause | None = None
    """Why TLS held it, where that was the reason."""
    uses: int = 1
    """conn_use=: the how-manieth mail over this connection it is."""
    tls: TlsAttribute | None = None
    suspended: bool = False
    """`delivery temporarily suspended`: not tried again, `reason` is an earlier attempt's."""
    original: str = ""
    """orig_to=: for whom it was, before an alias made it this recipient's; empty if nobody else."""


class HostFailed(Struct, frozen=True, gc=False, tag=True):
    """`QUEUEID: Server certificate not verified`, and such: what is not yet sent goes another way.

    That is the next MX host; or the same again in plain text, where TLS is not demanded. So each
    line of smtp(8) that so ends a connection must be one of these, `QUEUEID: lost connection with
    HOST[IP] while ...` and `QUEUEID: host HOST[IP] said: 4...` too. After an answer to RCPT TO the
    connection goes on, for other recipients.
    """

    queue_id: str
    cause: Cause | None
    """None where it was not for TLS."""
    peer: LoggedPeer | None
    reason: str


class MxOutsidePolicy(Struct, frozen=True, gc=False, tag=True):
    """An MX host fits none of the policy's patterns (Postfix 3.10.5 and later)."""

    mx: str
    domain: str


class PolicyLookupFailed(Struct, frozen=True, gc=False, tag=True):
    """smtp_tls_policy_maps could not be asked for a next hop, or its answer is of no use."""

    domain: str
    """The next hop as asked for; empty where the line does not name it."""
    reason: str
    cause: Cause


class TlsReported(Struct, frozen=True, gc=False, tag=True):
    """A line `TLSRPT: status=...` (Postfix 3.10 and later)."""

    domain: str
    mx: LoggedPeer | None
    failure: str
    """The failure_type as RFC 8460 §4.3 spells it, with hyphens; empty for a success."""
    reason: str = ""


class ClientConnected(Struct, frozen=True, gc=False, tag=True):
    """smtpd(8): `connect from`."""

    peer: LoggedPeer


class MailAccepted(Struct, frozen=True, gc=False, tag=True):
    """smtpd(8): `QUEUEID: client=...`: a message begins to come in."""

    queue_id: str
    peer: LoggedPeer
    authenticated: bool
    """sasl_username= is there: a user's submission, not another server's mail."""
    origin: str = ""
    """orig_client=: whom an SMTP proxy before it names."""


class ClientLeft(Struct, frozen=True, gc=False, tag=True):
    """smtpd(8): `disconnect from`."""

    peer: LoggedPeer
    starttls: int
    """How often STARTTLS was accepted; 0 where the line has no counts."""
    mails: int


class LeftQueue(Struct, frozen=True, gc=False, tag=True):
    """qmgr(8), or postsuper(1): the message is gone from the queue."""

    queue_id: str
    expired: bool
    """It was returned to its sender, for it had waited too long."""


class PostfixStarted(Struct, frozen=True, gc=False, tag=True):
    """master(8): `daemon started -- version 3.7.11`, or `reload`."""

    version: str


class LinesLost(Struct, frozen=True, gc=False, tag=True):
    """Whoever writes the log says that it has dropped lines."""

    count: int | None
    """None where it does not say how many."""


MailEvent = (
    Connected
    | Unverified
    | HandshakeFailed
    | LibraryProblem
    | Delivery
    | HostFailed
    | MxOutsidePolicy
    | PolicyLookupFailed
    | TlsReported
    | ClientConnected
    | MailAccepted
    | ClientLeft
    | LeftQueue
    | PostfixStarted
    | LinesLost
)
"""What is of use in a log."""


class Meaning(StrEnum):
    """What a line means that is no event."""

    NOTHING = "nothing"
    """It is known, and of no use."""
    UNKNOWN = "unknown"
