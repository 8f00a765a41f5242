"""Processes of smtpd(8): one client at a time, from `connect` to `disconnect`.

    connect from C
    TLS connection established from C
    QUEUEID: client=C                  once for each message
    disconnect from C ehlo=2 starttls=1 mail=1 ...

The last line is a second witness (Postfix 3.0 and later): it counts STARTTLS, whether or not
sessions are logged. So a message that has no session is held back until then.
"""

from msgspec.structs import replace

from mtasts_resolver.evidence.deliveries import (
    Doubt,
    Encryption,
    FailedSession,
    InboundMessage,
)
from mtasts_resolver.evidence.joins.logs import (
    Beginning,
    HostLog,
    Message,
    ServiceLog,
    is_session,
    unknown,
)
from mtasts_resolver.maillog.events import (
    ClientLeft,
    Connected,
    LoggedPeer,
    LoggedTls,
)

# Messages of one connection that wait for its end; who sends more has the others told at once.
MAX_HELD = 100


# How a line begins that tells of another client.
_CLIENT = ("conn", "disc")


class SmtpdProcess:
    """One process of smtpd(8), as its lines show it."""

    __slots__ = (
        "by_itself",
        "doubt",
        "epoch",
        "failed",
        "held",
        "host",
        "peer",
        "seen_at",
        "service",
        "tls",
        "told",
        "unqueued_at",
        "unqueued_count",
        "whole",
    )

    def __init__(self, host: HostLog, service: ServiceLog, beginning: Beginning) -> None:
        self.host = host
        self.service = service
        self.by_itself = False
        self.seen_at: float | None = None
        self.held: list[InboundMessage] = []
        """Messages of the connection that have no session."""
        self.unqueued_at: float | None = None
        self.unqueued_count = 0
        self.epoch = host.epoch
        self.begin(beginning.doubt)

    def begin(self, doubt: Doubt) -> None:
        """Know nothing of who is connected, for this reason."""
        self.peer: LoggedPeer | None = None
        self.whole = False
        """The connection's beginning was seen."""
        self.doubt = doubt
        self.tls: LoggedTls | None = None
        self.failed: FailedSession | None = None
        self.told = False

    def came(self, peer: LoggedPeer) -> list[Message]:
        """Take a client in; return what can be said of the one before."""
        before = self.end()
        self.peer = peer
        self.whole = True
        return before

    def missed(self, message: str) -> list[Message]:
        """Note that a line could not be read: it may have been cut. Return what can be said."""
        if message.startswith(_CLIENT):
            return self.end()
        if is_session(message):
            self.whole = False
            self.doubt = Doubt.LINES_LOST
        return []

    def encrypted(self, time: float | None, event: Connected) -> list[Message]:
        """Note that a session begins; return what can be said of what came before it."""
        if self.peer is not None and self.peer.address != event.peer.address:
            before = self.end()
        elif time is not None and self.seen_at is not None and time < self.seen_at:
            # Its line stands behind others that were logged later: they may be within the session.
            self.whole = False
            self.doubt = Doubt.AMBIGUOUS
            before = []
        else:
            before = self._without_session(self.held)
            self.held = []
        self.tls = event.tls
        self.by_itself = True
        if self.peer is None:
            self.peer = event.peer
        return before

    def unqueued(self, time: float | None) -> int:
        """Count a message that is not queued, of those in one second."""
        self.unqueued_count = self.unqueued_count + 1 if time == self.unqueued_at else 1
        self.unqueued_at = time
        return self.unqueued_count

    def accepted(self, message: InboundMessage) -> list[Message]:
        """Take a message; return what can be said by now."""
        before: list[Message] = []
        if self.peer is not None and self.peer.address != message.peer.address:
            if self.whole and self.tls is None:
                # A proxy has said who the client is (XCLIENT), and has had TLS with it, or not.
                return [unknown(message, Doubt.AMBIGUOUS)]
            before = self.end()
        if self.peer is None:
            self.peer = message.peer
        if self.tls is not None:
            return [
                *before,
                replace(
                    message,
                    encryption=Encryption.ENCRYPTED,
                    tls=self.tls,
                    level=self.tls.level.value,
                ),
            ]
        if len(self.held) >= MAX_HELD:
            return self._without_session([message])
        self.held.append(message)
        return before

    def gone(self, event: ClientLeft) -> list[Message]:
        """See the client off; return what can be said of its messages."""
        if self.peer is not None and self.peer.address != event.peer.address:
            return self.end()
        service = self.service
        if event.starttls:
            service.offers_starttls = True
        elif event.mails and self.tls is not None:
            service.wraps = True
        held, self.held = self.held, []
        if event.starttls:
            doubt = Doubt.LINES_LOST if service.logs_tls else Doubt.NO_TLS_LOGGED
            before: list[Message] = [
                replace(message, encryption=Encryption.ENCRYPTED, level="", doubt=doubt)
                for message in held
            ]
        elif event.mails and service.offers_starttls and not service.wraps:
            before = list(held)
        else:
            before = self._without_session(held)
        self.begin(Doubt.LINES_LOST)
        return before

    def end(self) -> list[Message]:
        """End a connection whose last line is missing; return what can be said."""
        held, self.held = self.held, []
        before = self._without_session(held)
        self.begin(Doubt.LINES_LOST)
        return before

    def _without_session(self, messages: list[InboundMessage]) -> list[Message]:
        """Return what it means that no session was logged."""
        if not messages:
            return []
        if not self.whole:
            return [unknown(message, self.doubt) for message in messages]
        if self.by_itself:
            return list(messages)
        return [told for message in messages for told in self.service.plain(message)]
