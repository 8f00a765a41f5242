"""Logs that name no process (mailcow's API, some collectors): what the order of lines still tells.

Any number of processes may be at work between two lines. What is left is who is at the other end,
and counting: each session belongs to one connection, and each connection to one delivery, or one
client.

- **Out.** A delivery may have gone over a session with its host that was begun after the message
  had come, and before its line. Where there is none, it went in plain text. Where there are as many
  sessions as deliveries that may have used one of them, each has its own: all are encrypted.
  Anything else is not known.
- **In.** While all connections that a client has open have a session, what it sends comes within
  TLS. While none has, it comes in plain text. Anything else is not known.
"""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from mtasts_resolver.evidence.deliveries import (
    Doubt,
    Encryption,
    InboundMessage,
    OutboundDelivery,
)
from mtasts_resolver.evidence.joins.connection import IN_DOUBT, NO_SESSION
from mtasts_resolver.evidence.joins.followed import Logs
from mtasts_resolver.evidence.joins.logs import HostLog, Message
from mtasts_resolver.evidence.joins.outgoing import ROUNDING
from mtasts_resolver.evidence.joins.tlsword import compared
from mtasts_resolver.maillog.events import (
    Cause,
    Connected,
    DeliveryStatus,
    HostFailed,
    LoggedPeer,
    LoggedTls,
    LogLine,
    Unverified,
)

# Seconds that an attempt takes at most: smtp(8) waits so long for an answer, and no longer
# (smtp_data_done_timeout). A process would tell; without one, this is what can be said.
SETTLED_AFTER = 600.0
# Hosts with whom there were sessions within that time, sessions with one of them, and deliveries
# that wait. Where there are more, all are told by what is known so far.
MAX_PEERS = 4_096
MAX_SHARED = 1_000
MAX_WAITING = 10_000
PLAIN = Encryption.PLAIN
UNKNOWN = Encryption.UNKNOWN
# What is found out before there is a session.
_WITHOUT_SESSION = frozenset({Cause.NO_STARTTLS, Cause.STARTTLS_REFUSED, Cause.HANDSHAKE})


class _Place(NamedTuple):
    """A host and port, as one service of one host knows them."""

    host: str
    service: str
    daemon: str
    address: str
    port: int | None


def _place(line: LogLine, peer: LoggedPeer) -> _Place:
    return _Place(line.host, line.service, line.daemon, peer.address, peer.port)


class _Sharing:
    """Sessions with a host, and the deliveries that may have used them."""

    __slots__ = ("doubtful", "epoch", "last", "log", "owners", "sessions", "waiting")

    def __init__(self, log: HostLog) -> None:
        self.log = log
        self.epoch = log.epoch
        self.sessions: list[LoggedTls] = []
        self.owners: set[str] = set()
        self.waiting: list[OutboundDelivery] = []
        self.last = 0.0
        self.doubtful = False

    def settled(self) -> Iterator[OutboundDelivery]:
        """Yield what waits, as far as it can be told."""
        whole = self.epoch == self.log.epoch
        doubtful = self.doubtful or not whole or len(self.sessions) != len(self.owners)
        first = self.sessions[0]
        tls = first if all(each == first for each in self.sessions) else None
        levels = {each.level.value for each in self.sessions}
        for delivery in self.waiting:
            if doubtful:
                yield replace(delivery, doubt=Doubt.NO_PROCESS)
                continue
            yield replace(
                delivery,
                encryption=Encryption.ENCRYPTED,
                tls=tls,
                level=min(levels) if len(levels) == 1 else "",
                doubt=None if tls is not None else Doubt.AMBIGUOUS,
            )


class SendersWithoutProcess:
    """Deliveries of services that name no process."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._sharing: dict[_Place, _Sharing] = {}
        self._unverified: set[str] = set()
        self._waiting = 0
        self._settled_at = 0.0

    def connected(self, line: LogLine, event: Connected) -> Iterator[Message]:
        """Note that a session begins; yield what can be said by now."""
        time = line.time or 0.0
        yield from self._settle(time)
        place = _place(line, event.peer)
        sharing = self._sharing.get(place)
        if sharing is None:
            if len(self._sharing) >= MAX_PEERS:
                yield from self.finish()
            sharing = self._sharing[place] = _Sharing(self._logs.host(line))
        sharing.sessions.append(event.tls)
        sharing.last = time
        if len(sharing.sessions) >= MAX_SHARED:
            yield from self.finish()

    def unverified(self, event: Unverified) -> None:
        """Note with whom a session may be of no use."""
        if len(self._unverified) < MAX_PEERS:
            self._unverified.add(event.peer.address)

    def gave_up(self, event: HostFailed) -> None:
        """Note that a session may have been of no use: with that host, or with any."""
        if event.cause in _WITHOUT_SESSION:
            return
        if event.peer is not None:
            whom = {event.peer.address}
        elif event.cause is None:
            whom = {place.address for place in self._sharing}
        else:
            whom = self._unverified
        for place, sharing in self._sharing.items():
            sharing.doubtful |= place.address in whom

    def delivered(self, line: LogLine, fact: OutboundDelivery) -> Iterator[Message]:
        """Take a delivery, of which its own word is known; yield it, unless it has to wait.

        An attempt that failed does not wait: what became of its message would be told before it.
        """
        time, peer = line.time, fact.peer
        if time is None or peer is None:
            yield fact
            return
        began = time - min(fact.delay or SETTLED_AFTER, SETTLED_AFTER) - ROUNDING
        sharing = self._sharing.get(_place(line, peer))
        if sharing is not None and sharing.last >= began and fact.encryption is not PLAIN:
            sharing.owners.add(fact.queue_id)
            sent = fact.status is DeliveryStatus.SENT
            if sent and fact.encryption is UNKNOWN and self._waiting < MAX_WAITING:
                sharing.waiting.append(fact)
                self._waiting += 1
            else:
                yield fact
        elif fact.encryption is UNKNOWN:
            yield from self._without_session(line, fact, began)
        else:
            yield fact

    def _without_session(
        self, line: LogLine, fact: OutboundDelivery, began: float
    ) -> Iterator[Message]:
        since, doubt = self._logs.host(line).beginning(line.service)
        whole = since is not None and since < began
        join = compared(NO_SESSION if whole else IN_DOUBT[doubt], fact.wanted)
        told = replace(fact, encryption=join.encryption, level=join.level, doubt=join.doubt)
        if join is NO_SESSION:
            yield from self._logs.service(line).plain(told)
        else:
            yield told

    def finish(self) -> Iterator[Message]:
        """Yield all that waits."""
        for sharing in self._sharing.values():
            yield from sharing.settled()
        self._sharing.clear()
        self._unverified.clear()
        self._waiting = 0

    def _settle(self, time: float) -> Iterator[Message]:
        """Yield what is certain by now, from time to time."""
        if time - self._settled_at < ROUNDING:
            return
        self._settled_at = time
        over = [
            place
            for place, sharing in self._sharing.items()
            if time - sharing.last > SETTLED_AFTER + 2 * ROUNDING
        ]
        for place in over:
            sharing = self._sharing.pop(place)
            self._waiting -= len(sharing.waiting)
            yield from sharing.settled()


class _Client:
    """The connections of one client to a service that names no process."""

    __slots__ = ("begun", "epoch", "log", "open", "sessions", "tls")

    def __init__(self, log: HostLog) -> None:
        self.log = log
        self.begin()

    def begin(self) -> None:
        """Begin with no connection."""
        self.epoch = self.log.epoch
        self.open = 0
        self.begun = 0
        self.sessions = 0
        self.tls: LoggedTls | None = None

    def told(self, message: InboundMessage) -> InboundMessage:
        """Return what is known of a message that it sends."""
        if self.open == 0 or 0 < self.sessions != self.begun:
            return replace(message, encryption=UNKNOWN, level="", doubt=Doubt.NO_PROCESS)
        if self.sessions == 0:
            return message
        return replace(
            message,
            encryption=Encryption.ENCRYPTED,
            tls=self.tls,
            level=self.tls.level.value if self.tls else "",
            doubt=None if self.tls else Doubt.AMBIGUOUS,
        )


class ReceiversWithoutProcess:
    """Messages that come in to services that name no process."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._clients: dict[_Place, _Client] = {}

    def came(self, line: LogLine, peer: LoggedPeer) -> None:
        """Note that a client has connected."""
        client = self._of(line, peer)
        if client.open == 0 or client.epoch != client.log.epoch:
            client.begin()
        client.open += 1
        client.begun += 1

    def encrypted(self, line: LogLine, event: Connected) -> None:
        """Note that one of its connections has a session."""
        client = self._of(line, event.peer)
        client.tls = event.tls if client.sessions == 0 or client.tls == event.tls else None
        client.sessions += 1

    def left(self, line: LogLine, peer: LoggedPeer) -> None:
        """Note that one of its connections is over."""
        client = self._of(line, peer)
        client.open = max(0, client.open - 1)

    def accepted(self, line: LogLine, message: InboundMessage) -> Iterator[Message]:
        """Yield what is known of a message."""
        client = self._of(line, message.peer)
        since, doubt = client.log.beginning(line.service)
        if since is None or line.time is None or line.time - since < SETTLED_AFTER:
            # It may have another connection that is older.
            yield replace(message, encryption=UNKNOWN, level="", doubt=doubt)
            return
        told = client.told(message)
        if told.encryption is PLAIN:
            yield from self._logs.service(line).plain(told)
        else:
            yield told

    def _of(self, line: LogLine, peer: LoggedPeer) -> _Client:
        place = _place(line, peer)
        client = self._clients.get(place)
        if client is None:
            if len(self._clients) >= MAX_PEERS:
                self._forget_half()
            client = self._clients[place] = _Client(self._logs.host(line))
        return client

    def _forget_half(self) -> None:
        """Forget those who are not connected, and else the oldest half."""
        connected = {place: client for place, client in self._clients.items() if client.open}
        if len(connected) > MAX_PEERS // 2:
            connected = dict(list(connected.items())[-MAX_PEERS // 2 :])
        self._clients = connected
