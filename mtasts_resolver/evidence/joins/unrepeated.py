"""Sessions of tlsproxy(8) that smtp(8) has not said again.

Postfix 3.7 and later logs each session twice, where connections are reused: by tlsproxy, and then
by the process that delivers. Should that second line be missing, a delivery without a session of
its own is not plain for sure: host, address and port are all that joins it with what tlsproxy said.
"""

from collections import OrderedDict, deque

from mtasts_resolver.evidence.deliveries import Doubt, Encryption
from mtasts_resolver.evidence.joins.connection import IN_DOUBT, Join
from mtasts_resolver.evidence.joins.outgoing import LONGEST_ATTEMPT, ROUNDING
from mtasts_resolver.maillog.events import Connected, Delivery, LoggedPeer, LoggedTls, LogLine

# Hosts of which the last sessions are remembered, and how many of each.
MAX_HOSTS_PROXIED = 4_096
MAX_SESSIONS_EACH = 16

_Place = tuple[str, str, int | None]


class _Session:
    """A session, and the message that it is taken to be of."""

    __slots__ = ("begun", "owner", "tls")

    def __init__(self, begun: float, tls: LoggedTls) -> None:
        self.begun = begun
        self.tls = tls
        self.owner = ""


class UnrepeatedSessions:
    """Remembers them, by host, address and port."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[_Place, deque[_Session]] = OrderedDict()

    def begun(self, line: LogLine, event: Connected) -> None:
        """Take a session of tlsproxy."""
        place = _place(line, event.peer)
        sessions = self._sessions.setdefault(place, deque(maxlen=MAX_SESSIONS_EACH))
        sessions.append(_Session(line.time or 0.0, event.tls))
        self._sessions.move_to_end(place)
        if len(self._sessions) > MAX_HOSTS_PROXIED:
            self._sessions.popitem(last=False)

    def repeated(self, line: LogLine, event: Connected) -> None:
        """Take note that smtp has said one again."""
        place = _place(line, event.peer)
        if sessions := self._sessions.get(place):
            sessions.popleft()
            if not sessions:
                del self._sessions[place]

    def join(self, line: LogLine, event: Delivery, *, says_again: bool) -> Join | None:
        """Return what they say of a delivery that has no session of its own; None if nothing.

        Where smtp says sessions again, one that it has not is in doubt. Else it is the delivery's,
        but of one message only: what another one went over, perhaps in plain text, is in doubt.
        """
        if not self._sessions or event.peer is None:
            return None
        time = line.time or 0.0
        came = time - min(event.delay or LONGEST_ATTEMPT, LONGEST_ATTEMPT) - ROUNDING
        sessions = self._sessions.get(_place(line, event.peer), ())
        meant = [session for session in sessions if session.begun >= came]
        if not meant:
            return None
        own = [session for session in meant if session.owner == event.queue_id]
        free = own or [session for session in meant if not session.owner]
        if says_again or not free:
            return IN_DOUBT[Doubt.AMBIGUOUS]
        free[0].owner = event.queue_id
        found = [session.tls for session in free]
        levels = {tls.level.value for tls in found}
        level = min(levels) if len(levels) == 1 else ""
        if all(tls == found[0] for tls in found):
            return Join(Encryption.ENCRYPTED, found[0], level)
        return Join(Encryption.ENCRYPTED, None, level, Doubt.AMBIGUOUS)


def _place(line: LogLine, peer: LoggedPeer) -> _Place:
    return line.host, peer.address, peer.port
