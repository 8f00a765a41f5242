"""Why TLS held a delivery: its own line says the least, the lines before it say more.

`Server certificate not verified` may be a wrong name as well as a certificate that is over. The
process that made the session has said which: smtp(8) itself, or tlsproxy(8), or either of them long
ago, where a session is resumed (`look for details earlier in the log`). error(8) repeats what held
an earlier attempt to the same destination.
"""

from collections import OrderedDict
from typing import TypeVar

from mtasts_resolver.evidence.joins.connection import Why
from mtasts_resolver.evidence.joins.outgoing import SmtpProcess
from mtasts_resolver.maillog.events import (
    Cause,
    Delivery,
    HandshakeFailed,
    LoggedPeer,
    Unverified,
)

K = TypeVar("K")
V = TypeVar("V")

# Hosts, and domains, of which the last failure is remembered: those that fail at one time are few.
MAX_REMEMBERED = 4_096
_SUSPENDED = "delivery temporarily suspended: "
_NO_MX_LEFT = "server unavailable or unable to receive mail"


class KnownFailures:
    """The last failure of each host, and of each domain."""

    def __init__(self, limit: int = MAX_REMEMBERED) -> None:
        self._limit = limit
        self._certificates: OrderedDict[tuple[str, int | None], Unverified] = OrderedDict()
        self._handshakes: OrderedDict[tuple[str, int | None], str] = OrderedDict()
        self._domains: OrderedDict[tuple[str, str], Why] = OrderedDict()

    def unverified(self, event: Unverified) -> None:
        """Remember what is wrong with a host's certificate."""
        if event.cause is not Cause.NOT_VERIFIED:
            _remember(self._certificates, _place(event.peer), event, self._limit)

    def handshake(self, event: HandshakeFailed) -> None:
        """Remember why tlsproxy(8) came to nothing with a host."""
        if event.reason:
            _remember(self._handshakes, _place(event.peer), event.reason, self._limit)

    def of_certificate(self, process: SmtpProcess, peer: LoggedPeer | None, why: Why) -> Why:
        """Return what was wrong with the certificate of a host that was not verified."""
        own = process.unverified
        if own is not None and own.cause is not Cause.NOT_VERIFIED and own.peer == peer:
            return Why(own.cause, f"{why.reason}: {own.reason}")
        known = self._certificates.get(_place(peer)) if peer else None
        return Why(known.cause, f"{why.reason}: {known.reason}") if known else why

    def of_host(self, process: SmtpProcess, peer: LoggedPeer | None, why: Why) -> Why:
        """Return why a host was not good enough, by what was said of it before."""
        if why.cause is Cause.NOT_VERIFIED:
            return self.of_certificate(process, peer, why)
        if why.cause is Cause.HANDSHAKE:
            reason = process.problem or (process.handshake.reason if process.handshake else "")
            if not reason and peer is not None:
                reason = self._handshakes.get(_place(peer), "")
            return Why(why.cause, f"{why.reason}: {reason}" if reason else why.reason)
        return why

    def of_delivery(self, process: SmtpProcess, event: Delivery, domain: str) -> Why:
        """Return why TLS held a delivery, and remember it for those that are not tried for it."""
        owner = (event.queue_id, event.reason)
        if process.why is not None and process.why_owner == owner:
            why = process.why  # of another recipient
        else:
            why = self._of_attempt(process, event)
            process.why, process.why_owner = why, owner
        if why.cause is not None:
            _remember(self._domains, (domain, event.reason), why, self._limit)
        return why

    def _of_attempt(self, process: SmtpProcess, event: Delivery) -> Why:
        why = Why(event.cause, event.reason)
        if why.cause is Cause.POLICY_LOOKUP and process.lookups:
            last = process.lookups[-1]
            said = next((each for each in process.lookups if not each.domain), last)
            return Why(last.cause, f"{why.reason}: {said.reason}")
        if why.cause is None and process.outside and why.reason == _NO_MX_LEFT:
            names = ", ".join(each.mx for each in process.outside)
            return Why(Cause.MX_OUTSIDE_POLICY, f"{why.reason}: not in the policy: {names}")
        return self.of_host(process, event.peer, why)

    def as_before(self, event: Delivery, domain: str) -> Why:
        """Return why an earlier attempt was held, whose reason this one only repeats."""
        before = self._domains.get((domain, event.reason.removeprefix(_SUSPENDED)))
        if before is None:
            return Why(event.cause, event.reason)
        return Why(before.cause, _SUSPENDED + before.reason)


def _place(peer: LoggedPeer) -> tuple[str, int | None]:
    return peer.address, peer.port


def _remember(memory: OrderedDict[K, V], key: K, value: V, limit: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > limit:
        memory.popitem(last=False)
