"""tlsproxy(8), which has sessions for others: for postscreen(8), and for smtp(8) that keeps them.

Its lines on sessions are said again by smtp(8), which is the process that delivers (what if not,
`unrepeated.py` knows); and no message ever comes in through postscreen. But why a session was not
good enough, it alone says.
"""

from typing import Any, NamedTuple

from msgspec.structs import replace

from mtasts_resolver.evidence.joins.inbound import InboundJoins
from mtasts_resolver.evidence.joins.outbound import OutboundJoins
from mtasts_resolver.maillog.events import (
    Connected,
    HandshakeFailed,
    LibraryProblem,
    LogLine,
    Unverified,
)


class _Problem(NamedTuple):
    """What the TLS library said last, and to which process."""

    process: tuple[str, str, int | None]
    reason: str


class ProxiedSessions:
    """Takes the lines of tlsproxy(8) to where they belong."""

    def __init__(self, outbound: OutboundJoins, inbound: InboundJoins) -> None:
        self._outbound = outbound
        self._inbound = inbound
        self._problem: _Problem | None = None
        self.handlers: dict[type, Any] = {
            Connected: self._connected,
            Unverified: outbound.unverified_by_proxy,
            LibraryProblem: self._library_problem,
            HandshakeFailed: self._handshake_failed,
        }

    def _connected(self, line: LogLine, event: Connected) -> None:
        if event.inbound:
            self._inbound.observed(line, event)
        else:
            self._outbound.connected_by_proxy(line, event)

    def _library_problem(self, line: LogLine, event: LibraryProblem) -> None:
        self._problem = _Problem((line.host, line.service, line.pid), event.reason)

    def _handshake_failed(self, line: LogLine, event: HandshakeFailed) -> None:
        # The library's problem stands before it, if there was one.
        problem, self._problem = self._problem, None
        if problem is not None and problem.process == (line.host, line.service, line.pid):
            event = replace(event, reason=event.reason or problem.reason)
        if event.inbound:
            self._inbound.handshake_failed_by_proxy(line, event)
        else:
            self._outbound.handshake_failed_by_proxy(event)
