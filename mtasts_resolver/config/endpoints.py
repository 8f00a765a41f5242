"""The addresses that the configuration names: where to listen, whom to ask, and through what.

`parse_address` reads Postfix's spelling, `inet:host:port` and `unix:/path`; `parse_server` an IP
address with or without a port; `parse_proxy_url` a URL; `parse_network` prefix notation. What they
raise quotes the text and says what would be valid. `str` of what they return is its canonical
spelling, which they read as the same; but that of a proxy leaves out who we are to it.
"""

import ipaddress
import re
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from mtasts_resolver.config.faults import shown
from mtasts_resolver.policy import is_hostname

DNS_PORT = 53
MAX_PORT = 65_535
MAX_SERVERS = 3  # as in resolv.conf(5), MAXNS: Postfix on this host asks no more of them either
MAX_UNIX_PATH = 107  # bytes, unix(7): sun_path holds 108 with the NUL at the end

_PORT = re.compile(r"[0-9]{1,5}\Z")  # str.isdigit() knows more digits than ASCII's
# An interface's name, which Linux bounds at 15 characters (IFNAMSIZ), or its number.
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,15}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BRACKETED = re.compile(r"\[(?P<host>[^\]]*:[^\]]*)\](?::(?P<port>.*))?\Z", re.DOTALL)


class InetAddress(Struct, frozen=True, tag="inet"):
    """A TCP address."""

    host: str
    """An IPv4 address, an IPv6 address without brackets, or a host name."""
    port: int
    """0 lets the kernel choose a free one, which the log names."""

    def __str__(self) -> str:
        return f"inet:{_with_port(self.host, self.port)}"


class UnixAddress(Struct, frozen=True, tag="unix"):
    """A unix socket's address."""

    path: str
    """Absolute, at most MAX_UNIX_PATH bytes."""

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = InetAddress | UnixAddress


class HttpAddress(Struct, frozen=True):
    """Where HTTP is spoken."""

    host: str
    """An IPv4 address, an IPv6 address without brackets, or a host name."""
    port: int
    """0 lets the kernel choose a free one, which the log names."""

    def __str__(self) -> str:
        return _with_port(self.host, self.port)


class NameServer(NamedTuple):
    """Where a name server listens, over UDP and TCP."""

    host: str
    """An IP address; of an IPv6 address also with its zone, `fe80::1%eth0`."""
    port: int = DNS_PORT

    def __str__(self) -> str:
        return self.host if self.port == DNS_PORT else _with_port(self.host, self.port)


class ProxyUrl(NamedTuple):
    """An HTTP proxy. Neither `str` nor `repr` shows who we are to it."""

    host: str
    """An IP address without brackets, or a host name."""
    port: int
    user: str = ""
    password: str = ""

    def __str__(self) -> str:
        hidden = "***@" if self.user or self.password else ""
        return f"http://{hidden}{_with_port(self.host, self.port)}"

    def __repr__(self) -> str:
        return str(self)


@runtime_checkable
class IPNetwork(Protocol):
    """An IPv4Network or an IPv6Network; one type, for msgspec asks a hook for no union of two."""

    def __contains__(self, address: object, /) -> bool: ...


def parse_address(text: str) -> Address:
    """Return the address that `text` spells, or raise ValueError."""
    kind, _, rest = text.partition(":")
    if kind not in {"inet", "unix"}:
        raise ValueError(f"{shown(text)} is neither 'inet:HOST:PORT' nor 'unix:/PATH'")
    try:
        return _parse_inet(rest) if kind == "inet" else _parse_unix(rest)
    except ValueError as error:
        raise ValueError(f"{shown(text)}: {error}") from None


def parse_http_address(text: str) -> HttpAddress | None:
    """Return the address that `HOST:PORT` spells, None for an empty text; or raise ValueError."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host:
        raise ValueError(f"{shown(text)} is not HOST:PORT, as in 127.0.0.1:8463 or [::1]:8463")
    try:
        return HttpAddress(_parse_host(host), _parse_port(port, lowest=0))
    except ValueError as error:
        raise ValueError(f"{shown(text)}: {error}") from None


def parse_socket_path(text: str) -> Path:
    """Return the path of a unix socket; or raise ValueError."""
    try:
        return Path(_parse_unix(text).path)
    except ValueError as error:
        raise ValueError(f"{shown(text)}: {error}") from None


def parse_server(text: str) -> NameServer:
    """Return the name server that `text` names, or raise ValueError.

    `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]`, `[2001:db8::53]:5353`.
    """
    host, port = text, None
    if found := _BRACKETED.match(text):
        host, port = found["host"], found["port"]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        address = parse_ip(host)
    except ValueError:
        raise ValueError(
            f"{shown(text)} is no name server: an IP address is needed, and a port after it if it"
            f" is not {DNS_PORT}, as in 192.0.2.53:5353 or [2001:db8::53]:5353"
        ) from None
    if port is None:
        return NameServer(address)
    try:
        return NameServer(address, _parse_port(port, lowest=1))
    except ValueError as error:
        raise ValueError(f"{shown(text)}: {error}") from None


def parse_proxy_url(text: str) -> ProxyUrl:
    """Return the proxy that `http://host:port` names, with or without `user:password@`."""
    # A password must not get into logs, so nothing that may hold one is quoted.
    secret = "@" in text
    url = "the URL (not shown: it holds a password)" if secret else shown(text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        why = "" if secret else f": {error}"
        raise ValueError(f"{url} is not a URL{why}") from None
    if parts.scheme == "https":
        raise ValueError(
            f"{url} asks for TLS to the proxy, which is not supported: write 'http://HOST:PORT';"
            " what goes through it is encrypted all the same"
        )
    if parts.scheme != "http" or not parts.hostname or not port:
        raise ValueError(f"{url} is not 'http://HOST:PORT'")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError(f"{url} has more than a host and a port")
    # urlsplit() passes over tabs and line ends.
    if _CONTROL.search(text):
        raise ValueError(f"{url} holds a control character")
    host = parts.hostname
    if not is_hostname(host):
        try:
            host = parse_ip(host)
        except ValueError:
            raise ValueError(f"{url} has no valid host") from None
    return ProxyUrl(host, port, unquote(parts.username or ""), unquote(parts.password or ""))


def parse_network(text: str) -> IPNetwork:
    """Return the IP network, in prefix notation, or one address as a network; or ValueError."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{shown(text)} is not an IP network such as 192.0.2.0/24") from None
    raise ValueError(f"{shown(text)} is an address in the network {meant}: write that one")


def parse_ip(text: str) -> str:
    """Return an IP address, of IPv6 also with a zone, in canonical form; or raise ValueError."""
    address = ipaddress.ip_address(text)
    zone = getattr(address, "scope_id", None)
    if zone is not None and not _ZONE.match(zone):
        raise ValueError(f"{shown(zone)} is not the name of a network interface")
    return str(address)


def _parse_inet(text: str) -> InetAddress:
    host, colon, port_text = text.rpartition(":")
    port = _parse_port(port_text, lowest=0)
    if not colon or not host:
        # Postfix reads a lone port as the loopback where it connects, and as every interface where
        # it listens. Guessing wrong would expose the daemon, or hide it.
        raise ValueError(
            f"no host is named: write inet:127.0.0.1:{port}, or inet:0.0.0.0:{port} to listen on"
            " every interface"
        )
    return InetAddress(_parse_host(host), port)


def _parse_host(host: str) -> str:
    """Return an IP address in its canonical form without brackets, or a host name."""
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = parse_ip(host[1:-1] if bracketed else host)
    except ValueError:
        if not bracketed and is_hostname(host.lower()):
            return host.lower()
        raise ValueError(f"{shown(host)} is neither an IP address nor a host name") from None
    if bracketed != (":" in address):
        raise ValueError("an IPv6 address, and only that, stands in brackets")
    return address


def _parse_unix(path: str) -> UnixAddress:
    if not path.startswith("/") or path.endswith("/"):
        raise ValueError("the path of a unix socket must be absolute, as in unix:/run/x/socket")
    if "\0" in path:
        raise ValueError("the path of a unix socket holds a NUL")
    try:
        size = len(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise ValueError("the path of a unix socket holds what is no character") from None
    if size > MAX_UNIX_PATH:
        raise ValueError(f"the path of a unix socket has at most {MAX_UNIX_PATH} bytes, not {size}")
    return UnixAddress(path)


def _parse_port(text: str, *, lowest: int) -> int:
    if not _PORT.match(text) or not lowest <= int(text) <= MAX_PORT:
        raise ValueError(f"the port {shown(text)} is not a number from {lowest} to {MAX_PORT}")
    return int(text)


def _with_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
