"""Own domains and the program that is told of them, in the configuration."""

import msgspec
import pytest

from mtasts_resolver.config import (
    Config,
    OwnDomainConfig,
    changes,
    decode_value,
    encode_value,
    parse_config,
)
from mtasts_resolver.config.kinds import MAX_ARGUMENT
from mtasts_resolver.config.sections.owndomains import MAX_ARGUMENTS, MAX_OWN_DOMAINS
from tests.unit.config.test_overrides import faults, read

HOUR = 3_600.0


def test_an_own_domain_is_a_name_or_a_mapping() -> None:
    config = read(
        "own_domains:\n  - Example.COM\n  - b\u00fccher.example\n"
        "  - {domain: example.org, interval: 12h, smtp: false}\n"
        "notify: [/usr/bin/tell, '{summary}', '--to=a b', '']\n"
    )
    assert config.own_domains == (
        OwnDomainConfig(domain="example.com", interval=6 * HOUR, smtp=True),
        OwnDomainConfig(domain="xn--bcher-kva.example"),
        OwnDomainConfig(domain="example.org", interval=12 * HOUR, smtp=False),
    )
    assert config.notify == ("/usr/bin/tell", "{summary}", "--to=a b", "")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("own_domains: example.com", "1: $.own_domains: 'example.com' is not a list"),
        ("own_domains:\n  - nonsense domain", "2: $.own_domains[0].domain: 'nonsense domain' is n"),
        ("own_domains:\n  - '[mx.example]'", "2: $.own_domains[0].domain: '[mx.example]' is not a"),
        ("own_domains:\n  - {interval: 6h}", "2: $.own_domains[0]: the key 'domain' is missing"),
        ("own_domains:\n  -", "2: $.own_domains[0]: the key 'domain' is missing"),
        (
            "own_domains:\n  - {domain: a.example, interval: 1m}",
            "2: $.own_domains[0].interval: ",
        ),
        (
            "own_domains:\n  - {domain: a.example, interval: 8d}",
            "2: $.own_domains[0].interval: ",
        ),
        ("own_domains:\n  - {domain: a.example, smpt: no}", "2: $.own_domains[0]: unknown key 'sm"),
        (
            "own_domains:\n  - a.example\n  - b.example\n  - A.example",
            "4: $.own_domains[2]: a.example is that of $.own_domains[0], too",
        ),
        ("notify: [tell]", "1: $.notify[0]: 'tell' is not a program's absolute path"),
        ("notify: ['']", "1: $.notify[0]: '' is not a program's absolute path"),
        ("notify: /usr/bin/tell", "1: $.notify: '/usr/bin/tell' is not a list"),
        (f"notify: [/a, {'x' * (MAX_ARGUMENT + 1)}]", "1: $.notify[1]: "),
        (f"notify: [{', '.join(['/a'] * (MAX_ARGUMENTS + 1))}]", "1: $.notify: there are 33 items"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, fault: str) -> None:
    (found,) = faults(text)
    assert found.startswith(f"config.yaml:{fault}"), found


def test_so_many_and_no_more() -> None:
    names = [f"  - d{number}.example\n" for number in range(MAX_OWN_DOMAINS + 1)]
    assert len(read("own_domains:\n" + "".join(names[1:])).own_domains) == MAX_OWN_DOMAINS
    (found,) = faults("own_domains:\n" + "".join(names))
    assert "there are 101 items, at most 100 are allowed" in found


def test_a_reload_takes_them_up() -> None:
    new = read("own_domains: [a.example]\nnotify: [/usr/bin/tell]\n")
    found = changes(Config(), new)
    assert found.applied == ("own_domains", "notify")
    assert not found.restart
    assert found.in_force == new


def test_the_discoverer_can_be_sent_them() -> None:
    config = parse_config(b"own_domains: [a.example]\nnotify: [/a]\n", "").config
    sent = msgspec.msgpack.encode(config, enc_hook=encode_value)
    assert msgspec.msgpack.decode(sent, type=Config, dec_hook=decode_value) == config
