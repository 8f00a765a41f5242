"""What a reload can apply at once, and what needs a restart."""

from mtasts_resolver.config import Config, changes, parse_config
from mtasts_resolver.config.keys import section_keys

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


def test_every_key_says_whether_a_reload_applies_it() -> None:
    assert all(key.reload is not None for key in section_keys(Config).values())
