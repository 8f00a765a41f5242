"""The configuration as a whole: its keys, their defaults, and what they mean.

This and its sections are the one description of the configuration. Loading, the comparison at a
reload and the reference page are all driven by it.
"""

from typing import Annotated, Literal

import msgspec

from mtasts_resolver.config import kinds
from mtasts_resolver.config.endpoints import InetAddress
from mtasts_resolver.config.keys import Key, Section
from mtasts_resolver.config.kinds import choice, duration
from mtasts_resolver.config.sections.administration import ControlConfig, HttpConfig, LogConfig
from mtasts_resolver.config.sections.discovery import DnsConfig, HttpsConfig
from mtasts_resolver.config.sections.listeners import MAX_LISTENERS, ListenerConfig
from mtasts_resolver.config.sections.maps import (
    BUILTIN_MAPS,
    Answering,
    MapOptions,
    builtin_options,
)
from mtasts_resolver.config.sections.overrides import MAX_OVERRIDES, OverrideOptions
from mtasts_resolver.config.sections.owndomains import (
    MAX_ARGUMENTS,
    MAX_OWN_DOMAINS,
    OwnDomainConfig,
)
from mtasts_resolver.config.sections.policies import CacheConfig, RefreshConfig, StoreConfig
from mtasts_resolver.postfix.override import Override

# All are scheduled in one turn of the event loop, which takes a microsecond for each.
MAX_PRELOADED = 1_000

OnDnsFailure = Literal["opportunistic", "defer"]

DEFAULT_ADDRESS = InetAddress("127.0.0.1", 8461)
_DEFAULT_LISTENER = ListenerConfig(protocol="socketmap", address=DEFAULT_ADDRESS)


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
    own_domains: Annotated[
        tuple[OwnDomainConfig, ...],
        Key(
            "Domains of one's own: what they publish is looked over again and again, as"
            " `mtasts-resolver check` does, and a change or an error is told: see"
            " [own domains](own-domains.md).",
            OwnDomainConfig,
            most=MAX_OWN_DOMAINS,
            bare="domain",
            reload=True,
        ),
    ] = ()
    notify: Annotated[
        tuple[str, ...],
        Key(
            "A program that is run when something changes of one of `own_domains`, or is newly"
            " wrong with it: its absolute path, and its arguments, in which `{domains}`,"
            " `{severity}` and `{summary}` are filled in; empty: none. No shell is between. It gets"
            " [a report](own-domains.md#notify) on standard input, and has 30 seconds.",
            kinds.ARGUMENT,
            most=MAX_ARGUMENTS,
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
