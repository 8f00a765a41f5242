"""Attempts to deliver: lines of smtp(8), lmtp(8) and error(8) with `to=<...>` and `status=`.

    id: to=<recipient>, [orig_to=<address>, ]relay=peer, [conn_use=n, ]delay=s, delays=s/s/s/s,
    [tls=..., ]dsn=n.n.n, status=word (reason)

Strangers write two of these: the recipient's local part, and the reason, which holds a server's
reply. Either may look like all the rest. The line is read from its front, and the recipient first:
in quotes where it is not of plain characters (info_log_addr_form = quoted, as it is since Postfix
3.5), so that its end is certain. The reason is the last, and nothing is searched in it. Before
Postfix 3.5, and where info_log_addr_form is `internal`, no quotes show where a recipient ends, and
whoever has such an address may have a line say what it likes of a message to it.
"""

import re

from mtasts_resolver.maillog.causes import SUSPENDED, delivery_cause
from mtasts_resolver.maillog.events import Delivery, DeliveryStatus
from mtasts_resolver.maillog.peers import PEER_WITH_ADDRESS, peer_in
from mtasts_resolver.maillog.tlsattribute import tls_attribute

# Hexadecimal, or of the 52 characters of long ids (enable_long_queue_ids).
QUEUE_ID = r"[0-9A-Za-z]{5,25}"

# `"a>b"@example.com`, or without quotes: then it has no `>`.
_ADDRESS = r'(?:[^>"][^>]*|"(?:[^"\\]|\\.)*+"[^>"]*|)'
# A host has an address, or a socket; `local`, `virtual` or the name of a pipe is none.
_RELAY = rf"none|{PEER_WITH_ADDRESS}"
_DELIVERY = re.compile(
    rf"(?P<id>{QUEUE_ID}): to=<?+(?P<recipient>{_ADDRESS})>,"
    rf"(?: orig_to=<(?P<original>{_ADDRESS})>,)? relay=(?P<relay>{_RELAY}),"
    r"(?: ?conn_use=(?P<uses>[0-9]{1,9}),)?"
    r"(?: delay=(?P<delay>[0-9]{1,12}(?:\.[0-9]{1,9})?),)?"
    r"(?: delays=[0-9./]{1,80},)?"
    r"(?: tls=(?P<tls>[^\s,]{1,80}),)?"
    r"(?: dsn=(?P<dsn>[245]\.[0-9]{1,3}\.[0-9]{1,3}),)?"
    r" status=(?P<status>[A-Za-z-]{1,30}) \((?P<reason>.*)\Z",
    re.DOTALL,
)
# The bracket that ends the reason, and the number that a collector has written behind it.
_NUMBERED_END = re.compile(r"\) [0-9]{1,9}\s*\Z")

_SENT = DeliveryStatus.SENT
_STATUS = {
    "sent": _SENT,
    "deferred": DeliveryStatus.DEFERRED,
    "bounced": DeliveryStatus.BOUNCED,
    "SOFTBOUNCE": DeliveryStatus.DEFERRED,  # soft_bounce = yes
}


def delivery_event(message: str) -> Delivery | None:
    """Return the attempt that a message tells of, None if it tells of none, or not its status."""
    found = _DELIVERY.match(message)
    if found is None:
        return None
    queue_id, recipient, original, relay, uses, delay, tls, dsn, status, reason = found.groups()
    if reason.endswith(")"):
        reason = reason[:-1]
    elif (end := _NUMBERED_END.search(reason, max(0, len(reason) - 12))) is not None:
        reason = reason[: end.start()]
    ended = _STATUS.get(status, DeliveryStatus.OTHER)
    sent = ended is _SENT
    return Delivery(
        queue_id,
        recipient,
        peer_in(relay),
        ended,
        dsn or "",
        float(delay or 0),
        reason,
        None if sent else delivery_cause(reason),
        int(uses or 1),
        None if tls is None else tls_attribute(tls),
        not sent and reason.startswith(SUSPENDED),
        original or "",
    )
