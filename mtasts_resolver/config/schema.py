"""The configuration: its keys, their defaults, and what they mean.

This is the one description of the configuration. Loading, the comparison at a reload and the
reference page are all driven by it.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from mtasts_resolver.config import kinds
from mtasts_resolver.config.endpoints import MAX_SERVERS
from mtasts_resolver.config.kinds import DAY, HOUR, Duration, Integer, Kind, Switch, Text

MAX_LISTENERS = 64  # more than anyone has
MIB = 1 << 20
MAX_NETWORKS = 1_000  # each address of a policy host is compared with all of them

# As others spell them. Case does not count in the name of a map: whoever has `querywithtlsrpt` in
# main.cf means one of these, and would lose its reports and its comparison of MX hosts.
BUILTIN_MAPS = ("default", "QUERY", "postfix", "tlsrpt", "QUERYwithTLSRPT")


def key(
    description: str,
    kind: Kind | None = None,
    *,
    reload: bool | None = None,
    max_items: int | None = None,
) -> Meta:
    """Describe a key: its meaning, and the kind of its values where the type does not tell.

    `reload` tells whether a reload applies it, for the keys at the top, and so for those below.
    `max_items` bounds a list.
    """
    extra = {"kind": kind, "reload": reload, "max_items": max_items}
    return Meta(description=description, extra=extra)


ADDRESS = Text(
    "address", "`inet:HOST:PORT` (IPv6 in brackets) or `unix:/PATH`", kinds.listen_address
)
SERVER = Text("address", "an IP address, with or without a port", kinds.name_server)
NETWORK = Text("network", "such as `192.0.2.0/24`, `2001:db8::/32`", kinds.network)
MODE = Text("mode", "octal, such as `0660`", kinds.mode)
ACCOUNT = Text("name", "a name or number that the system knows", kinds.account)
FILE = Text("path", "absolute", kinds.absolute_path)
PROXY = Text("URL", "`http://HOST:PORT`", kinds.proxy_url)
STORE = Text("URL", "`sqlite:///absolute/path`", kinds.store_url)
DANE = Switch("only")
MAP_NAME = Text("map name", "a built-in map or one of `maps`", kinds.map_name)


class MapOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the look-ups in one map are answered."""

    tlsrpt: Annotated[
        bool,
        key(
            "Add the policy to the answer `secure`, in attributes that Postfix 3.10 and later need"
            " to report over TLSRPT (RFC 8460), and with which 3.10.5 and later compare the MX"
            " host's name with the policy. Postfix 3.9 and earlier reject such an answer and defer"
            " the mail."
        ),
    ] = False
    sni: Annotated[
        bool,
        key(
            "Add `servername=hostname`, so that Postfix names the MX host in the TLS handshake"
            " (RFC 8461 §7.1)."
        ),
    ] = True
    testing: Annotated[
        Literal["observe", "enforce"],
        key(
            "What a policy in mode `testing` does: `observe` answers as though there were no"
            " policy, as RFC 8461 §5 asks; `enforce` treats it as mode `enforce`."
        ),
    ] = "observe"
    dane: Annotated[
        bool | Literal["only"],
        key(
            "Let DANE (RFC 7672) take part in the answer. `only` is for a Postfix whose"
            " `smtp_tls_security_level` is `encrypt` or stricter, which the answer `dane` would"
            " weaken: it is `dane-only` where every host can be verified, and never `dane`. `false`"
            " is for a Postfix without `smtp_dns_support_level = dnssec`, which would defer mail at"
            " the level `dane-only`.",
            DANE,
        ),
    ] = True


class ListenerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the daemon listens, and what it speaks there."""

    protocol: Annotated[
        Literal["socketmap", "tcp_table"],
        key("The protocol; `socketmap` is the better one, `tcp_table` has no map names."),
    ]
    address: Annotated[str, key("Where to listen.", ADDRESS)]
    mode: Annotated[
        str | None,
        key(
            "The mode of a unix socket; unset: `0660` where `owner` or `group` is named, else"
            " `0666`.",
            MODE,
        ),
    ] = None
    owner: Annotated[
        str | None, key("The owner of a unix socket; unset, whoever runs the daemon.", ACCOUNT)
    ] = None
    group: Annotated[
        str | None, key("The group of a unix socket; unset, the daemon's own.", ACCOUNT)
    ] = None

    @property
    def mode_bits(self) -> int | None:
        return None if self.mode is None else int(self.mode, 8)


class DnsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How DNS is asked."""

    servers: Annotated[
        tuple[str, ...],
        key(
            "The name servers to ask; empty: those of `/etc/resolv.conf`, which Postfix asks in any"
            " case.",
            SERVER,
            max_items=MAX_SERVERS,
        ),
    ] = ()
    timeout: Annotated[
        float,
        key(
            "How long one DNS query may take, all name servers and tries together.",
            Duration(0.5, 30, "a query that takes longer is dead, and a look-up makes several"),
        ),
    ] = 5.0
    dnssec: Annotated[
        Literal["auto", "trust", "off"],
        key(
            "Whose word on DNSSEC counts, which DANE needs: `auto`, that of the name servers"
            " reached over loopback, and of all where `/etc/resolv.conf` is asked and has `options"
            " trust-ad`, but not of the forwarders of systemd-resolved (127.0.0.53, 127.0.0.54) and"
            " Docker (127.0.0.11); `trust`, that of all name servers: each must validate, and the"
            " network path to it must be safe; `off`, nobody's. DANE is used only while such a"
            " server validates."
        ),
    ] = "auto"


class HttpsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How policies are fetched."""

    timeout: Annotated[
        float,
        key(
            "How long one fetch of a policy may take, from the look-up of its host to the last"
            " byte.",
            Duration(1, 60, "RFC 8461 §3.3 suggests a minute"),
        ),
    ] = 10.0
    ca_file: Annotated[
        str | None,
        key(
            "The trusted certification authorities, a PEM file; unset: the system's own.",
            FILE,
        ),
    ] = None
    proxy: Annotated[
        str | None,
        key(
            "An HTTP proxy for all fetches. The environment's proxy variables are never used.",
            PROXY,
        ),
    ] = None
    allow_networks: Annotated[
        tuple[str, ...],
        key(
            "Networks that policy hosts may be in although their addresses are not globally"
            " routable: loopback, private, link-local and the like are refused otherwise.",
            NETWORK,
            max_items=MAX_NETWORKS,
        ),
    ] = ()


class StoreConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where policies outlive the daemon."""

    url: Annotated[
        str | None,
        key(
            "The store. Unset, it is `policies.sqlite` in `$STATE_DIRECTORY` under systemd, else in"
            " `/var/lib/mtasts-resolver` for root, else in"
            " `$XDG_STATE_HOME/mtasts-resolver` (`~/.local/state/mtasts-resolver`).",
            STORE,
        ),
    ] = None


class CacheConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept in memory."""

    memory_entries: Annotated[
        int,
        key(
            "How many domains are kept in memory, for MTA-STS and for DANE each; beyond, the least"
            " valuable are dropped.",
            Integer(1_000, 10_000_000, "fewer would thrash; each takes about a kilobyte"),
        ),
    ] = 200_000
    memory_megabytes: Annotated[
        int,
        key(
            "How much memory these may take, with the answers that were made of them, in MiB: three"
            " quarters for MTA-STS, one for DANE; beyond, the least valuable are dropped. The"
            " daemon takes 100 more, and the process that discovers as many again: that and this"
            " must fit into `MemoryMax=` of the unit.",
            Integer(16, 1_000_000, "less would not hold what is in use"),
        ),
    ] = 400

    @property
    def policy_bytes(self) -> int:
        return self.memory_megabytes * MIB - self.dane_bytes

    @property
    def dane_bytes(self) -> int:
        return self.memory_megabytes * MIB // 4


class RefreshConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How policies are kept current."""

    interval: Annotated[
        float,
        key(
            "How often each cached policy is fetched anew, with jitter (RFC 8461 §10.2).",
            Duration(
                HOUR, 7 * DAY, "more often burdens policy hosts, less often lets policies expire"
            ),
        ),
    ] = DAY
    forget_after: Annotated[
        float,
        key(
            "How long a domain that no mail goes to is kept current; then it is dropped.",
            Duration(DAY, 730 * DAY, "no less than `interval`, and the store stays bounded"),
        ),
    ] = 90 * DAY
    concurrency: Annotated[
        int,
        key(
            "How many refreshes run at once, of policies and of DANE each.",
            Integer(1, 1_000, "each holds a socket and a TLS session"),
        ),
    ] = 32


class LogConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is logged, on standard error."""

    level: Annotated[
        Literal["error", "warning", "info", "debug"], key("The least severe level to log.")
    ] = "info"
    format: Annotated[
        Literal["text", "json"], key("`text`: `key=value`; `json`: one object a line.")
    ] = "text"


_DEFAULT_LISTENER = ListenerConfig(protocol="socketmap", address="inet:127.0.0.1:8461")


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration; times are seconds."""

    listen: Annotated[
        tuple[ListenerConfig, ...],
        key(
            "Where the daemon listens. Where systemd passes sockets, they take the place of this"
            " list, and it may be empty.",
            reload=False,
            max_items=MAX_LISTENERS,
        ),
    ] = (_DEFAULT_LISTENER,)
    maps: Annotated[
        dict[str, MapOptions],
        key(
            "The socketmap names that Postfix may ask, and how each is answered. Case does not"
            " count in their names.",
            reload=True,
        ),
    ] = {}
    tcp_table_map: Annotated[
        str,
        key(
            "The map whose options hold for `tcp_table`, which has no map names.",
            MAP_NAME,
            reload=True,
        ),
    ] = "default"
    dns: Annotated[DnsConfig, key("How DNS is asked.", reload=False)] = DnsConfig()
    https: Annotated[HttpsConfig, key("How policies are fetched.", reload=False)] = HttpsConfig()
    lookup_timeout: Annotated[
        float,
        key(
            "How long Postfix waits at most for an answer that is not cached; the discovery goes on"
            " in the background. Where this is longer than `dns.timeout` and `https.timeout`"
            " together, only a busy host can be the reason, and the answer is a temporary error;"
            " else what is not known by then counts as failed.",
            Duration(1, 90, "Postfix gives up after 100 s"),
            reload=True,
        ),
    ] = 20.0
    on_dns_failure: Annotated[
        Literal["opportunistic", "defer"],
        key(
            "What to answer if the policy record's look-up fails, or the name servers fail as a"
            " whole before the policy host's addresses are known, and nothing is cached:"
            " `opportunistic`, as though there were no policy; `defer`, a temporary error, unless"
            " every MX host can be verified by DANE. Many domains' name servers fail here for ever,"
            " and `defer` then bounces their mail in the end.",
            reload=True,
        ),
    ] = "opportunistic"
    store: Annotated[StoreConfig, key("Where policies outlive the daemon.", reload=False)] = (
        StoreConfig()
    )
    cache: Annotated[CacheConfig, key("What is kept in memory.", reload=True)] = CacheConfig()
    refresh: Annotated[RefreshConfig, key("How policies are kept current.", reload=True)] = (
        RefreshConfig()
    )
    log: Annotated[LogConfig, key("What is logged, on standard error.", reload=True)] = LogConfig()
    user: Annotated[
        str | None,
        key(
            "The user to become when started as root, once the sockets are open. Not needed under"
            " systemd.",
            ACCOUNT,
            reload=False,
        ),
    ] = None

    def all_maps(self) -> dict[str, MapOptions]:
        """Return the options of every map there is, by its name in lower case."""
        names = dict.fromkeys([*map(str.lower, BUILTIN_MAPS), *self.maps])
        return {name: self.map_options(name) for name in names}

    def map_options(self, name: str) -> MapOptions:
        """Return the options of the map `name`; a name that there is not means `default`."""
        name = name.lower()
        configured = self.maps.get(name)
        if configured is not None:
            return configured
        return builtin_options(name, self.maps)


def builtin_options(name: str, maps: Mapping[str, MapOptions]) -> MapOptions:
    """Return the options that the map `name` has as far as its own entry does not say otherwise.

    They are those of `default`; `tlsrpt` and `QUERYwithTLSRPT` have `tlsrpt: true` besides. Names
    are in lower case.
    """
    if name == "default":
        return MapOptions()
    if name == "querywithtlsrpt" and "tlsrpt" in maps:
        return maps["tlsrpt"]
    options = maps.get("default", MapOptions())
    if name in {"tlsrpt", "querywithtlsrpt"}:
        return msgspec.structs.replace(options, tlsrpt=True)
    return options


def sqlite_path(url: str) -> str:
    """Return the path in a valid `sqlite:` URL."""
    return url.removeprefix("sqlite://")


def state_directory(environ: Mapping[str, str]) -> PurePosixPath | None:
    """Return the directory that the service manager provides, or None."""
    # systemd.exec(5): several state directories stand with colons between them.
    first = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return PurePosixPath(first) if first else None


def default_store_url(environ: Mapping[str, str], *, uid: int) -> str:
    """Return the store's URL where `store.url` is not set: see the description of that key."""
    directory = state_directory(environ) or _own_directory(environ, uid)
    return f"sqlite://{directory / 'policies.sqlite'}"


def _own_directory(environ: Mapping[str, str], uid: int) -> PurePosixPath:
    if uid == 0:
        return PurePosixPath("/var/lib/mtasts-resolver")
    # XDG Base Directory Specification: a relative path is invalid, and ignored.
    xdg = environ.get("XDG_STATE_HOME", "")
    home = PurePosixPath(environ.get("HOME") or "/")
    base = PurePosixPath(xdg) if xdg.startswith("/") else home / ".local/state"
    return base / "mtasts-resolver"
