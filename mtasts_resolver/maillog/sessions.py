"""TLS sessions: begun, reused, refused; of smtp(8), lmtp(8), smtpd(8) and tlsproxy(8) alike."""

import re
from functools import lru_cache

from mtasts_resolver.maillog.causes import certificate_cause
from mtasts_resolver.maillog.events import (
    Connected,
    HandshakeFailed,
    LibraryProblem,
    LoggedPeer,
    LoggedTls,
    TlsLevel,
    Unverified,
)
from mtasts_resolver.maillog.peers import PEER, peer_in

# Before Postfix 2.5 there is no level.
_SESSION = re.compile(
    r"(?:(?P<level>Anonymous|Untrusted|Trusted|Verified) )?TLS connection"
    rf" (?P<how>established|reused) (?P<way>to|from) +(?P<peer>{PEER})"
    r"(?: to [^\s:]+)?"  # the name that the client has asked for (SNI)
    r":(?: +(?P<session>.*))?\Z",
    re.DOTALL,
)
# `(256/256 bits)` shows that the cipher's name was not cut.
_PARAMETERS = re.compile(
    r"(?P<version>(?:TLS|SSL)v[0-9.]*[0-9])"
    r"(?: with cipher (?P<cipher>\S+) \([0-9]+/[0-9]+ bits\)"
    r"(?: key-exchange (?P<key_exchange>\S+(?: \([^()]*\))?))?)?"
)
_UNVERIFIED = re.compile(
    r"(?:server |CA )?certificate (?:peer name )?verification failed for"
    rf" (?P<peer>{PEER}): (?P<reason>.*)\Z",
    re.DOTALL,
)
_CONNECT_ERROR = re.compile(rf"SSL_connect error to (?P<peer>{PEER}): (?P<reason>.*)\Z", re.DOTALL)
_ACCEPT_ERROR = re.compile(rf"SSL_accept error from (?P<peer>{PEER}): (?P<reason>.*)\Z", re.DOTALL)
_PROXY_FAILED = re.compile(rf"TLS handshake failed for service=\S+ peer=(?P<peer>{PEER})\s*\Z")
_LIBRARY = "warning: TLS library problem: "
# tlsproxy(8) works for both directions. A client's own port is none of those kept for servers.
_SERVERS_PORTS = 1024

_LEVELS = {level.value.capitalize(): level for level in TlsLevel}

# Different sessions that are remembered, but for their peer: there are a few dozens.
MAX_SESSIONS = 512


def session_event(
    message: str,
) -> Connected | Unverified | HandshakeFailed | LibraryProblem | None:
    """Return what a message says of a TLS session, None if it says nothing of one."""
    if (session := _SESSION.match(message)) is not None:
        return _connected(session)
    if (failed := _UNVERIFIED.match(message)) is not None:
        reason = failed["reason"].rstrip()
        return Unverified(_whom(failed), certificate_cause(reason), reason)
    if message.startswith(_LIBRARY):
        return LibraryProblem(message[len(_LIBRARY) :])
    return _handshake(message)


def _handshake(message: str) -> HandshakeFailed | None:
    if (failed := _CONNECT_ERROR.match(message)) is not None:
        return HandshakeFailed(False, _whom(failed), failed["reason"])
    if (failed := _ACCEPT_ERROR.match(message)) is not None:
        return HandshakeFailed(True, _whom(failed), failed["reason"])
    if (failed := _PROXY_FAILED.match(message)) is not None:
        peer = _whom(failed)
        return HandshakeFailed(peer.port is None or peer.port >= _SERVERS_PORTS, peer, "")
    return None


def _connected(found: re.Match[str]) -> Connected:
    # It may have been any; what claims least is "untrusted".
    tls = _tls(found["level"] or "Untrusted", found["session"] or "")
    return Connected(found["way"] == "from", _whom(found), tls, found["how"] == "reused")


@lru_cache(maxsize=MAX_SESSIONS)
def _tls(level: str, parameters: str) -> LoggedTls:
    found = _PARAMETERS.match(parameters)
    if found is None:
        return LoggedTls(_LEVELS[level], "", "", "")
    return LoggedTls(
        _LEVELS[level], found["version"], found["cipher"] or "", found["key_exchange"] or ""
    )


def _whom(found: re.Match[str]) -> LoggedPeer:
    return peer_in(found["peer"]) or LoggedPeer("unknown", "")
