"""What a reload can apply at once, and what needs a restart."""

from collections.abc import Iterator

from mtasts_resolver.config import Config, changes, parse_config
from mtasts_resolver.config.keys import section_keys
from mtasts_resolver.config.kinds import Kind

OLD = parse_config(b"maps: {a: {sni: false}, gone: {}}", "old.yaml").config


def read(text: str) -> Config:
    return parse_config(text.encode(), "new.yaml").config


def test_nothing_changed() -> None:
    found = changes(OLD, OLD)
    assert (found.applied, found.restart) == ((), ())
    assert found.in_force == OLD


def test_what_applies_at_once() -> None:
    new = read(
        "maps: {a: {sni: false, testing: enforce}, new: {}}\n"
        "lookup_timeout: 30s\non_dns_failure: defer\ntcp_table_map: a\n"
        "cache: {memory_entries: 5000}\nrefresh: {interval: 12h}\nlog: {level: debug}\n"
    )
    found = changes(OLD, new)
    assert set(found.applied) == {
        "maps.a.testing",
        "maps.gone",
        "maps.new",
        "lookup_timeout",
        "on_dns_failure",
        "tcp_table_map",
        "cache.memory_entries",
        "refresh.interval",
        "log.level",
    }
    assert found.restart == ()
    assert found.in_force == new


def test_what_needs_a_restart_stays_as_it_was() -> None:
    new = read(
        "listen: []\ndns: {timeout: 3s, dnssec: off}\nhttps: {ca_file: /x.pem}\n"
        "store: {url: 'sqlite:///x'}\nuser: mtasts\nlog: {format: json}\n"
    )
    found = changes(OLD, new)
    assert found.restart == (
        "listen",
        "dns.timeout",
        "dns.dnssec",
        "https.ca_file",
        "store.url",
        "user",
    )
    in_force = found.in_force
    assert (in_force.listen, in_force.dns, in_force.https) == (OLD.listen, OLD.dns, OLD.https)
    assert (in_force.store, in_force.user) == (OLD.store, OLD.user)
    assert in_force.log.format == "json"
    assert changes(in_force, new).restart == found.restart


NAMED = ("maps.other", "overrides.a.example")
# For each key a value that is not its default.
OTHERS = {
    "listen": "[]",
    "maps.other": "{}",
    "answer": "observe",
    "overrides.a.example": "{action: skip, reason: r}",
    "tcp_table_map": "tlsrpt",
    "dns.servers": "[192.0.2.1]",
    "dns.timeout": "3s",
    "dns.dnssec": "off",
    "https.timeout": "3s",
    "https.ca_file": "/x.pem",
    "https.proxy": "'http://192.0.2.1:3128'",
    "https.allow_networks": "[192.0.2.0/24]",
    "lookup_timeout": "30s",
    "on_dns_failure": "defer",
    "store.url": "'sqlite:///x'",
    "cache.memory_entries": "5000",
    "cache.memory_megabytes": "50",
    "refresh.interval": "12h",
    "refresh.forget_after": "30d",
    "refresh.concurrency": "5",
    "control.socket": "/x.sock",
    "control.group": "mail",
    "http.address": '""',
    "http.hosts": "[status.example]",
    "preload": "[a.example]",
    "own_domains": "[a.example]",
    "notify": "[/bin/true]",
    "log.level": "debug",
    "log.format": "json",
    "log.answers": "all",
    "user": "nobody",
}


def test_every_key_that_is_changed_is_applied_or_told() -> None:
    for path, value in OTHERS.items():
        name, _, below = path.partition(".")
        new = read(f"{name}: {{{below}: {value}}}\n" if below else f"{name}: {value}\n")
        found = changes(Config(), new)
        if section_keys(Config)[name].reload:
            assert (found.applied, found.restart, found.in_force) == ((path,), (), new)
        else:
            assert (found.applied, found.restart, found.in_force) == ((), (path,), Config())


def test_every_key_was_changed_there() -> None:
    named = {path.partition(".")[0] if path in NAMED else path for path in OTHERS}
    assert named == {*keys()}


def keys() -> Iterator[str]:
    """Yield the path of each key; what a list or a mapping holds changes with it."""
    for name, key in section_keys(Config).items():
        if isinstance(key.of, Kind) or key.most is not None or key.named is not None:
            yield name
        else:
            yield from (f"{name}.{below}" for below in section_keys(key.of))
