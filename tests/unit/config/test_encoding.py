"""The configuration as others get it: whole, or as JSON without a password."""

import json
from collections.abc import Iterator

import msgspec
import pytest

from mtasts_resolver.config import (
    Config,
    MapOptions,
    OverrideOptions,
    OwnDomainConfig,
    parse_config,
    plain,
)
from mtasts_resolver.config.encoding import decode_value, encode_value
from mtasts_resolver.config.keys import Section, section_keys
from mtasts_resolver.config.kinds import Kind

EVERY_KEY = b"""\
listen:
  - {protocol: tcp_table, address: 'inet:[::1]:1'}
  - {protocol: socketmap, address: unix:/a/b, mode: 0640, owner: me, group: us}
maps: {a: {tlsrpt: true, sni: false, testing: enforce, dane: only, answer: live}, b: {dane: false}}
answer: observe
overrides:
  a.example: {action: skip, reason: why, until: 2026-12-31}
  .b.example: {policy: may, reason: why}
tcp_table_map: a
dns: {servers: [192.0.2.53, '[2001:db8::53]:5353'], timeout: 2.5s, dnssec: trust}
https:
  timeout: 3s
  ca_file: /a/ca.pem
  proxy: 'http://me:secret@proxy.example:3128'
  allow_networks: [10.0.0.0/8, '2001:db8::/32']
lookup_timeout: 30s
on_dns_failure: defer
store: {url: 'sqlite:///a/b.sqlite'}
cache: {memory_entries: 5000, memory_megabytes: 50}
refresh: {interval: 12h, forget_after: 30d, concurrency: 5}
control: {socket: /a/control.sock, group: us}
preload: [partner.example]
own_domains: [a.example, {domain: b.example, interval: 12h, smtp: false}]
notify: [/bin/tell, '{summary}']
http: {address: '[::1]:80', hosts: [status.example]}
log: {level: debug, format: json, answers: all}
user: me
"""


def values(section: Section, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield each value there is, under the path of its key; of a list, that of the last item."""
    for name, key in section_keys(type(section)).items():
        value = getattr(section, name)
        if isinstance(key.of, Kind):
            yield f"{path}.{name}", value
            continue
        items = value.values() if key.named else (value if key.most else (value,))
        for item in items:
            yield from values(item, f"{path}.{name}")


def test_every_key_arrives_as_it_was() -> None:
    config = parse_config(EVERY_KEY, "every.yaml").config
    default = dict(
        values(
            msgspec.structs.replace(
                Config(),
                maps={"": MapOptions()},
                overrides={"": OverrideOptions(reason="")},
                own_domains=(OwnDomainConfig(domain=""),),
            )
        )
    )
    unlike = {path for path, value in values(config) if value != default[path]}
    assert unlike == default.keys()  # no key has its default
    for sent in (config, Config()):
        data = msgspec.msgpack.encode(sent, enc_hook=encode_value)
        arrived = msgspec.msgpack.decode(data, type=Config, dec_hook=decode_value)
        assert arrived == sent
        types = [(path, type(value)) for path, value in values(arrived)]
        assert types == [(path, type(value)) for path, value in values(sent)]


def test_what_no_configuration_holds_is_not_handed_on() -> None:
    with pytest.raises(TypeError):
        encode_value(object())


def test_as_json_it_is_as_the_file_spells_it_without_the_password() -> None:
    told = json.loads(json.dumps(plain(parse_config(EVERY_KEY, "every.yaml").config)))
    assert told["listen"][1] == {
        "protocol": "socketmap",
        "address": "unix:/a/b",
        "mode": "0640",
        "owner": "me",
        "group": "us",
    }
    assert told["maps"]["a"] == {
        "tlsrpt": True,
        "sni": False,
        "testing": "enforce",
        "dane": "only",
        "answer": "live",
    }
    assert told["overrides"]["a.example"] == {
        "action": "skip",
        "policy": None,
        "reason": "why",
        "until": "2026-12-31T23:59:59Z",
    }
    assert told["dns"] == {
        "servers": ["192.0.2.53", "[2001:db8::53]:5353"],
        "timeout": 2.5,
        "dnssec": "trust",
    }
    assert told["https"] == {
        "timeout": 3.0,
        "ca_file": "/a/ca.pem",
        "proxy": "http://***@proxy.example:3128",
        "allow_networks": ["10.0.0.0/8", "2001:db8::/32"],
    }
    assert told["store"] == {"url": "sqlite:///a/b.sqlite"}
    assert told["refresh"]["forget_after"] == 2_592_000.0
    assert told["cache"]["memory_entries"] == 5_000


def test_a_configuration_shows_no_password() -> None:
    assert "secret" not in repr(parse_config(EVERY_KEY, "every.yaml").config)
