"""Which name servers to ask: those configured, or those of resolv.conf(5)."""

import ipaddress
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.discovery.errors import DnsConfigError
from mtasts_resolver.discovery.text import os_reason, printable

DNS_PORT = 53
MAX_PORT = 65_535
MAX_SERVERS = 3  # as in resolv.conf(5), MAXNS: Postfix on this host asks no more of them either
RESOLV_CONF = Path("/etc/resolv.conf")
RESOLV_CONF_CHECK = 5.0  # seconds between looks at the file: soon enough after a network change
RESOLV_CONF_BYTES = 65_536  # hundreds of times what the file needs

_BRACKETED = re.compile(r"\[(?P<host>[^\]]*)\](?::(?P<port>.*))?\Z", re.DOTALL)


class NameServer(NamedTuple):
    """Where a name server listens, over UDP and TCP."""

    host: str
    """An IP address; of an IPv6 address also with its zone, `fe80::1%eth0`."""
    port: int = DNS_PORT

    def __str__(self) -> str:
        if self.port == DNS_PORT:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_server(text: str) -> NameServer:
    """Return the name server that `text` names, or raise ValueError.

    `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]`, `[2001:db8::53]:5353`.
    """
    if found := _BRACKETED.match(text):
        host, port = found["host"], found["port"]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, None
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(
            f"{printable(text)!r} is no name server: an IP address is needed, and a port after"
            " it if it is not 53, as in 192.0.2.53:5353 or [2001:db8::53]:5353"
        ) from None
    if port is None:
        return NameServer(str(address))
    if not (port.isascii() and port.isdigit() and len(port) <= len(str(MAX_PORT))):
        raise ValueError(f"{printable(port)!r} is no port, in the name server {printable(text)!r}")
    if not 1 <= int(port) <= MAX_PORT:
        raise ValueError(f"the port {port} is not within 1 to {MAX_PORT}")
    return NameServer(str(address), int(port))


def read_resolv_conf(text: str) -> tuple[NameServer, ...]:
    """Return the name servers that `text`, a resolv.conf(5), names.

    Lines that are not understood are ignored, as the C library does. Without any `nameserver`
    the name server is that of this host.
    """
    servers: list[NameServer] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                servers.append(NameServer(str(ipaddress.ip_address(words[1]))))
            except ValueError:
                continue
    return tuple(dict.fromkeys(servers))[:MAX_SERVERS] or (NameServer("127.0.0.1"),)


class FixedServers:
    """The name servers of the configuration."""

    def __init__(self, servers: Sequence[str]) -> None:
        if len(servers) > MAX_SERVERS:
            raise ValueError(f"{len(servers)} name servers, at most {MAX_SERVERS} can be used")
        self._servers = tuple(parse_server(server) for server in servers)

    def current(self) -> tuple[NameServer, ...]:
        return self._servers


class ResolvConf:
    """The name servers of resolv.conf(5), read again after the file has changed.

    A file that cannot be read any more leaves those in force that it named last.
    """

    def __init__(
        self, path: Path = RESOLV_CONF, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._monotonic = monotonic
        self._check_at = float("-inf")
        self._seen: tuple[int, ...] = ()
        self._servers: tuple[NameServer, ...] = ()

    def current(self) -> tuple[NameServer, ...]:
        """Return one to MAX_SERVERS name servers, or raise DnsConfigError."""
        now = self._monotonic()
        if not self._servers or now >= self._check_at:
            self._check_at = now + RESOLV_CONF_CHECK
            try:
                self._look()
            except OSError as error:
                if not self._servers:
                    raise DnsConfigError(
                        f"there is no name server to ask: {self._path}: {os_reason(error)}"
                    ) from None
        return self._servers

    def _look(self) -> None:
        stat = self._path.stat()
        seen = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if seen != self._seen:
            with self._path.open("rb") as file:
                text = file.read(RESOLV_CONF_BYTES).decode("latin-1")
            self._servers = read_resolv_conf(text)
            self._seen = seen
