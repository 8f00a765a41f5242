"""The tables of a parameter such as smtp_tls_policy_maps, one by one: which of them is ours.

    table     = ["proxy:"] type ":" rest
    socketmap = "socketmap:" ("inet:" [host ":"] port / "unix:" path) ":" map-name
    tcp       = "tcp:" [host ":"] port          ; tcp_table(5): no map names

socketmap_table(5), tcp_table(5). The map's name is what stands behind the last colon; a port
without a host is one of this host. unionmap, pipemap and randmap hold tables in braces.
"""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from msgspec import Struct
from msgspec.structs import replace

from mtasts_resolver.config import Address, InetAddress, UnixAddress, parse_ip
from mtasts_resolver.doctor.instance import list_items
from mtasts_resolver.doctor.surroundings import SOCKETMAP, TCP_TABLE, LookupPlace, OurLookups

# In files of this host. What `static` and `inline` hold stands in main.cf.
FILE_TABLES = frozenset(
    ("texthash", "hash", "btree", "lmdb", "cdb", "dbm", "sdbm", "cidr", "regexp", "pcre")
)
COMPOSITE_TABLES = frozenset(("unionmap", "pipemap", "randmap"))
_HOST_PORT = re.compile(
    r"(?:(?:\[(?P<bracketed>[^\[\]]+)\]|(?P<host>[^:\[\]]*)):)?(?P<port>\d{1,5})\Z"
)
_LOCALHOST = ("127.0.0.1", "::1")


class AskedTable(Struct, frozen=True, kw_only=True):
    """One table, as it is written, and what it means."""

    text: str
    type: str
    rest: str
    """What stands behind the type, such as the file."""
    proxied: bool = False
    """Through proxymap(8)."""
    map_name: str | None = None
    """Of a socketmap."""
    address: Address | None = None
    """Of a socketmap or tcp_table: where it is asked, as seen outside any chroot."""
    ours: bool = False
    outside_jail: bool = False
    """It would be ours, and smtp(8) looks for its socket inside the chroot."""
    malformed: str = ""
    """Why Postfix cannot open it."""

    @property
    def is_remote(self) -> bool:
        """Whether another program answers, and not a file."""
        return self.type in (SOCKETMAP, "tcp")


def parse_tables(
    value: str, ours: OurLookups, queue_directory: str, *, chroot: bool
) -> tuple[AskedTable, ...]:
    """Return the tables of a parameter's value, in their order."""
    reader = _Reader(ours, queue_directory, chroot)
    return tuple(reader.table(text) for text in list_items(value))


class _Reader(Struct, frozen=True):
    ours: OurLookups
    queue_directory: str
    chroot: bool

    def table(self, text: str) -> AskedTable:
        inner = text.removeprefix("proxy:")
        proxied = inner != text
        kind, colon, rest = inner.partition(":")
        if not colon:
            lone = "a table is TYPE:NAME"
            return AskedTable(text=text, type="", rest=inner, proxied=proxied, malformed=lone)
        table = AskedTable(text=text, type=kind, rest=rest, proxied=proxied)
        if kind == SOCKETMAP:
            return self._socketmap(table)
        if kind == "tcp":
            return self._located(table, TCP_TABLE, "inet", rest, None)
        if kind in COMPOSITE_TABLES:
            return replace(table, ours=any(one.ours for one in self._inside(rest)))
        return table

    def _inside(self, rest: str) -> Iterator[AskedTable]:
        for text in list_items(rest.removeprefix("{").removesuffix("}")):
            yield self.table(text.strip("{} "))

    def _socketmap(self, table: AskedTable) -> AskedTable:
        where, colon, map_name = table.rest.rpartition(":")
        kind, _, place = where.partition(":")
        if not colon or kind not in ("inet", "unix") or not place or not map_name:
            return replace(
                table,
                malformed="a socketmap is inet:HOST:PORT:NAME or unix:PATH:NAME, and has a name",
            )
        return self._located(table, SOCKETMAP, kind, place, map_name)

    def _located(
        self, table: AskedTable, protocol: str, kind: str, place: str, map_name: str | None
    ) -> AskedTable:
        if kind == "unix":
            jailed = self.chroot and not table.proxied  # proxymap(8) is not chrooted as it ships
            seen, meant = self._paths(place, jailed=jailed)
            ours = self._is_ours(protocol, UnixAddress(seen))
            beyond = not ours and self._is_ours(protocol, UnixAddress(meant))
            return replace(
                table,
                map_name=map_name,
                address=UnixAddress(seen),
                ours=ours or beyond,
                outside_jail=beyond,
            )
        if not (found := _HOST_PORT.match(place)):
            return replace(table, map_name=map_name, malformed="it names no HOST:PORT")
        host = found["bracketed"] or found["host"] or "localhost"
        address = InetAddress(_canonical(host), int(found["port"]))
        return replace(
            table, map_name=map_name, address=address, ours=self._is_ours(protocol, address)
        )

    def _paths(self, path: str, *, jailed: bool) -> tuple[str, str]:
        """Return where smtp(8) finds a socket, and where it would without the chroot."""
        free = PurePosixPath(self.queue_directory, path)
        seen = PurePosixPath(self.queue_directory, path.lstrip("/")) if jailed else free
        return str(seen), str(free)

    def _is_ours(self, protocol: str, address: Address) -> bool:
        return any(_leads_to(protocol, address, place) for place in self.ours.places)


def _leads_to(protocol: str, address: Address, place: LookupPlace) -> bool:
    """Tell whether who connects to `address` reaches `place`."""
    if protocol != place.protocol:
        return False
    match address, place.address:
        case UnixAddress(path), UnixAddress(own):
            return PurePosixPath(path) == PurePosixPath(own)
        case InetAddress(host, port), InetAddress(own_host, own_port):
            if port != own_port:
                return False
            own_host = _canonical(own_host)
            return host == own_host or _is_any(own_host) or _both_local(host, own_host)
        case _:
            return False


def _canonical(host: str) -> str:
    try:
        return parse_ip(host)
    except ValueError:
        return host.lower()


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _both_local(host: str, own: str) -> bool:
    """Tell whether one is the name of the address that the other is."""
    return "localhost" in (host, own) and {host, own} <= {"localhost", *_LOCALHOST}
