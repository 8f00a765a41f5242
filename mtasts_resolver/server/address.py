"""Where to listen, in Postfix's spelling: `inet:host:port` and `unix:/path`."""

import ipaddress
import re
from typing import NamedTuple

from mtasts_resolver.policy.hostname import is_hostname

MAX_PORT = 65_535
MAX_UNIX_PATH = 107  # bytes: Linux's sockaddr_un holds 108 with the NUL at the end

_PORT = re.compile(r"[0-9]{1,5}\Z")  # str.isdigit() knows more digits than ASCII's


class InetAddress(NamedTuple):
    """A TCP address."""

    host: str
    """An IPv4 address, an IPv6 address without brackets, or a host name."""
    port: int
    """0 lets the kernel choose a free one, which the log names."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"inet:{host}:{self.port}"


class UnixAddress(NamedTuple):
    """A unix socket's address."""

    path: str
    """Absolute, at most MAX_UNIX_PATH bytes."""

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = InetAddress | UnixAddress


def parse_address(text: str) -> Address:
    """Return the address that `text` spells; raise ValueError, which says what would be valid."""
    kind, _, rest = text.partition(":")
    if kind == "unix":
        return _parse_unix(rest)
    if kind == "inet":
        return _parse_inet(rest)
    raise ValueError(f"{text!a} begins with neither 'inet:' nor 'unix:'")


def _parse_unix(path: str) -> UnixAddress:
    if not path.startswith("/") or path.endswith("/"):
        raise ValueError(f"the path {path!a} of a unix socket is not absolute, as unix:/run/x is")
    if "\0" in path:
        raise ValueError(f"the path {path!a} of a unix socket holds a NUL")
    if len(path.encode("utf-8", "surrogateescape")) > MAX_UNIX_PATH:
        raise ValueError(f"the path {path!a} of a unix socket exceeds {MAX_UNIX_PATH} bytes")
    return UnixAddress(path)


def _parse_inet(text: str) -> InetAddress:
    host, colon, port = text.rpartition(":")
    if not _PORT.match(port) or int(port) > MAX_PORT:
        raise ValueError(f"the port {port!a} is not a number from 0 to {MAX_PORT}")
    if not colon or not host:
        # Postfix reads a lone port as the loopback where it connects, and as every interface where
        # it listens. Guessing wrong would expose the daemon, or hide it.
        raise ValueError(
            f"'inet:{text}' names no host: write inet:127.0.0.1:{port}, or inet:0.0.0.0:{port}"
            " to listen on every interface"
        )
    return InetAddress(_parse_host(host), int(port))


def _parse_host(host: str) -> str:
    """Return an IP address in its canonical form without brackets, or a host name."""
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        if not bracketed and is_hostname(host.lower()):
            return host.lower()
        raise ValueError(f"{host!a} is neither an IP address nor a host name") from None
    if bracketed != isinstance(address, ipaddress.IPv6Address):
        raise ValueError(f"{host!a}: an IPv6 address, and only that, stands in brackets")
    return str(address)
