"""What smtp(8) and lmtp(8) say beside sessions and deliveries: of hosts given up, of policies."""

import re

from mtasts_resolver.maillog.attempts import QUEUE_ID
from mtasts_resolver.maillog.causes import delivery_cause
from mtasts_resolver.maillog.events import (
    Cause,
    HostFailed,
    LoggedPeer,
    MxOutsidePolicy,
    PolicyLookupFailed,
    TlsReported,
    Unverified,
)
from mtasts_resolver.maillog.peers import PEER, peer_in

_OF_MESSAGE = re.compile(rf"{QUEUE_ID}: ")
# The host that Postfix's own words name (smtp_proto.c, smtp_trouble.c), which stand before what the
# host has said: `lost connection with mx[...] while sending RCPT TO`.
_HOST = re.compile(
    r"(?:host|lost connection with|conversation with|remote protocol error in reply from"
    r"|local data error while talking to|bare <LF> received from"
    r"|(?:TLS|SMTPUTF8) is required, but (?:was not offered by )?host"
    r"|SASL authentication failed; (?:cannot authenticate to )?server)"
    rf" (?P<peer>{PEER})(?=[\s:]|\Z)"
)
_OUTSIDE = re.compile(
    r"warning: MX name '(?P<mx>[^']{1,300})' does not match STS MX pattern for '(?P<domain>[^']*)'"
)
# A key may hold what a sender has written as a domain, but no quote.
_POLICY = re.compile(
    r'warning: [a-z]{1,40}_tls_policy_maps, next-hop destination "(?P<domain>[^"]*)":'
    r" (?P<reason>.*)\Z",
    re.DOTALL,
)
_NO_MATCHES = re.compile(
    r"warning: nexthop domain (?P<domain>[^\s:]{1,300}): (?P<reason>configured at .*)\Z", re.DOTALL
)
_TEMPORARY = re.compile(
    r"warning: (?:proxy:)?socketmap:\S{1,300} socketmap server (?:temporary|permanent) error:"
    r" (?P<reason>.*)\Z",
    re.DOTALL,
)
_TABLE_LOST = re.compile(
    r"warning: table (?:proxy:)?socketmap:\S{1,300} lookup error: (?P<reason>.*)\Z", re.DOTALL
)
_LOOKUP_ERROR = "policy table lookup error"
_TLSRPT = re.compile(
    rf"TLSRPT: status=(?P<status>success|failure), domain=(?P<domain>[^,\s]*),"
    rf" receiving_mx=(?P<mx>{PEER})"
    r"(?:, failure_type=(?P<type>[A-Za-z0-9_-]+))?(?:, failure_reason=(?P<reason>.*))?\Z",
    re.DOTALL,
)
_RESUMED = re.compile(
    rf"(?P<peer>{PEER}): (?P<reason>re-using session with untrusted (?:certificate|peer).*)\Z",
    re.DOTALL,
)


def host_failure(message: str) -> HostFailed | None:
    """Return why a message did not go to a host, or not all of it; what is left goes another way.

    All lines that end a connection are of these, whether or not it was for TLS.
    """
    queue = _OF_MESSAGE.match(message)
    if queue is None:
        return None
    reason = message[queue.end() :]
    cause = delivery_cause(reason)
    host = _HOST.match(reason)
    if cause is None and host is None:
        return None
    peer = peer_in(host["peer"]) if host else None
    return HostFailed(message[: queue.end() - 2], cause, peer, reason)


def policy_event(
    message: str,
) -> MxOutsidePolicy | PolicyLookupFailed | TlsReported | Unverified | None:
    """Return what a message says of a policy, or of a session's old fault."""
    if message.startswith("warning: "):
        return _policy_warning(message)
    if (report := _TLSRPT.match(message)) is not None:
        failure = (report["type"] or "").replace("_", "-")
        if report["status"] == "failure":
            failure = failure or "unknown"
        return TlsReported(
            report["domain"].lower(), peer_in(report["mx"]), failure, report["reason"] or ""
        )
    if (resumed := _RESUMED.match(message)) is not None:
        peer = peer_in(resumed["peer"]) or LoggedPeer("unknown", "")
        return Unverified(peer, Cause.NOT_VERIFIED, resumed["reason"])
    return None


def _policy_warning(message: str) -> MxOutsidePolicy | PolicyLookupFailed | None:
    if (outside := _OUTSIDE.match(message)) is not None:
        return MxOutsidePolicy(outside["mx"].lower(), outside["domain"].lower())
    if (policy := _POLICY.match(message)) is not None:
        cause = Cause.POLICY_LOOKUP if policy["reason"] == _LOOKUP_ERROR else Cause.POLICY_INVALID
        return PolicyLookupFailed(policy["domain"], policy["reason"], cause)
    if (policy := _NO_MATCHES.match(message)) is not None:
        return PolicyLookupFailed(policy["domain"], policy["reason"], Cause.POLICY_INVALID)
    if (table := _TEMPORARY.match(message) or _TABLE_LOST.match(message)) is not None:
        return PolicyLookupFailed("", table["reason"], Cause.POLICY_LOOKUP)
    return None
