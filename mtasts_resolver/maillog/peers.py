"""`mx.example[192.0.2.1]:25`, and what else Postfix writes for whom it speaks with."""

import re
from functools import lru_cache

from mtasts_resolver.maillog.events import LoggedPeer

# A peer as part of a message: the name may be an IPv6 address, or missing; what is in brackets may
# be the path of a socket; old forms have no brackets. Postfix takes no other characters into a
# name that the DNS gives it (valid_hostname(3)), so that no stranger writes a bracket here.
_NAME = r"[^\s\[\],]*"
_AT = r"\[[^\[\]]{0,200}\](?::[0-9]{1,5})?"
PEER = f"{_NAME}(?:{_AT})?"
PEER_WITH_ADDRESS = _NAME + _AT

_PEER = re.compile(
    r"(?P<host>[^\s\[\],]*)(?:\[(?P<address>[^\[\]]*)\](?::(?P<port>[0-9]{1,5}))?)?\Z"
)
# An address, or the path of a unix socket; not `IP address`, as people write to hide one.
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]+(?:%[\w.-]+)?\Z|[\w./-]*/[\w./-]*\Z")

# Characters of a name (RFC 1035 §2.3.4): what is longer is none, and is kept for nothing.
MAX_NAME = 255
# Peers that are remembered: more than are spoken with at a time, and a few hundred kB.
MAX_PEERS = 2048


@lru_cache(maxsize=MAX_PEERS)
def peer_in(text: str) -> LoggedPeer | None:
    """Return whom `text` names; None for `none`, and for what names nobody."""
    found = _PEER.match(text)
    if found is None or text in {"", "none", "(null)[(null)]"}:
        return None
    address = found["address"] or ""
    if not _ADDRESS.match(address):
        address = ""
    port = int(found["port"]) if found["port"] else None
    return LoggedPeer(found["host"][:MAX_NAME].lower(), address[:MAX_NAME], port)
