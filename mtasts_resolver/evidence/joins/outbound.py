"""Deliveries: from the lines of smtp(8), lmtp(8), error(8) and, for them, of tlsproxy(8)."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from mtasts_resolver.evidence.deliveries import (
    Doubt,
    Encryption,
    Fact,
    FailedLookup,
    FailedSession,
    OutboundDelivery,
    TlsObserved,
    Traffic,
)
from mtasts_resolver.evidence.joins.causes import KnownFailures
from mtasts_resolver.evidence.joins.connection import (
    IN_DOUBT,
    NO_SESSION,
    UNCONNECTED,
    Join,
    Why,
)
from mtasts_resolver.evidence.joins.duplicates import SeenLines
from mtasts_resolver.evidence.joins.followed import FollowedProcesses, Logs
from mtasts_resolver.evidence.joins.logs import instance_of
from mtasts_resolver.evidence.joins.outgoing import MAX_LEFT_HOSTS, SmtpProcess
from mtasts_resolver.evidence.joins.settling import Settling
from mtasts_resolver.evidence.joins.tlsword import compared
from mtasts_resolver.evidence.joins.traffic import (
    domain_of_recipient,
    goes_nowhere,
    is_local,
    recipient_domain,
)
from mtasts_resolver.evidence.joins.unrepeated import UnrepeatedSessions
from mtasts_resolver.evidence.joins.withoutprocess import SendersWithoutProcess
from mtasts_resolver.maillog.events import (
    Cause,
    Connected,
    Delivery,
    DeliveryStatus,
    HandshakeFailed,
    HostFailed,
    LibraryProblem,
    LoggedPeer,
    LogLine,
    MxOutsidePolicy,
    PolicyLookupFailed,
    TlsReported,
    Unverified,
)

# Warnings on the policies of one delivery: one or two for each MX host.
MAX_WARNINGS = 20


class OutboundJoins:
    """Joins the lines of the processes that send mail."""

    def __init__(self, logs: Logs, seen: SeenLines, out: list[Fact]) -> None:
        self._processes = FollowedProcesses(SmtpProcess, logs)
        self._logs = logs
        self._seen = seen
        self._out = out
        self._failures = KnownFailures()
        self._settling = Settling()
        self._unrepeated = UnrepeatedSessions()
        self._senders = SendersWithoutProcess(logs)
        self.handlers: dict[type, Callable[[LogLine, Any], None]] = {
            Delivery: self._delivered,
            Connected: self._connected,
            Unverified: self._unverified,
            HandshakeFailed: self._handshake_failed,
            LibraryProblem: self._problem,
            HostFailed: self._gave_up,
            MxOutsidePolicy: self._outside,
            PolicyLookupFailed: self._lookup_failed,
            TlsReported: self._reported,
        }

    def suspended(self, line: LogLine, event: Delivery) -> None:
        """error(8) says of a message what was said of another before."""
        if not self._seen.delivery(event):
            domain = domain_of_recipient(event.recipient)
            why = self._failures.as_before(event, domain)
            self._out.append(_fact(line, event, why, UNCONNECTED))

    def missed(self, line: LogLine) -> None:
        """Note that a line could not be read."""
        self._of(line).missed(line.time, line.message)

    def configured_anew(self, line: LogLine, started: str | None) -> None:
        """Note that what processes log may be other than before; those of `started` are new."""
        self.settle(None)
        for process, service in self._processes.of_host(line.host):
            process.by_itself = False
            if instance_of(service) == started:
                process.replaced(line.time)

    def settle(self, time: float | None) -> None:
        """Tell of deliveries for which no line is expected any more; of all, without a time."""
        for process, fact in self._settling.due(time):
            self._tell_plain(process, fact)

    def finish(self) -> None:
        """Tell what is still untold."""
        self.settle(None)
        self._out += self._senders.finish()
        self._processes.clear()
        self._tell_dropped()

    def _delivered(self, line: LogLine, event: Delivery) -> None:
        if event.suspended:
            self.suspended(line, event)
            return
        process = self._of(line)
        domain = domain_of_recipient(event.recipient)
        join = process.delivered(line.time, event)
        if join is NO_SESSION:
            says_again = process.by_itself or process.service.logs_tls or process.left_tls(event)
            join = self._unrepeated.join(line, event, says_again=says_again) or join
        if line.pid is None and event.peer is not None:
            join = compared(IN_DOUBT[Doubt.NO_PROCESS], event.tls)
        why = None
        if event.status is not DeliveryStatus.SENT:
            why = self._failures.of_delivery(process, event, domain)
        self._tell_before(line, process, event, why, domain)
        if self._seen.delivery(event):
            return
        reported = "" if process.reported is None else process.reported_domain(event)
        fact = _fact(line, event, why, join, reported)
        if line.pid is None:
            self._out += self._senders.delivered(line, fact)
        elif join is not NO_SESSION:
            self._out.append(fact)
        elif event.status is DeliveryStatus.SENT:
            self._settling.add(process, fact)
        else:
            self._tell_plain(process, fact)
        self.settle(line.time)

    def _connected(self, line: LogLine, event: Connected) -> None:
        process = self._of(line)
        if line.pid is None:
            self._out += self._senders.connected(line, event)
        else:
            if process.is_late(line.time):
                self._out += [
                    replace(fact, encryption=Encryption.UNKNOWN, level="", doubt=Doubt.AMBIGUOUS)
                    for fact in self._settling.contested(process, event.peer)
                ]
            process.connected(line.time, event)
        self.settle(line.time)
        if not event.reused:
            self._unrepeated.repeated(line, event)
            service = process.service
            if not service.logs_tls:
                self._out += service.seen()
            if not self._seen.line(line):
                self._out.append(
                    TlsObserved(
                        time=line.time,
                        host=line.host,
                        inbound=False,
                        peer=event.peer,
                        tls=event.tls,
                    )
                )

    def _tell_plain(self, process: SmtpProcess, fact: OutboundDelivery) -> None:
        """Tell of a delivery without a session, if its process would have logged one."""
        if process.by_itself:
            self._out.append(fact)
        else:
            self._out += process.service.plain(fact)

    def _unverified(self, line: LogLine, event: Unverified) -> None:
        self._of(line).unverified = event
        if line.pid is None:
            self._senders.unverified(event)
        self._failures.unverified(event)

    def _handshake_failed(self, line: LogLine, event: HandshakeFailed) -> None:
        process = self._of(line)
        process.handshake = event
        process.problem = ""

    def _problem(self, line: LogLine, event: LibraryProblem) -> None:
        self._of(line).problem = event.reason

    def _gave_up(self, line: LogLine, event: HostFailed) -> None:
        process = self._of(line)
        if event.cause is not None and not self._seen.line(line):
            peer = process.whom_it_left(event)
            why = self._failures.of_host(process, peer, Why(event.cause, event.reason))
            failed = FailedSession(
                time=line.time,
                host=line.host,
                inbound=False,
                peer=peer,
                domain="",
                cause=why.cause or event.cause,
                reason=why.reason,
            )
            process.left.append((event.queue_id, failed))
            if len(process.left) > MAX_LEFT_HOSTS:
                self._out.append(process.left.pop(0)[1])
        process.gave_up(line.time, event)
        if line.pid is None:
            self._senders.gave_up(event)

    def _outside(self, line: LogLine, event: MxOutsidePolicy) -> None:
        process = self._of(line)
        if len(process.outside) < MAX_WARNINGS:
            process.outside.append(event)

    def _lookup_failed(self, line: LogLine, event: PolicyLookupFailed) -> None:
        process = self._of(line)
        if len(process.lookups) < MAX_WARNINGS:
            process.lookups.append(event)

    def _reported(self, line: LogLine, event: TlsReported) -> None:
        process = self._of(line)
        process.reported = event
        process.reported_owner = ""

    def connected_by_proxy(self, line: LogLine, event: Connected) -> None:
        """Take a session that tlsproxy(8) has begun, which smtp(8) is to say again."""
        self._unrepeated.begun(line, event)

    def unverified_by_proxy(self, _: LogLine, event: Unverified) -> None:
        """Take what tlsproxy(8) says of a certificate."""
        self._failures.unverified(event)

    def handshake_failed_by_proxy(self, event: HandshakeFailed) -> None:
        """Take why a handshake of tlsproxy(8) came to nothing."""
        self._failures.handshake(event)

    def _of(self, line: LogLine) -> SmtpProcess:
        process = self._processes.of(line)
        if self._processes.dropped:
            self._tell_dropped()
        return process

    def _tell_before(
        self, line: LogLine, process: SmtpProcess, event: Delivery, why: Why | None, domain: str
    ) -> None:
        """Tell what went wrong on the way to this delivery."""
        if process.left:
            for queue_id, failed in process.left:
                known = domain if queue_id == event.queue_id else ""
                self._out.append(replace(failed, domain=known))
            process.left.clear()
        if process.outside:
            # Where they held the mail, the delivery says so.
            if why is None or why.cause is not Cause.MX_OUTSIDE_POLICY:
                self._out += [_left_out(line, each) for each in process.outside]
            process.outside.clear()
        if process.lookups:
            self._tell_lookups(line, process, domain)

    def _tell_lookups(self, line: LogLine, process: SmtpProcess, domain: str) -> None:
        """Tell of policies that were looked up in vain, once for each next hop."""
        reason = next((each.reason for each in process.lookups if not each.domain), "")
        hops = {each.domain.lower(): each for each in process.lookups if each.domain}
        for hop, failed in hops.items():
            self._out.append(
                FailedLookup(
                    time=line.time,
                    host=line.host,
                    domain=recipient_domain(hop) or domain,
                    cause=failed.cause,
                    reason=reason or failed.reason,
                )
            )
        process.lookups.clear()

    def _tell_dropped(self) -> None:
        for process in self._processes.dropped:
            self._out += [failed for _, failed in process.left]
        self._processes.dropped.clear()


def _left_out(line: LogLine, event: MxOutsidePolicy) -> FailedSession:
    return FailedSession(
        time=line.time,
        host=line.host,
        inbound=False,
        peer=LoggedPeer(event.mx, ""),
        domain=recipient_domain(event.domain),
        cause=Cause.MX_OUTSIDE_POLICY,
        reason="the MX host fits no pattern of the policy",
    )


def _traffic(line: LogLine, event: Delivery) -> Traffic:
    peer = event.peer
    local = goes_nowhere(event.reason) if peer is None else is_local(peer, line.host)
    return Traffic.LOCAL if local else Traffic.NETWORK


def _fact(
    line: LogLine, event: Delivery, why: Why | None, join: Join, reported: str = ""
) -> OutboundDelivery:
    return OutboundDelivery(
        time=line.time,
        host=line.host,
        service=line.service,
        queue_id=event.queue_id,
        recipient=event.recipient,
        domain=domain_of_recipient(event.recipient),
        peer=event.peer,
        traffic=_traffic(line, event),
        status=event.status,
        dsn=event.dsn,
        delay=event.delay,
        encryption=join.encryption,
        tls=join.tls,
        level=join.level,
        doubt=join.doubt,
        wanted=event.tls,
        cause=None if why is None else why.cause,
        reason=event.reason if why is None else why.reason,
        reported=reported,
    )
