"""postfix-mta-sts-resolver, versions 1.0 to 1.5.1: what its mta-sts-daemon.yml says.

Debian 12 has 1.1.2, Debian 13 has 1.5.0. The keys are the same in all of them but for
`cache.type: postgres` (1.2) and `redis_sentinel` (1.4), and `tlsrpt` of a zone (1.5).
"""

from typing import NamedTuple

from mtasts_resolver.config import (
    CacheConfig,
    Config,
    DnsConfig,
    HttpsConfig,
    InetAddress,
    MapOptions,
    RefreshConfig,
    parse_address,
    parse_map_name,
    show_duration,
    takes_value,
    value_range,
)
from mtasts_resolver.migration.takeover import (
    CacheKind,
    KeyRule,
    OurSetting,
    Takeover,
    TheirCache,
    by_another,
    dropping,
    follow,
    take_address,
)
from mtasts_resolver.migration.theirfile import KeyPath, TheirFile, TheirKey, dotted

HOST, PORT = "127.0.0.1", 8461
TIMEOUT = 4.0  # seconds: theirs, of a zone that does not say
INTERVAL = 86_400
CONCURRENCY = 100


def read_sts_resolver(data: bytes, file: str, *, keep_address: bool) -> tuple[TheirFile, Takeover]:
    """Return what the file says, and what becomes of it. Raise ConfigError."""
    their = TheirFile(data, file)
    into = Takeover(keep_address=keep_address, address=InetAddress(HOST, PORT), address_kept=True)
    follow(RULES, their, into)
    return their, into


# -- where it listens ------------------------------------------------------------------------------


def _listen(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    of_inet = [key for key in rule.keys(file) if key.path[0] in ("host", "port")]
    if (path := file.text("path")) is not None:
        keys = [key for key in rule.keys(file) if key not in of_inet]
        into.alike += [key.name for key in of_inet]  # theirs passes over them
        spelled = f"unix:{path}"
    else:
        keys = of_inet
        into.alike += [key.name for key in rule.keys(file) if key not in of_inet]
        host, port = file.text("host") or HOST, file.whole("port")
        spelled = f"inet:{f'[{host}]' if ':' in host else host}:{PORT if port is None else port}"
    try:
        take_address(parse_address(spelled), keys, into, file.mode("mode"))
    except ValueError as error:
        file.fault(keys[0], str(error))


# -- zones, which are maps here --------------------------------------------------------------------


_DEFAULT_ZONE = ("default_zone",)


class _ZoneOption(NamedTuple):
    """One option of a map, as a zone says it."""

    ours: str
    theirs: str
    value: str
    """As YAML has it."""


def _zone(file: TheirFile, zone: KeyPath) -> tuple[_ZoneOption, ...]:
    """Return what a zone means. One of `zones` takes nothing from `default_zone`."""
    strict = file.switch(*zone, "strict_testing", usual=False)
    sni = file.switch(*zone, "require_sni", usual=True)
    tlsrpt = file.switch(*zone, "tlsrpt", usual=False)
    return (
        _ZoneOption("tlsrpt", "tlsrpt", _yes(value=tlsrpt)),
        _ZoneOption("sni", "require_sni", _yes(value=sni)),
        _ZoneOption("testing", "strict_testing", "enforce" if strict else "observe"),
    )


def _yes(*, value: bool) -> str:
    return "true" if value else "false"


def _spelled(options: MapOptions) -> dict[str, str]:
    tlsrpt, sni = _yes(value=options.tlsrpt), _yes(value=options.sni)
    return {"tlsrpt": tlsrpt, "sni": sni, "testing": options.testing}


def _maps(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    default = _zone(file, _DEFAULT_ZONE)
    found = _settings(file, _DEFAULT_ZONE, default, MapOptions())
    ours = Config(maps={"default": _options(default)})
    spelled: dict[str, str] = {}
    for zone, line in file.names("zones").items():
        path = ("zones", zone)
        key = TheirKey(path, None, line)
        try:
            name = parse_map_name(zone)
        except ValueError as error:
            into.leave(key, f"{error}: name it otherwise, here and in main.cf")
            continue
        if (other := spelled.setdefault(name, zone)) != zone:
            into.leave(key, f"case does not count in names of maps: zones.{other} is taken")
            continue
        differing = _settings(file, path, _zone(file, path), ours.map_options(name))
        nothing = OurSetting(("maps", zone), "{}", f"{key.place}: as the default")
        found += differing or [nothing]
    into.settings += found
    told = {setting.because for setting in found}
    into.alike += [key.name for key in rule.keys(file) if key.place not in told]


def _options(wanted: tuple[_ZoneOption, ...]) -> MapOptions:
    tlsrpt, sni, testing = (option.value for option in wanted)
    return MapOptions(
        tlsrpt=tlsrpt == "true",
        sni=sni == "true",
        testing="enforce" if testing == "enforce" else "observe",
    )


def _settings(
    file: TheirFile, zone: KeyPath, wanted: tuple[_ZoneOption, ...], without: MapOptions
) -> list[OurSetting]:
    """Return what makes of the map `without` what is wanted."""
    spelled, found = _spelled(without), []
    for option in wanted:
        if option.value == spelled[option.ours]:
            continue
        key = file.keys.get((*zone, option.theirs))
        because = key.place if key else f"{dotted(zone)}: their default of {option.theirs}"
        name = "default" if zone == _DEFAULT_ZONE else zone[-1]
        found.append(OurSetting(("maps", name, option.ours), option.value, because))
    return found


def _timeouts(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    numbers = [(file.number(*key.path), key) for key in rule.keys(file)]
    found = [(value, key) for value, key in numbers if value is not None]
    set_otherwise = [(value, key) for value, key in found if value != TIMEOUT]
    into.alike += [key.name for value, key in found if value == TIMEOUT]
    if not set_otherwise:
        return
    longest, key = max(set_otherwise)
    taken = False
    lasting = show_duration(longest)
    for name, section in (("dns", DnsConfig), ("https", HttpsConfig)):
        if section().timeout < longest and takes_value(section, "timeout", lasting):
            into.set((name, "timeout"), lasting, key.place)
            taken = True
    for _, other in set_otherwise:
        if other is not key or not taken:
            reason = (
                "`dns.timeout` (5s) and `https.timeout` (10s) hold for all maps; how long Postfix"
            )
            into.leave(other, f"{reason} waits at most is `lookup_timeout` (20s)")


# -- the cache, and what keeps it current ----------------------------------------------------------

_DATABASE = "its policies are in a database of its own, which is not read: they are fetched anew;"
_WARM = f"{_DATABASE} `mtasts-resolver warm --from-maillog` does so before the first mail"


def _cache(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    kind = file.text("cache", "type") or "internal"
    if kind == "sqlite":
        path = file.text("cache", "options", "filename")
        if path is None:
            file.fault(file.keys["cache", "type"], "cache.options.filename is missing")
            return
        into.cache = TheirCache(CacheKind.SQLITE, path)
        into.alike += ["cache.type", "cache.options.filename"]
    elif kind == "internal":
        reason = "it keeps policies in memory alone: `mtasts-resolver warm --from-maillog` fetches"
        into.cache = TheirCache(CacheKind.ELSEWHERE, reason=f"{reason} them before the first mail")
        into.alike += [key.name for key in rule.keys(file) if key.path == ("cache", "type")]
    elif kind in ("redis", "redis_sentinel", "postgres"):
        into.cache = TheirCache(CacheKind.ELSEWHERE, reason=_WARM)
        into.leave(file.keys["cache", "type"], _WARM)
    else:
        file.fault(file.keys["cache", "type"], "it is none of internal, sqlite, redis, postgres")


def _cache_size(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    for key in rule.keys(file):
        size = file.whole(*key.path)
        more = size is not None and size > CacheConfig().memory_entries
        if more and takes_value(CacheConfig, "memory_entries", str(size)):
            into.set(("cache", "memory_entries"), str(size), key.place)
        else:
            into.alike.append(key.name)


def _is_proactive(file: TheirFile) -> bool:
    return file.switch("proactive_policy_fetching", "enabled", usual=False)


def _fetching(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    """Take the interval and the limit over, where they are in force there."""
    for key in rule.keys(file):
        value = file.whole(*key.path)
        is_interval = key.path[1] == "interval"
        if value is None or value == (INTERVAL if is_interval else CONCURRENCY):
            into.alike.append(key.name)
        elif not _is_proactive(file):
            into.leave(key, "it has no effect there: proactive_policy_fetching.enabled is not set")
        else:
            ours = "interval" if is_interval else "concurrency"
            wanted = show_duration(value) if is_interval else str(value)
            if takes_value(RefreshConfig, ours, wanted):
                into.set(("refresh", ours), wanted, key.place)
            else:
                into.leave(key, f"here it is {value_range(RefreshConfig, ours)}: the default holds")


def _options_left(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    for key in rule.keys(file):
        if key.path[-1] not in ("filename", "cache_size"):
            into.leave(key, "it is of their cache alone", secret=True)


def _enabled(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    _is_proactive(file)
    into.alike += [key.name for key in rule.keys(file)]


RULES = (
    KeyRule(
        ("host", "port", "path", "mode"),
        "main.cf asks our address; or, with `--keep-address` and where other hosts ask, too,"
        ' `listen: [{protocol: socketmap, address: "inet:HOST:PORT"}]` or `"unix:PATH"` with a'
        " `mode`, and `ListenStream=` of the socket unit",
        _listen,
    ),
    KeyRule(
        ("reuse_port",),
        "not needed: with the socket unit a restart refuses no connection",
        dropping("not needed: with the socket unit a restart refuses no connection", "true"),
    ),
    KeyRule(("shutdown_timeout",), "fixed, 10 s", dropping("fixed here: 10 s", "20")),
    KeyRule(
        ("cache_grace",),
        "not needed: cached policies answer at once, and the id is checked behind the answer",
        dropping("not needed: the id is checked behind the answer", "60"),
    ),
    KeyRule(
        ("cache.type",),
        "the store is always `store.url`, a file of its own. `sqlite`: policies are imported;"
        " `internal`, `redis`, `redis_sentinel`, `postgres`: they are fetched anew",
        _cache,
    ),
    KeyRule(
        ("cache.options.filename",),
        "read, and left as it is",
        by_another,
    ),
    KeyRule(
        ("cache.options.cache_size",),
        "`cache.memory_entries`, where it is more than the default there",
        _cache_size,
    ),
    KeyRule(("cache.options.*",), "left: of their cache alone", _options_left),
    KeyRule(
        ("proactive_policy_fetching.enabled",),
        "always on, whether or not the id changed",
        _enabled,
    ),
    KeyRule(
        ("proactive_policy_fetching.interval", "proactive_policy_fetching.concurrency_limit"),
        "`refresh.interval`, `refresh.concurrency`, where it is enabled",
        _fetching,
    ),
    KeyRule(
        ("proactive_policy_fetching.grace_ratio",),
        "not needed: the times are spread with jitter",
        dropping("not needed: the times are spread with jitter", "2"),
    ),
    KeyRule(
        tuple(
            f"{zone}.{option}"
            for option in ("strict_testing", "require_sni", "tlsrpt")
            for zone in ("default_zone", "zones.*")
        ),
        "`maps.default` and `maps.NAME`: `testing: enforce`, `sni`, `tlsrpt`. A zone takes nothing"
        " from `default_zone` there, and a map from `default` here: what differs is written",
        _maps,
    ),
    KeyRule(
        ("default_zone.timeout", "zones.*.timeout"),
        "`dns.timeout` and `https.timeout`, for all maps, where it is longer than theirs",
        _timeouts,
    ),
)
