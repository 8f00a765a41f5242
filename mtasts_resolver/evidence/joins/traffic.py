"""Who is at the other end, and for which domain a message is."""

import re
from functools import lru_cache
from ipaddress import ip_address

from mtasts_resolver.maillog.events import LoggedPeer
from mtasts_resolver.policy import MAX_DOMAIN_LENGTH, parse_next_hop

# Addresses and domains of which the answer is remembered: mail goes to the same few all day.
_REMEMBERED = 8_192


# Postfix's own words for whom it could not connect to stand first.
_UNCONNECTED = re.compile(
    r"(?:delivery temporarily suspended: )?connect to [^\s\[]{1,255}\[(?P<address>[^\]\s]{1,255})\]"
)


def goes_nowhere(reason: str) -> bool:
    """Tell whether who could not be connected to is this host itself: its mail store, or filter."""
    found = _UNCONNECTED.match(reason)
    return found is not None and _is_here(found["address"])


def is_local(peer: LoggedPeer, host: str) -> bool:
    """Tell whether `peer` is this host itself: loopback, a unix socket, or its own full name.

    A private address (RFC 1918) is another host's: what goes to an internal relay crosses a
    network, too. A name is believed only in full: `mail` may be anybody's.
    """
    return _is_here(peer.address) or ("." in host and peer.host == host.lower())


@lru_cache(_REMEMBERED)
def _is_here(address: str) -> bool:
    """Tell whether an address is loopback, or no address: a path, as of LMTP to a mail store."""
    try:
        return ip_address(address.removeprefix("IPv6:")).is_loopback
    except ValueError:
        return "/" in address


@lru_cache(_REMEMBERED)
def recipient_domain(domain: str) -> str:
    """Return the domain of a recipient as A-label in lower case; as it is where it is no domain."""
    hop = parse_next_hop(domain) if ":" not in domain else None
    if hop is not None and not hop.is_host:
        return hop.domain
    return domain[:MAX_DOMAIN_LENGTH].lower().rstrip(".")


def domain_of_recipient(recipient: str) -> str:
    """Return the domain that a recipient's address has, empty where it has none."""
    _, at, domain = recipient.rpartition("@")
    return recipient_domain(domain) if at else ""
