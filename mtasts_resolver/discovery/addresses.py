"""Which addresses a policy host or MX host may have: only what the whole Internet can reach.

Whoever publishes a domain also chooses the addresses of its policy host and of its MX hosts. Were
they not checked, any domain could make this host talk to its neighbours, to itself, or to a cloud's
metadata service.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from mtasts_resolver.config import IPNetwork

IPAddress = IPv4Address | IPv6Address

# The IANA registry of special-purpose addresses (RFC 6890). It stands here, because what
# `ipaddress.is_global` knows of it differs between the versions of Python.
_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network: RFC 791 §3.2; connecting there reaches this host
        "10.0.0.0/8",  # private: RFC 1918
        "100.64.0.0/10",  # shared with carriers' NAT: RFC 6598; Alibaba's metadata, too
        "127.0.0.0/8",  # loopback: RFC 1122 §3.2.1.3
        "168.63.129.16/32",  # Azure's platform service: a public address, but a private service
        "169.254.0.0/16",  # link-local: RFC 3927; the metadata of most clouds
        "172.16.0.0/12",  # private: RFC 1918
        "192.0.0.0/24",  # protocol assignments: RFC 6890 §2.1; Oracle's metadata, too
        "192.0.2.0/24",  # documentation: RFC 5737
        "192.88.99.0/24",  # 6to4 relays: RFC 7526
        "192.168.0.0/16",  # private: RFC 1918
        "198.18.0.0/15",  # benchmarks: RFC 2544
        "198.51.100.0/24",  # documentation: RFC 5737
        "203.0.113.0/24",  # documentation: RFC 5737
        "224.0.0.0/4",  # multicast: RFC 5771
        "240.0.0.0/4",  # reserved: RFC 1112 §4; broadcast
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")  # global unicast, all that is assigned: RFC 4291 §2.4
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: RFC 2928; Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation: RFC 3849
        "2002::/16",  # 6to4, which may lead to any IPv4 address, and is gone: RFC 7526
        "3fff::/20",  # documentation: RFC 9637
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1
# RFC 5214 §6.1: the lower half of an ISATAP address is 0000:5EFE or 0200:5EFE, and an IPv4 address.
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def is_address(text: str) -> bool:
    """Tell whether `text` is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_allowed(address: IPAddress, allow_networks: Sequence[IPNetwork] = ()) -> bool:
    """Tell whether to connect to `address`: globally routable, or within `allow_networks`.

    An IPv4 address that is mapped into IPv6 or NAT64 is judged as what it is. Addresses behind a
    NAT64 prefix that a network chose for itself cannot be recognised.
    """
    if any(address in network for network in allow_networks):
        return True
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    translated = address.ipv4_mapped or _behind_nat64(address)
    if translated is not None:
        return is_allowed(translated, allow_networks)
    if address not in _GLOBAL_V6 or any(address in network for network in _REFUSED_V6):
        return False
    tunnelled = _behind_isatap(address)
    return tunnelled is None or is_allowed(tunnelled, allow_networks)


def _behind_nat64(address: IPv6Address) -> IPv4Address | None:
    return _last_32_bits(address) if address in _NAT64 else None


def _behind_isatap(address: IPv6Address) -> IPv4Address | None:
    marker = int(address) >> 32 & 0xFFFF_FFFF
    return _last_32_bits(address) if marker in _ISATAP else None


def _last_32_bits(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)
