"""What smtpd(8) says of clients and of the mail they bring."""

import re

from mtasts_resolver.maillog.attempts import QUEUE_ID
from mtasts_resolver.maillog.events import (
    ClientConnected,
    ClientLeft,
    HandshakeFailed,
    LoggedPeer,
    MailAccepted,
)
from mtasts_resolver.maillog.peers import PEER, peer_in

_CONNECT = re.compile(rf"\s*connect from (?P<peer>{PEER})\s*\Z")
# sasl_username= is what a user has called itself, and comes behind sasl_method=, which is ours.
_CLIENT = re.compile(
    rf"(?P<id>{QUEUE_ID}): client=(?P<peer>{PEER})(?P<sasl>, sasl_(?:method|username)=)?"
)
_ORIGIN = re.compile(rf", orig_client=(?P<origin>{PEER})\s*\Z")
_LEFT = re.compile(rf"disconnect from (?P<peer>{PEER})(?P<counts>(?: [a-z]+=[0-9/]+)*)\s*\Z")
# `mail=2`, or `mail=1/2`: accepted, of all.
_STARTTLS = re.compile(r" starttls=([0-9]{1,9})")
_MAILS = re.compile(r" mail=([0-9]{1,9})")
_NO_CERTIFICATE = re.compile(
    rf"NOQUEUE: abort: TLS from (?P<peer>{PEER}): (?P<reason>.*)\Z", re.DOTALL
)


def smtpd_event(
    message: str,
) -> ClientConnected | MailAccepted | ClientLeft | HandshakeFailed | None:
    """Return what a message of smtpd(8) says, None if it is of no use."""
    if (found := _CLIENT.match(message)) is not None:
        sasl = found["sasl"] is not None
        # Behind what a user calls itself there may be anything.
        origin = None if sasl else _ORIGIN.search(message, found.end())
        return MailAccepted(found["id"], _whom(found), sasl, origin["origin"] if origin else "")
    if (found := _CONNECT.match(message)) is not None:
        return ClientConnected(_whom(found))
    if (found := _LEFT.match(message)) is not None:
        counts = found["counts"]
        return ClientLeft(_whom(found), _count(_STARTTLS, counts), _count(_MAILS, counts))
    # `lost connection after STARTTLS` says nothing more: where the handshake failed, SSL_accept has
    # said so just before; and it is logged as well where a client left right after a good one.
    if (found := _NO_CERTIFICATE.match(message)) is not None:
        return HandshakeFailed(True, _whom(found), found["reason"])
    return None


def _count(command: re.Pattern[str], counts: str) -> int:
    found = command.search(counts)
    return 0 if found is None else int(found[1])


def _whom(found: re.Match[str]) -> LoggedPeer:
    return peer_in(found["peer"]) or LoggedPeer("unknown", "")
