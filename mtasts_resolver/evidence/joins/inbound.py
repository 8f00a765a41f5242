"""Messages that come in: from the lines of smtpd(8)."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from mtasts_resolver.evidence.deliveries import (
    Encryption,
    Fact,
    FailedSession,
    InboundMessage,
    TlsObserved,
    Traffic,
)
from mtasts_resolver.evidence.joins.duplicates import SeenLines
from mtasts_resolver.evidence.joins.followed import FollowedProcesses, Logs
from mtasts_resolver.evidence.joins.incoming import SmtpdProcess
from mtasts_resolver.evidence.joins.logs import instance_of
from mtasts_resolver.evidence.joins.traffic import is_local
from mtasts_resolver.evidence.joins.withoutprocess import ReceiversWithoutProcess
from mtasts_resolver.maillog.events import (
    Cause,
    ClientConnected,
    ClientLeft,
    Connected,
    HandshakeFailed,
    LibraryProblem,
    LogLine,
    MailAccepted,
)

# smtpd(8) says so of a client whose mail goes through a proxy before it is queued
# (smtpd_proxy_filter). It is this message that crosses the network: behind the proxy it comes in
# again, with a queue id, and from this host itself.
_NO_QUEUE = "NOQUEUE"


class InboundJoins:
    """Joins the lines of the processes that receive mail."""

    def __init__(self, logs: Logs, seen: SeenLines, out: list[Fact]) -> None:
        self._processes = FollowedProcesses(SmtpdProcess, logs)
        self._receivers = ReceiversWithoutProcess(logs)
        self._seen = seen
        self._out = out
        self.handlers: dict[type, Callable[[LogLine, Any], None]] = {
            ClientConnected: self._came,
            Connected: self._encrypted,
            MailAccepted: self._accepted,
            ClientLeft: self._left,
            HandshakeFailed: self._failed,
            LibraryProblem: self._problem,
        }

    def missed(self, line: LogLine) -> None:
        """Note that a line could not be read."""
        self._out += self._of(line).missed(line.message)

    def configured_anew(self, line: LogLine, started: str | None) -> None:
        """Note that what processes log may be other than before; those of `started` are new."""
        for process, service in self._processes.of_host(line.host):
            if instance_of(service) == started:
                self._tell_failure(process)
                self._out += process.end()
            process.by_itself = False

    def finish(self) -> None:
        """Tell what is still untold."""
        self._processes.clear()
        self._tell_dropped()

    def _of(self, line: LogLine) -> SmtpdProcess:
        process = self._processes.of(line)
        if self._processes.dropped:
            self._tell_dropped()
        return process

    def _came(self, line: LogLine, event: ClientConnected) -> None:
        if line.pid is None:
            self._receivers.came(line, event.peer)
            return
        process = self._of(line)
        self._tell_failure(process)
        self._out += process.came(event.peer)

    def _encrypted(self, line: LogLine, event: Connected) -> None:
        process = self._of(line)
        if line.pid is None:
            self._receivers.encrypted(line, event)
        else:
            self._out += process.encrypted(line.time, event)
        if not process.service.logs_tls:
            self._out += process.service.seen()
        self.observed(line, event)

    def observed(self, line: LogLine, event: Connected) -> None:
        """Tell of a session, whatever comes of it."""
        if not self._seen.line(line):
            self._out.append(
                TlsObserved(
                    time=line.time, host=line.host, inbound=True, peer=event.peer, tls=event.tls
                )
            )

    def handshake_failed_by_proxy(self, line: LogLine, event: HandshakeFailed) -> None:
        """Tell of a client that postscreen(8) had tlsproxy(8) begin TLS with."""
        if not self._seen.line(line):
            self._out.append(_failed_session(line, event))

    def _accepted(self, line: LogLine, event: MailAccepted) -> None:
        process = self._of(line)
        if event.queue_id != _NO_QUEUE:
            seen = self._seen.message(event)
        else:
            seen = self._seen.unqueued(line, process.unqueued(line.time))
        if seen:
            return
        message = InboundMessage(
            time=line.time,
            host=line.host,
            service=line.service,
            queue_id=event.queue_id,
            peer=event.peer,
            traffic=_traffic(line, event),
            encryption=Encryption.PLAIN,
            tls=None,
            level="none",
            doubt=None,
        )
        if line.pid is None:
            self._out += self._receivers.accepted(line, message)
        else:
            self._out += process.accepted(message)

    def _left(self, line: LogLine, event: ClientLeft) -> None:
        if line.pid is None:
            self._receivers.left(line, event.peer)
            return
        process = self._of(line)
        self._tell_failure(process)
        self._out += process.gone(event)

    def _failed(self, line: LogLine, event: HandshakeFailed) -> None:
        process = self._of(line)
        if line.pid is None:
            self.handshake_failed_by_proxy(line, event)
        elif process.failed is None and not self._seen.line(line):
            process.failed = _failed_session(line, event)

    def _problem(self, line: LogLine, event: LibraryProblem) -> None:
        process = self._of(line)
        if process.failed is not None and not process.told:
            process.failed = replace(
                process.failed, reason=f"{process.failed.reason}: {event.reason}"
            )
            process.told = True

    def _tell_failure(self, process: SmtpdProcess) -> None:
        if process.failed is not None:
            self._out.append(process.failed)
            process.failed = None

    def _tell_dropped(self) -> None:
        for process in self._processes.dropped:
            self._tell_failure(process)
            self._out += process.end()
        self._processes.dropped.clear()


def _failed_session(line: LogLine, event: HandshakeFailed) -> FailedSession:
    return FailedSession(
        time=line.time,
        host=line.host,
        inbound=True,
        peer=event.peer,
        domain="",
        cause=Cause.HANDSHAKE,
        reason=event.reason,
    )


def _traffic(line: LogLine, event: MailAccepted) -> Traffic:
    if event.authenticated:
        return Traffic.SUBMISSION
    return Traffic.LOCAL if is_local(event.peer, line.host) else Traffic.NETWORK
