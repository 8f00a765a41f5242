"""Processes of smtp(8) and lmtp(8): one delivery at a time, each line in the order of what is done.

    [policy look-ups that failed]      of a delivery to come
    [certificate verification failed]  of the session to come
    TLS connection established to A    a session begins
    [QUEUEID: why not A]               it is over; the next host, or the same in plain text
    TLS connection established to B
    QUEUEID: to=..., relay=B           once for each recipient
    QUEUEID2: to=..., relay=B          no session of its own: another connection, in plain text

So it is the absence of a line that tells of plain text, and only where the log is whole.
"""

import re

from mtasts_resolver.evidence.deliveries import Doubt, Encryption, FailedSession
from mtasts_resolver.evidence.joins.connection import (
    IN_DOUBT,
    NO_SESSION,
    UNCONNECTED,
    Join,
    Why,
)
from mtasts_resolver.evidence.joins.logs import (
    NOTHING_BEFORE,
    Beginning,
    HostLog,
    ServiceLog,
    is_session,
)
from mtasts_resolver.evidence.joins.tlsword import compared
from mtasts_resolver.maillog.events import (
    Cause,
    Connected,
    Delivery,
    HandshakeFailed,
    HostFailed,
    LoggedPeer,
    LoggedTls,
    MxOutsidePolicy,
    PolicyLookupFailed,
    TlsReported,
    Unverified,
)

# Seconds that one attempt takes at the very most: a large message to a slow host. A session that is
# older than this is nobody's any more.
LONGEST_ATTEMPT = 3_600.0
# Seconds by which times may differ: they are logged as whole ones, and delays are rounded.
ROUNDING = 2.0
# Seconds between the lines of two recipients who are told of at once; a message that is deferred is
# not tried again so soon (minimal_backoff_time is 300).
AT_ONCE = 10.0
# Hosts that a delivery has failed at before it succeeds; smtp_mx_session_limit is 2.
MAX_LEFT_HOSTS = 10
# Recipients of one delivery; smtp_destination_recipient_limit is 50.
MAX_RECIPIENTS = 100
# After an answer of the host on one recipient, the connection goes on with the others. After all
# else that fails, what follows goes over a new connection; perhaps in plain text to the same host.
_GOES_ON = ("(in reply to RCPT TO command)", "(in reply to end of DATA command)")
_ENDS = ("lost connection with ", "conversation with ", "TLS is required", "connect to ")


# What is left of a line on a message.
_OF_MESSAGE = re.compile(r"(?P<id>[0-9A-Za-z]{5,25})(?:\Z|:(?P<delivery> to=<)?)")


class SmtpProcess:
    """One process of smtp(8) or lmtp(8), as its lines show it."""

    __slots__ = (
        "beginning",
        "by_itself",
        "epoch",
        "fresh",
        "handshake",
        "host",
        "join",
        "join_peer",
        "join_time",
        "left",
        "lookups",
        "outside",
        "problem",
        "queue_id",
        "recipients",
        "reported",
        "reported_owner",
        "seen_at",
        "service",
        "tls",
        "tls_contested",
        "tls_owner",
        "tls_peer",
        "tls_reused",
        "tls_time",
        "unverified",
        "why",
        "why_owner",
    )

    def __init__(self, host: HostLog, service: ServiceLog, beginning: Beginning) -> None:
        self.host = host
        self.service = service
        self.by_itself = False
        """It has logged a session that it began, and so would log each."""
        self.seen_at: float | None = None
        self.epoch = host.epoch
        self.beginning = beginning
        self.fresh = True
        """No line was seen that shows where a connection begins."""
        self.queue_id = ""
        """The message of the last line that names one."""
        self.tls: LoggedTls | None = None
        self.tls_peer: LoggedPeer | None = None
        self.tls_time: float | None = None
        self.tls_owner = ""
        """The message that the session was used for, empty if it is yet to come."""
        self.tls_reused = False
        self.tls_contested = False
        self.join: Join | None = None
        self.join_peer: LoggedPeer | None = None
        self.join_time: float | None = None
        self.recipients: list[str] = []
        self.unverified: Unverified | None = None
        self.handshake: HandshakeFailed | None = None
        self.problem = ""
        self.outside: list[MxOutsidePolicy] = []
        self.lookups: list[PolicyLookupFailed] = []
        self.reported: TlsReported | None = None
        self.reported_owner = ""
        self.left: list[tuple[str, FailedSession]] = []
        """Hosts that were given up for others, each with the message, until its domain is known."""
        self.why: Why | None = None
        self.why_owner = ("", "")

    def is_late(self, time: float | None) -> bool:
        """Tell whether a line of this time stands behind one that was logged later."""
        return time is not None and self.seen_at is not None and time < self.seen_at

    def missed(self, time: float | None, message: str) -> None:
        """Note that a line could not be read: it may have been cut."""
        if is_session(message):
            self.tls = None
            self.join = None
            self._doubt_what_was(time)
        elif cut := _OF_MESSAGE.match(message):
            self._turn_to(cut["id"])
            if cut["delivery"]:
                self.tls_owner = self.tls_owner or cut["id"]
            else:  # perhaps it says that the session is over
                self.tls = None
                self.join = None
                self._doubt_what_was(time)

    def replaced(self, time: float | None) -> None:
        """Note that Postfix was started: who has this pid from now on is another process."""
        self.tls = None
        self.join = None
        self._doubt_what_was(time)

    def _turn_to(self, queue_id: str) -> None:
        if queue_id != self.queue_id:
            self.queue_id = queue_id
            self.join = None
            self.recipients.clear()

    def _doubt_what_was(self, time: float | None) -> None:
        self.fresh = True
        self.beginning = Beginning(time, Doubt.LINES_LOST)

    def connected(self, time: float | None, event: Connected) -> None:
        """Note that a session begins, or is taken up again."""
        self.fresh = False
        self.tls = event.tls
        self.tls_peer = event.peer
        self.tls_time = time
        self.tls_owner = ""
        self.tls_reused = event.reused
        self.tls_contested = self.is_late(time)
        self.join = None
        if not event.reused:
            self.by_itself = True

    def gave_up(self, time: float | None, event: HostFailed) -> None:
        """Note that what is left of a message goes another way."""
        self.fresh = False
        self._turn_to(event.queue_id)
        if event.cause is None and event.reason.endswith(_GOES_ON):
            return
        self.tls = None
        self.join = None
        if event.cause is None and not event.reason.startswith(_ENDS) and event.reason[-1:] != ")":
            self._doubt_what_was(time)

    def left_tls(self, event: Delivery) -> bool:
        """Tell whether TLS came to nothing with a host before this delivery: it may be plain."""
        return any(
            queue_id == event.queue_id and failed.cause is Cause.HANDSHAKE
            for queue_id, failed in self.left
        )

    def whom_it_left(self, event: HostFailed) -> LoggedPeer | None:
        """Return the host that a message is not delivered to, as far as lines name it."""
        if event.peer is not None:
            return event.peer
        if event.cause is Cause.HANDSHAKE:
            return None if self.handshake is None else self.handshake.peer
        return self.tls_peer if self.tls is not None else None

    def reported_domain(self, event: Delivery) -> str:
        """Return the domain that a `TLSRPT:` line names for a delivery's session."""
        said = self.reported
        if said is None or self.reported_owner not in {"", event.queue_id}:
            return ""
        if said.mx is not None and (event.peer is None or said.mx.address != event.peer.address):
            return ""
        self.reported_owner = event.queue_id
        return said.domain

    def delivered(self, time: float | None, event: Delivery) -> Join:
        """Return what is known of the connection that a delivery went over."""
        peer = event.peer
        again = event.queue_id == self.queue_id and not self._is_later_attempt(time, event)
        if peer is None:
            join = UNCONNECTED
        elif again and self.join is not None and peer == self.join_peer:
            join = self.join
        elif self.tls is not None and self._is_its_session(time, event, again=again):
            self.tls_owner = event.queue_id
            join = IN_DOUBT[Doubt.AMBIGUOUS]
            if not self.tls_contested:
                join = Join(Encryption.ENCRYPTED, self.tls, self.tls.level.value)
        elif self.is_late(time):
            join = IN_DOUBT[Doubt.AMBIGUOUS]
        else:
            join = self._without_session(time, event)
        if not again:
            self.recipients.clear()
        if len(self.recipients) < MAX_RECIPIENTS:
            self.recipients.append(event.recipient)
        self.fresh = False
        self.queue_id = event.queue_id
        self.join = join
        self.join_peer = peer
        self.join_time = time
        return join if event.tls is None else compared(join, event.tls)

    def _is_later_attempt(self, time: float | None, event: Delivery) -> bool:
        """Tell whether a message is tried again that this process has tried before.

        It has each recipient once; but for aliases, all of which it tells of at once.
        """
        if event.recipient not in self.recipients or time is None or self.join_time is None:
            return False
        return time - self.join_time > AT_ONCE

    def _is_its_session(self, time: float | None, event: Delivery, *, again: bool) -> bool:
        """Tell whether the session that was begun last is this message's.

        It began when the message had come, unless the connection was one that was kept open.
        """
        if not is_same_peer(self.tls_peer, event.peer):
            return False
        if self.tls_owner and not (again and self.tls_owner == event.queue_id):
            return False
        if time is None or self.tls_time is None:
            return True
        if event.delay and not self.tls_reused and self.tls_time < time - event.delay - ROUNDING:
            return False
        return time - self.tls_time < LONGEST_ATTEMPT

    def _without_session(self, time: float | None, event: Delivery) -> Join:
        """Return what it means that no session was logged since this delivery began."""
        if self.fresh and self._may_begin_before(time, event):
            return IN_DOUBT[self.beginning.doubt]
        if (
            self.tls is not None
            and self.tls_owner == ""
            and is_same_peer(self.tls_peer, event.peer)
        ):
            return IN_DOUBT[Doubt.LINES_LOST]  # a session that nobody has used
        return NO_SESSION

    def _may_begin_before(self, time: float | None, event: Delivery) -> bool:
        """Tell whether this delivery, the first to be seen, may have begun before the log is whole.

        It did not where the message came later: a connection is made, or taken up again, for a
        message that is there.
        """
        since = self.beginning.since
        if since == NOTHING_BEFORE.since:
            return False
        if time is None or since is None:
            return True
        if time - since > LONGEST_ATTEMPT:
            return False
        return not event.delay or time - event.delay < since + ROUNDING


def is_same_peer(one: LoggedPeer | None, other: LoggedPeer | None) -> bool:
    """Tell whether two lines are about one peer, as far as each of them names it.

    A line that was cut has no port, nor had those of Postfix before 2.3, and no address either.
    """
    if one == other or one is None or other is None:
        return one == other
    if one.port is not None and other.port is not None and one.port != other.port:
        return False
    if one.address and other.address and one.address != other.address:
        return False
    return one.host == other.host
