"""The configuration: its keys, their defaults, and what they mean.

This is the one description of the configuration. Loading, the comparison at a reload and the
reference page are all driven by it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from mtasts_resolver.base.logs import Format
from mtasts_resolver.config import kinds
from mtasts_resolver.config.endpoints import (
    MAX_SERVERS,
    Address,
    HttpAddress,
    InetAddress,
    IPNetwork,
    NameServer,
    ProxyUrl,
)
from mtasts_resolver.config.keys import Key, Section
from mtasts_resolver.config.kinds import (
    DAY,
    HOUR,
    SWITCH,
    EndTime,
    FileMode,
    choice,
    duration,
    integer,
)
from mtasts_resolver.config.paths import StoreUrl, default_control_socket, default_store
from mtasts_resolver.postfix.override import Action, Override

MAX_LISTENERS = 64  # more than anyone has
MIB = 1 << 20
MAX_HOSTS = 64  # names of a page
MAX_OVERRIDES = 1_000  # of so many nobody knows the reasons; the file has no room for more
# All are scheduled in one turn of the event loop, which takes a microsecond for each.
MAX_PRELOADED = 1_000
MAX_NETWORKS = 1_000  # each address of a policy host is compared with all of them

# As others spell them. Case does not count in the name of a map: whoever has `querywithtlsrpt` in
# main.cf means one of these, and would lose its reports and its comparison of MX hosts.
BUILTIN_MAPS = ("default", "QUERY", "postfix", "tlsrpt", "QUERYwithTLSRPT")

ProtocolName = Literal["socketmap", "tcp_table"]
Testing = Literal["observe", "enforce"]
DnssecTrust = Literal["auto", "trust", "off"]
OnDnsFailure = Literal["opportunistic", "defer"]
Answering = Literal["live", "observe"]
LogLevel = Literal["error", "warning", "info", "debug"]
LoggedAnswers = Literal["none", "changes", "all"]


class MapOptions(Section, frozen=True, kw_only=True):
    """How the look-ups in one map are answered."""

    tlsrpt: Annotated[
        bool,
        Key(
            "Add the policy to the answer `secure`, in attributes that Postfix 3.10 and later need"
            " to report over TLSRPT (RFC 8460), and with which 3.10.5 and later compare the MX"
            " host's name with the policy. Postfix 3.9 and earlier reject such an answer and defer"
            " the mail.",
            SWITCH,
        ),
    ] = False
    sni: Annotated[
        bool,
        Key(
            "Add `servername=hostname`, so that Postfix names the MX host in the TLS handshake"
            " (RFC 8461 §7.1).",
            SWITCH,
        ),
    ] = True
    testing: Annotated[
        Testing,
        Key(
            "What a policy in mode `testing` does: `observe` answers as though there were no"
            " policy, as RFC 8461 §5 asks; `enforce` treats it as mode `enforce`.",
            choice(Testing),
        ),
    ] = "observe"
    dane: Annotated[
        bool | Literal["only"],
        Key(
            "Let DANE (RFC 7672) take part in the answer. `only` is for a Postfix whose"
            " `smtp_tls_security_level` is `encrypt` or stricter, which the answer `dane` would"
            " weaken: it is `dane-only` where every host can be verified, and never `dane`. `false`"
            " is for a Postfix without `smtp_dns_support_level = dnssec`, which would defer mail at"
            " the level `dane-only`.",
            kinds.SWITCH_OR_ONLY,
        ),
    ] = True
    answer: Annotated[
        Answering | None,
        Key(
            '`live` answers; `observe` answers "not found" to everything, and counts, logs and'
            " shows what the answer would have been. Null: as the key `answer` at the top.",
            choice(Answering),
        ),
    ] = None


class OverrideOptions(Section, frozen=True, kw_only=True):
    """What is answered for a destination in place of what it publishes."""

    action: Annotated[
        Action | None,
        Key(
            '`skip`: "not found", so that main.cf decides; `encrypt`, `dane` and `dane-only`: that'
            " security level; `live`: what is found, as though there were no override, and also in"
            " a map that only observes. Either this or `policy` is needed.",
            choice(Action),
        ),
    ] = None
    policy: Annotated[
        str | None,
        Key(
            "A fixed answer: a security level and attributes, as in `smtp_tls_policy_maps`,"
            " checked against [its grammar](overrides.md#a-fixed-policy).",
            kinds.POLICY_TEXT,
        ),
    ] = None
    reason: Annotated[str, Key("Why, for whoever reads it in a year.", kinds.REASON)]
    until: Annotated[
        EndTime | None,
        Key(
            "When it ends; null: when it is removed. A date alone is the end of that day, UTC."
            " The log and `status` announce it a week ahead.",
            kinds.END_TIME,
        ),
    ] = None


class ListenerConfig(Section, frozen=True, kw_only=True):
    """Where the daemon listens, and what it speaks there."""

    protocol: Annotated[
        ProtocolName,
        Key(
            "The protocol; `socketmap` is the better one, `tcp_table` has no map names.",
            choice(ProtocolName),
        ),
    ]
    address: Annotated[Address, Key("Where to listen.", kinds.ADDRESS)]
    mode: Annotated[
        FileMode | None,
        Key(
            "The mode of a unix socket; unset: `0660` where `owner` or `group` is named, else"
            " `0666`.",
            kinds.MODE,
        ),
    ] = None
    owner: Annotated[
        str | None,
        Key("The owner of a unix socket; unset, whoever runs the daemon.", kinds.ACCOUNT),
    ] = None
    group: Annotated[
        str | None, Key("The group of a unix socket; unset, the daemon's own.", kinds.ACCOUNT)
    ] = None


class DnsConfig(Section, frozen=True, kw_only=True):
    """How DNS is asked."""

    servers: Annotated[
        tuple[NameServer, ...],
        Key(
            "The name servers to ask; empty: those of `/etc/resolv.conf`, which Postfix asks in any"
            " case.",
            kinds.SERVER,
            most=MAX_SERVERS,
        ),
    ] = ()
    timeout: Annotated[
        float,
        Key(
            "How long one DNS query may take, all name servers and tries together.",
            duration(0.5, 30, "a query that takes longer is dead, and a look-up makes several"),
        ),
    ] = 5.0
    dnssec: Annotated[
        DnssecTrust,
        Key(
            "Whose word on DNSSEC counts, which DANE needs: `auto`, that of the name servers"
            " reached over loopback, and of all where `/etc/resolv.conf` is asked and has `options"
            " trust-ad`, but not of the forwarders of systemd-resolved (127.0.0.53, 127.0.0.54) and"
            " Docker (127.0.0.11); `trust`, that of all name servers: each must validate, and the"
            " network path to it must be safe; `off`, nobody's. DANE is used only while such a"
            " server validates.",
            choice(DnssecTrust),
        ),
    ] = "auto"


class HttpsConfig(Section, frozen=True, kw_only=True):
    """How policies are fetched."""

    timeout: Annotated[
        float,
        Key(
            "How long one fetch of a policy may take, from the look-up of its host to the last"
            " byte.",
            duration(1, 60, "RFC 8461 §3.3 suggests a minute"),
        ),
    ] = 10.0
    ca_file: Annotated[
        Path | None,
        Key(
            "The trusted certification authorities, a PEM file; unset: the system's own.",
            kinds.FILE,
        ),
    ] = None
    proxy: Annotated[
        ProxyUrl | None,
        Key(
            "An HTTP proxy for all fetches. The environment's proxy variables are never used.",
            kinds.PROXY,
        ),
    ] = None
    allow_networks: Annotated[
        tuple[IPNetwork, ...],
        Key(
            "Networks that policy hosts may be in although their addresses are not globally"
            " routable: loopback, private, link-local and the like are refused otherwise.",
            kinds.NETWORK,
            most=MAX_NETWORKS,
        ),
    ] = ()


class StoreConfig(Section, frozen=True, kw_only=True):
    """Where policies outlive the daemon."""

    url: Annotated[
        StoreUrl | None,
        Key(
            "The store. Unset, it is `policies.sqlite` in `$STATE_DIRECTORY` under systemd, else in"
            " `/var/lib/mtasts-resolver` for root, else in"
            " `$XDG_STATE_HOME/mtasts-resolver` (`~/.local/state/mtasts-resolver`).",
            kinds.STORE,
        ),
    ] = None

    def path(self, environ: Mapping[str, str], *, uid: int) -> Path:
        """Return the store's file, where the user `uid` runs the daemon in `environ`."""
        return (self.url or default_store(environ, uid=uid)).path


class CacheConfig(Section, frozen=True, kw_only=True):
    """What is kept in memory."""

    memory_entries: Annotated[
        int,
        Key(
            "How many domains are kept in memory, for MTA-STS and for DANE each; beyond, the least"
            " valuable are dropped.",
            integer(1_000, 10_000_000, "fewer would thrash; each takes about a kilobyte"),
        ),
    ] = 200_000
    memory_megabytes: Annotated[
        int,
        Key(
            "How much memory these may take, with the answers that were made of them, in MiB: three"
            " quarters for MTA-STS, one for DANE; beyond, the least valuable are dropped. The"
            " daemon takes 100 more, and the process that discovers as many again: that and this"
            " must fit into `MemoryMax=` of the unit.",
            integer(16, 1_000_000, "less would not hold what is in use"),
        ),
    ] = 400

    @property
    def policy_bytes(self) -> int:
        return self.memory_megabytes * MIB - self.dane_bytes

    @property
    def dane_bytes(self) -> int:
        return self.memory_megabytes * MIB // 4


class RefreshConfig(Section, frozen=True, kw_only=True):
    """How policies are kept current."""

    interval: Annotated[
        float,
        Key(
            "How often each cached policy is fetched anew, with jitter (RFC 8461 §10.2).",
            duration(
                HOUR, 7 * DAY, "more often burdens policy hosts, less often lets policies expire"
            ),
        ),
    ] = DAY
    forget_after: Annotated[
        float,
        Key(
            "How long a domain that no mail goes to is kept current; then it is dropped.",
            duration(DAY, 730 * DAY, "no less than `interval`, and the store stays bounded"),
        ),
    ] = 90 * DAY
    concurrency: Annotated[
        int,
        Key(
            "How many refreshes run at once, of policies and of DANE each.",
            integer(1, 1_000, "each holds a socket and a TLS session"),
        ),
    ] = 32


class ControlConfig(Section, frozen=True, kw_only=True):
    """How the commands reach the daemon."""

    socket: Annotated[
        Path | None,
        Key(
            "The unix socket through which the commands see and steer the daemon. Unset, it is"
            " `control.sock` in `$RUNTIME_DIRECTORY` under systemd, else in `/run/mtasts-resolver`"
            " for root, else in `$XDG_RUNTIME_DIR/mtasts-resolver`.",
            kinds.SOCKET_PATH,
        ),
    ] = None
    group: Annotated[
        str | None,
        Key(
            "The group whose members may do so, too; unset, only root and the daemon's user may."
            " The daemon's user must be in it, or the daemon be started as root.",
            kinds.ACCOUNT,
        ),
    ] = None

    def path(self, environ: Mapping[str, str], *, uid: int) -> Path:
        """Return the socket's file, where the user `uid` runs the daemon in `environ`."""
        return self.socket or default_control_socket(environ, uid=uid)


class HttpConfig(Section, frozen=True, kw_only=True):
    """What is to be seen over HTTP: nothing can be changed there."""

    address: Annotated[
        HttpAddress | None,
        Key("Where metrics, health and the status page are served.", kinds.HTTP_ADDRESS),
    ] = HttpAddress("127.0.0.1", 8463)
    hosts: Annotated[
        tuple[str, ...],
        Key(
            "Names by which browsers may ask for the page, besides `localhost`, the address itself"
            " and any other IP address: those of a proxy before it. What asks by another name is"
            " refused, for it may be a stranger's page in an administrator's browser.",
            kinds.HOST,
            most=MAX_HOSTS,
        ),
    ] = ()


class LogConfig(Section, frozen=True, kw_only=True):
    """What is logged, on standard error."""

    level: Annotated[LogLevel, Key("The least severe level to log.", choice(LogLevel))] = "info"
    format: Annotated[
        Format, Key("`text`: `key=value`; `json`: one object a line.", choice(Format))
    ] = "text"
    answers: Annotated[
        LoggedAnswers,
        Key(
            "Which answers are logged, whatever `level` is: `changes`, each that is not the one"
            " that was given before for the same key in the same map; `all`, one line for each"
            " look-up, which takes several times what a look-up costs. They name the domains that"
            " mail goes to.",
            choice(LoggedAnswers),
        ),
    ] = "none"


_DEFAULT_LISTENER = ListenerConfig(protocol="socketmap", address=InetAddress("127.0.0.1", 8461))


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration; times are seconds."""

    listen: Annotated[
        tuple[ListenerConfig, ...],
        Key(
            "Where the daemon listens. Where systemd passes sockets, they take the place of this"
            " list, and it may be empty.",
            ListenerConfig,
            reload=False,
            most=MAX_LISTENERS,
        ),
    ] = (_DEFAULT_LISTENER,)
    maps: Annotated[
        dict[str, MapOptions],
        Key(
            "The socketmap names that Postfix may ask, and how each is answered. Case does not"
            " count in their names.",
            MapOptions,
            named=kinds.MAP_NAME,
            reload=True,
        ),
    ] = msgspec.field(default_factory=dict)
    answer: Annotated[
        Answering,
        Key(
            "Whether the maps that do not say so themselves answer: see `maps`, and"
            " [how to roll out](rollout.md).",
            choice(Answering),
            reload=True,
        ),
    ] = "live"
    overrides: Annotated[
        dict[str, OverrideOptions],
        Key(
            "What is answered in all maps for some destinations, in place of what they publish:"
            " see [overrides](overrides.md). The most specific pattern counts; one that was added"
            " by `mtasts-resolver override add` counts before the same one here.",
            OverrideOptions,
            most=MAX_OVERRIDES,
            named=kinds.PATTERN,
            reload=True,
        ),
    ] = msgspec.field(default_factory=dict)
    tcp_table_map: Annotated[
        str,
        Key(
            "The map whose options hold for `tcp_table`, which has no map names.",
            kinds.MAP_NAME,
            reload=True,
        ),
    ] = "default"
    dns: Annotated[DnsConfig, Key("How DNS is asked.", DnsConfig, reload=False)] = DnsConfig()
    https: Annotated[HttpsConfig, Key("How policies are fetched.", HttpsConfig, reload=False)] = (
        HttpsConfig()
    )
    lookup_timeout: Annotated[
        float,
        Key(
            "How long Postfix waits at most for an answer that is not cached; the discovery goes on"
            " in the background. Where this is longer than `dns.timeout` and `https.timeout`"
            " together, only a busy host can be the reason, and the answer is a temporary error;"
            " else what is not known by then counts as failed.",
            duration(1, 90, "Postfix gives up after 100 s"),
            reload=True,
        ),
    ] = 20.0
    on_dns_failure: Annotated[
        OnDnsFailure,
        Key(
            "What to answer if the policy record's look-up fails, or the name servers fail as a"
            " whole before the policy host's addresses are known, and nothing is cached:"
            " `opportunistic`, as though there were no policy; `defer`, a temporary error, unless"
            " every MX host can be verified by DANE. Many domains' name servers fail here for ever,"
            " and `defer` then bounces their mail in the end.",
            choice(OnDnsFailure),
            reload=True,
        ),
    ] = "opportunistic"
    store: Annotated[
        StoreConfig, Key("Where policies outlive the daemon.", StoreConfig, reload=False)
    ] = StoreConfig()
    cache: Annotated[CacheConfig, Key("What is kept in memory.", CacheConfig, reload=True)] = (
        CacheConfig()
    )
    refresh: Annotated[
        RefreshConfig, Key("How policies are kept current.", RefreshConfig, reload=True)
    ] = RefreshConfig()
    control: Annotated[
        ControlConfig, Key("How the commands reach the daemon.", ControlConfig, reload=False)
    ] = ControlConfig()
    http: Annotated[
        HttpConfig,
        Key(
            "What is to be seen over HTTP; nothing can be changed there.", HttpConfig, reload=False
        ),
    ] = HttpConfig()
    preload: Annotated[
        tuple[str, ...],
        Key(
            "Domains whose policies are always kept current, though no mail may have gone to them"
            " yet: the first message waits for nothing, and the policy is never forgotten for lack"
            " of use. Where there is no policy, it is looked for again at each `refresh.interval`.",
            kinds.DOMAIN,
            most=MAX_PRELOADED,
            reload=True,
        ),
    ] = ()
    log: Annotated[LogConfig, Key("What is logged, on standard error.", LogConfig, reload=True)] = (
        LogConfig()
    )
    user: Annotated[
        str | None,
        Key(
            "The user to become when started as root, once the sockets are open. Not needed under"
            " systemd.",
            kinds.ACCOUNT,
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

    def observes(self, options: MapOptions) -> bool:
        """Tell whether a map with `options` only observes."""
        return (options.answer or self.answer) == "observe"

    def all_overrides(self) -> tuple[Override, ...]:
        """Return the overrides, those included that are over."""
        return tuple(
            Override(
                pattern=pattern,
                action=options.action or "policy",
                text=options.policy or "",
                reason=options.reason,
                until=options.until,
            )
            for pattern, options in self.overrides.items()
        )


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
