"""What the operating system says, in words, and whether it says that this host lacks something.

A shortage of ours must never pass for a failure of a domain's: that may mean delivery without
protection.
"""

import errno
import os
import socket
import ssl
from collections.abc import Iterable

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.discovery.errors import ShortageError

_NO_PORT = "no local port is free (see net.ipv4.ip_local_port_range, and ss -s)"
_FORBIDDEN = "a firewall or security module of this host forbids it (let DNS and HTTPS out)"

# Whatever the operating system was asked for when it said so, it is this host that lacks it.
_OF_ANYTHING = {
    errno.EMFILE: "this process may open no more files (raise LimitNOFILE= of its unit)",
    errno.ENFILE: "this host can open no more files (raise fs.file-max)",
    errno.ENOMEM: "this host or the unit has no memory left (see MemoryMax=)",
    errno.ENOBUFS: "this host has no memory left for sockets (see net.ipv4.tcp_mem and udp_mem)",
    errno.ENOSPC: "this host can watch no more sockets (raise fs.epoll.max_user_watches)",
}
# What a router or the peer can cause by ICMP is in none of these tables. The kernel makes of it
# ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENONET, ENOPROTOOPT, EMSGSIZE, EPROTO and
# EOPNOTSUPP (icmp_err_convert, tab_unreach), and over IPv6 EACCES. ENETUNREACH and EAFNOSUPPORT
# are normal, too, on a host that has only one of the two protocols: see no_route().
_OVER_IPV6 = _OF_ANYTHING | {
    errno.EAGAIN: _NO_PORT,  # what connect(2) says over UDP; no socket's buffer is ever full here
    errno.EADDRINUSE: _NO_PORT,
    errno.ENETDOWN: "the network of this host is down (see ip link)",
    errno.EPERM: _FORBIDDEN,  # by netfilter, or IPAddressDeny= of the unit
}
# Over IPv6 the first says that this host has no such address, which is normal, and the second may
# be a router's word: "administratively prohibited" (RFC 4443 §3.1).
_OVER_IPV4 = _OVER_IPV6 | {errno.EADDRNOTAVAIL: _NO_PORT, errno.EACCES: _FORBIDDEN}

# What says that a protocol leads nowhere from here; the last two where IPv6 is turned off.
_NO_ROUTE = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
# The addresses of a.root-servers.net, which outlive most networks: a way to the Internet is one to
# them, over one protocol at least. Nothing is ever sent there.
INTERNET_IPV4 = "198.41.0.4"
INTERNET_IPV6 = "2001:503:ba3e::2:30"
_ANY_PORT = 443


def os_reason(error: OSError) -> str:
    """Return why the operating system, or TLS, refused, without its numbers and addresses."""
    if isinstance(error, ssl.SSLError):  # its number is one of OpenSSL's
        return printable(error.reason.lower().replace("_", " ") if error.reason else str(error))
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    # asyncio raises a bare ConnectionResetError where the peer closes too early.
    return printable((error.strerror or str(error) or "the connection was closed").lower())


def shortage(error: OSError, peer: str | None = None) -> ShortageError | None:
    """Return the error to raise where this host lacks something, None where `error` says no such.

    `peer` is the IP address that a socket was to reach; None where `error` is about something
    else, such as a file or the look-up of a name.
    """
    if isinstance(error, ssl.SSLError):  # its number is one of OpenSSL's
        return None
    code = error.errno
    if isinstance(error, socket.gaierror):
        code = errno.ENOMEM if code == socket.EAI_MEMORY else None
    table = _OF_ANYTHING if peer is None else _OVER_IPV6 if ":" in peer else _OVER_IPV4
    if code is None or (what := table.get(code)) is None:
        return None
    return ShortageError(f"{what}: {os.strerror(code).lower()}")


def no_route(peers: Iterable[str]) -> ShortageError | None:
    """Return the error to raise where this host has no way to any of `peers`, nor to the Internet.

    One that has only one of the two protocols has no way to many a peer, but one to the Internet.
    Raise ShortageError where this host lacks something even to find that out.
    """
    if any(map(leads_to, (INTERNET_IPV4, INTERNET_IPV6, *peers))):
        return None
    return ShortageError(
        "this host has no route to the Internet (see ip route, and ip -6 route):"
        f" {os.strerror(errno.ENETUNREACH).lower()}"
    )


def leads_to(address: str) -> bool:
    """Tell whether the routing table of this host has a way to the IP address.

    To connect a socket of UDP sends nothing, so that is no router's word. Raise ShortageError.
    """
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, _ANY_PORT))
    except OSError as error:
        if (lacking := shortage(error, address)) is not None:
            raise lacking from None
        return error.errno not in _NO_ROUTE
    return True
