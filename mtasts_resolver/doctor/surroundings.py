"""What Postfix's set-up is judged against: the daemon, and this host's files. Values alone.

Who looks is `looking.py`; who judges takes these, and looks at nothing.
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from msgspec import Struct

from mtasts_resolver.config import Address, Config, InetAddress, MapOptions, UnixAddress

SOCKETMAP, TCP_TABLE = "socketmap", "tcp_table"


class LookupPlace(Struct, frozen=True):
    """Where the daemon takes look-ups."""

    protocol: str
    """SOCKETMAP or TCP_TABLE."""
    address: Address

    def table(self, map_name: str, queue_directory: str) -> str:
        """Return what smtp_tls_policy_maps calls it."""
        match self.address:
            case InetAddress(host, port):
                host = _REACHED_AT.get(host, host)
                where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                if self.protocol == TCP_TABLE:
                    return f"tcp:{where}"
                return f"socketmap:inet:{where}:{map_name}"
            case UnixAddress(path):
                if PurePosixPath(path).is_relative_to(queue_directory):
                    path = str(PurePosixPath(path).relative_to(queue_directory))
                return f"socketmap:unix:{path}:{map_name}"


# Where it is reached that listens everywhere.
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  nothing is bound to it


class OurLookups(Struct, frozen=True, kw_only=True):
    """Where the daemon is asked, and how its maps answer."""

    places: tuple[LookupPlace, ...]
    config: Config
    validates: bool | None = None
    """Whether it knows a resolver that validates DNSSEC; None: nobody could ask it."""

    @classmethod
    def configured(
        cls, config: Config, others: Iterable[LookupPlace] = (), *, validates: bool | None = None
    ) -> "OurLookups":
        """Return what a configuration says, and `others` besides, such as systemd's sockets."""
        own = (LookupPlace(one.protocol, one.address) for one in config.listen)
        places = tuple(dict.fromkeys([*own, *others]))
        return cls(places=places, config=config, validates=validates)

    def options(self, map_name: str | None) -> MapOptions:
        """Return how a map answers; None is the one for tcp_table."""
        return self.config.map_options(map_name or self.config.tcp_table_map)

    def has_map(self, map_name: str) -> bool:
        """Tell whether a map of this name is meant to be there."""
        return map_name.lower() in self.config.all_maps()

    def map_for(self, *, tlsrpt: bool, like: MapOptions | None = None) -> str:
        """Return the name of a map that sends TLSRPT attributes, or none, and is else `like`."""
        usual = "tlsrpt" if tlsrpt else "default"
        maps = self.config.all_maps()
        for name in (usual, *maps):
            options = maps.get(name)
            if options and options.tlsrpt == tlsrpt and (like is None or _alike(options, like)):
                return name
        return usual


class Authorities(Struct, frozen=True, kw_only=True):
    """Certificate authorities that somebody trusts."""

    certificates: frozenset[bytes] = frozenset()
    """Each one's SHA-256."""
    fault: str = ""
    """Why they cannot be used."""
    seen: bool = True
    """Whether this user may look at them."""


class LocalTable(Struct, frozen=True, kw_only=True):
    """A table in a file of this host."""

    keys: int | None = None
    """None: its keys cannot be counted, as those of regular expressions."""
    fault: str = ""
    """Why Postfix cannot use it."""


class ReportSocket(Struct, frozen=True, kw_only=True):
    """The socket of the TLSRPT collector."""

    path: str
    fault: str = ""
    """Why Postfix's datagrams do not arrive."""


class SmartHostPolicy(Struct, frozen=True, kw_only=True):
    """What a next hop's own policy domain publishes."""

    mode: str
    mx: tuple[str, ...]
    hosts: tuple[str, ...]
    """Who takes the mail, as far as known: the host in brackets, or those of the MX records."""


class Surroundings(Struct, frozen=True, kw_only=True):
    """All of it, for one Postfix instance."""

    ours: OurLookups
    our_authorities: Authorities = Authorities()
    our_bundle: str = "/etc/ssl/certs/ca-certificates.crt"
    """The file whose authorities the daemon trusts, for `smtp_tls_CAfile`."""
    authorities: Mapping[str, Authorities] = {}
    """Of each file and directory that a CAfile or CApath names; of one in the chroot, too."""
    tables: Mapping[str, LocalTable] = {}
    """Of each local table before or behind us, as main.cf calls it."""
    report_sockets: Mapping[str, ReportSocket] = {}
    """By their path, as smtp(8) finds them."""
    reports_built_in: bool | None = None
    """Whether this Postfix is built with libtlsrpt; None: that cannot be told."""
    policies: Mapping[str, SmartHostPolicy] = {}
    """By the next hop that this Postfix names, as text: of those whose domains publish a policy."""


def _alike(first: MapOptions, second: MapOptions) -> bool:
    return (first.dane, first.sni, first.testing, first.answer) == (
        second.dane,
        second.sni,
        second.testing,
        second.answer,
    )
