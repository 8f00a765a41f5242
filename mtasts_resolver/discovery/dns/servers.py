"""Which name servers to ask: those configured, or those of resolv.conf(5)."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.config import MAX_SERVERS, NameServer, parse_ip
from mtasts_resolver.discovery.errors import DnsConfigError
from mtasts_resolver.discovery.oserrors import os_reason, shortage

RESOLV_CONF = Path("/etc/resolv.conf")
RESOLV_CONF_CHECK = 5.0  # seconds between looks at the file: soon enough after a network change
RESOLV_CONF_BYTES = 65_536  # hundreds of times what the file needs


class Named(NamedTuple):
    """What a resolv.conf(5) says."""

    servers: tuple[NameServer, ...]
    trust_ad: bool
    """`options trust-ad`: the servers, and the way to them, can be trusted with the AD bit."""


def read_resolv_conf(text: str) -> Named:
    """Return the name servers that `text`, a resolv.conf(5), names.

    Lines that are not understood are ignored, as the C library does. Without any `nameserver`
    the name server is that of this host.
    """
    servers: list[NameServer] = []
    trust_ad = False
    for line in text.splitlines():
        keyword, *words = line.split() or [""]
        if keyword == "options":
            trust_ad = trust_ad or "trust-ad" in words
        elif keyword == "nameserver" and words:
            try:
                servers.append(NameServer(parse_ip(words[0])))
            except ValueError:
                continue
    distinct = tuple(dict.fromkeys(servers))[:MAX_SERVERS]
    return Named(distinct or (NameServer("127.0.0.1"),), trust_ad)


class FixedServers:
    """The name servers of the configuration."""

    trust_ad = False  # it is about those of resolv.conf; for these there is `dns.dnssec: trust`

    def __init__(self, servers: Sequence[NameServer]) -> None:
        if len(servers) > MAX_SERVERS:
            raise ValueError(f"{len(servers)} name servers, at most {MAX_SERVERS} can be used")
        self._servers = tuple(servers)

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
        self.trust_ad = False

    def current(self) -> tuple[NameServer, ...]:
        """Return one to MAX_SERVERS name servers; raise DnsConfigError or ShortageError."""
        now = self._monotonic()
        if not self._servers or now >= self._check_at:
            self._check_at = now + RESOLV_CONF_CHECK
            try:
                self._look()
            except OSError as error:
                if not self._servers:
                    raise (
                        shortage(error)
                        or DnsConfigError(
                            f"there is no name server to ask: {self._path}: {os_reason(error)}"
                        )
                    ) from None
        return self._servers

    def _look(self) -> None:
        stat = self._path.stat()
        seen = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if seen != self._seen:
            with self._path.open("rb") as file:
                text = file.read(RESOLV_CONF_BYTES).decode("latin-1")
            self._servers, self.trust_ad = read_resolv_conf(text)
            self._seen = seen
