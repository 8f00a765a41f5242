"""postfix-tlspol, versions 1.0 to 1.9: what its config.yaml says.

Keys have come and gone: `redis` until 1.7, `server.strict` in 1.5.0 and 1.5.1, `cache-file` and
`socket-permissions` since 1.8, `log-level` since 1.8.9, `log-format` and `metrics-address` in 1.9.
"""

from mtasts_resolver.config import (
    InetAddress,
    parse_address,
    parse_http_address,
    parse_server,
)
from mtasts_resolver.discovery.dns.validators import FORWARDERS, is_trusted
from mtasts_resolver.migration.takeover import (
    CacheKind,
    KeyRule,
    Takeover,
    TheirCache,
    dropping,
    follow,
    take_address,
)
from mtasts_resolver.migration.theirfile import TheirFile, dotted

TLSPOL_CACHE = "/var/lib/postfix-tlspol/cache.db"

_EVERYWHERE = "0.0.0.0"  # noqa: S104  nothing is bound to it
_LEVELS = {"debug": "debug", "info": "info", "warn": "warning", "error": "error"}


def read_tlspol(data: bytes, file: str, *, keep_address: bool) -> tuple[TheirFile, Takeover]:
    """Return what the file says, and what becomes of it. Raise ConfigError."""
    their = TheirFile(data, file)
    into = Takeover(keep_address=keep_address)
    follow(RULES, their, into)
    return their, into


def _listen(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    # Empty it is in 1.9, where systemd's socket counts, whose unit has the same as the default.
    text = file.text("server", "address") or "127.0.0.1:8642"
    host = _EVERYWHERE * text.startswith(":")  # as Go reads a lone port
    permissions = file.mode("server", "socket-permissions")
    keys = rule.keys(file)
    try:
        address = parse_address(text if text.startswith("unix:") else f"inet:{host}{text}")
        if isinstance(address, InetAddress):
            into.alike += [key.name for key in keys if key.path[1] == "socket-permissions"]
            keys = [key for key in keys if key.path[1] == "address"]
        take_address(address, keys, into, permissions)
    except ValueError as error:
        file.fault(file.keys["server", "address"], str(error))


def _metrics(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    for key in rule.keys(file):
        text = file.text(*key.path)
        if not text:
            into.alike.append(key.name)
        elif text.startswith("unix:"):
            into.leave(key, "`http.address` is TCP alone, 127.0.0.1:8463 unless it is set")
        else:
            try:
                into.set(("http", "address"), f'"{parse_http_address(text)}"', key.place)
            except ValueError as error:
                file.fault(key, str(error))


def _level(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    for key in rule.keys(file):
        text = (file.text(*key.path) or "info").lower()
        if text not in _LEVELS:
            into.leave(key, "it is none of debug, info, warn, error: theirs takes it for info")
        elif text == "info":
            into.alike.append(key.name)
        else:
            into.set(("log", "level"), _LEVELS[text], key.place)


def _format(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    for key in rule.keys(file):
        if (file.text(*key.path) or "").strip().lower() == "json":
            into.set(("log", "format"), "json", key.place)
        else:
            into.alike.append(key.name)


def _tlsrpt(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    for key in rule.keys(file):
        if file.switch(*key.path, usual=False):
            into.set(("maps", "QUERY", "tlsrpt"), "true", key.place)
        else:
            into.alike.append(key.name)


def _cache(_rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    path = file.text("server", "cache-file")
    if any(path[0] == "redis" for path in file.keys) and path is None:
        reason = "before 1.8 it kept its cache in Redis, which is not read: all is fetched anew;"
        reason += " `mtasts-resolver warm --from-maillog` does so before the first mail"
        into.cache = TheirCache(CacheKind.ELSEWHERE, reason=reason)
        return
    into.cache = TheirCache(CacheKind.GOB, path or TLSPOL_CACHE)
    if path is not None:
        into.alike.append(dotted(("server", "cache-file")))


def _prefetch(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    for key in rule.keys(file):
        if file.switch(*key.path, usual=True):
            into.alike.append(key.name)
        else:
            into.leave(key, "policies are always kept current here: see `refresh`")


def _strict(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    for key in rule.keys(file):
        if file.switch(*key.path, usual=False):
            into.leave(key, "a DANE look-up that fails defers mail here where a policy is enforced")
        else:
            into.alike.append(key.name)


def _resolver(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
    for key in rule.keys(file):
        text = file.text(*key.path)
        if not text:
            into.alike.append(key.name)
            continue
        try:
            server = parse_server(text)
        except ValueError:
            into.leave(key, "`dns.servers` needs an IP address; unset: those of /etc/resolv.conf")
            continue
        into.set(("dns", "servers"), f'["{server}"]', key.place)
        if server.host in FORWARDERS:
            forwards = (
                "taken over; but it only forwards, so it is not believed about DNSSEC here, and"
            )
            into.leave(key, f"{forwards} DANE is not used: name a validating resolver")
        elif not is_trusted(server, False):
            into.leave(
                key,
                "taken over; but it is believed about DNSSEC, which DANE needs, only with"
                " `dns.dnssec: trust`, which makes the path to it part of your trust",
            )


RULES = (
    KeyRule(
        ("server.address", "server.socket-permissions"),
        "main.cf asks our address; or, with `--keep-address` and where other hosts ask, too,"
        ' `listen: [{protocol: socketmap, address: "inet:HOST:PORT"}]` or `"unix:PATH"` with a'
        " `mode`, and `ListenStream=` of the socket unit",
        _listen,
    ),
    KeyRule(
        ("server.metrics-address",),
        "`http.address`; the [metrics](metrics.md) have other names",
        _metrics,
    ),
    KeyRule(("server.log-level",), "`log.level` (`warn` is `warning`)", _level),
    KeyRule(("server.log-format",), "`log.format`", _format),
    KeyRule(("server.prefetch",), "always on; see `refresh`", _prefetch),
    KeyRule(
        ("server.cache-file",),
        "the store is always `store.url`, a file of its own: policies are imported",
        _cache,
    ),
    KeyRule(("server.tlsrpt",), "`maps.QUERY`: `tlsrpt: true`", _tlsrpt),
    KeyRule(("server.strict",), "no counterpart", _strict),
    KeyRule(
        ("dns.address",),
        "`dns.servers`, but"
        " [read this](limits-and-security.md#which-resolver-is-believed-about-dnssec)",
        _resolver,
    ),
    KeyRule(
        ("redis.*",),
        "none: its policies are fetched anew",
        dropping("there is no such store here", secret=True),
    ),
)
