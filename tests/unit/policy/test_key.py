"""From what Postfix asks to the policy domain that is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy.hostname import is_hostname
from mtasts_resolver.policy.key import MAX_DOMAIN_LENGTH, policy_domain
from tests.unit.policy.test_hostname import HOSTNAMES

NAME_244 = ".".join(["a" * 63, "a" * 63, "a" * 63, "b" * 52])


@pytest.mark.row("K3")
@pytest.mark.parametrize(
    "key",
    [
        "relay.example",
        "relay.example:587",
        "relay.example:submission",
        "[relay.example]",
        "[relay.example]:587",
        "[relay.example.]:587",
        "[Relay.Example]:25",
    ],
)
def test_smart_host_is_its_own_policy_domain(key: str) -> None:
    assert policy_domain(key) == "relay.example"


@pytest.mark.row("K4")
@pytest.mark.parametrize(
    ("key", "domain"),
    [
        ("example.com", "example.com"),
        ("GOOD.Example", "good.example"),
        ("good.example.", "good.example"),
        ("a.b.good.example", "a.b.good.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.Example.", "xn--bcher-kva.example"),
        ("[bücher.example]:25", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("почта.рф", "xn--80a1acny.xn--p1ai"),
        ("\uff25\uff38\uff21\uff2d\uff30\uff2c\uff25\uff0ecom", "example.com"),
        (NAME_244, NAME_244),
    ],
)
def test_name_is_mapped_to_lower_case_a_labels(key: str, domain: str) -> None:
    assert policy_domain(key) == domain


@pytest.mark.row("K1")
@pytest.mark.parametrize(
    "key", [".good.example", ".example", ".", "..", ".bücher.example", ".a.b.c.example."]
)
def test_parent_has_no_policy(key: str) -> None:
    assert policy_domain(key) is None


@pytest.mark.row("K2")
@pytest.mark.parametrize(
    "key",
    [
        "[198.51.100.10]",
        "[198.51.100.10]:25",
        "198.51.100.10",
        "198.51.100.10:25",
        "[IPv6:2001:db8::1]",
        "[ipv6:2001:db8::1]:25",
        "[2001:db8::1]",
        "2001:db8::1",
        "[::ffff:192.0.2.1]",
        "198.51.100.\uff11\uff10",
    ],
)
def test_address_literal_has_no_policy(key: str) -> None:
    assert policy_domain(key) is None


@pytest.mark.row("K4")
@pytest.mark.parametrize(
    "key",
    [
        "",
        "localhost",
        "[mailhub]:25",
        "*.example.com",
        "_dmarc.example.com",
        "user@example.com",
        "good..example",
        "good.example..",
        "-good.example",
        "good.example:",
        "good.example:25:25",
        "good.example:\uff12\uff15",
        "[good.example",
        "good.example]",
        "[[good.example]]",
        "[good.example]x",
        "good.example\n",
        "good\x00.example",
        "good example.com",
        "unix:/run/lmtp.sock",
        "good.example/evil",
        "good.example match=evil.example",
        "\u200dgood.example",
        "\u0661.example",
        "xn--\u00e4.example",
        f"{'a' * 64}.example",
        f"b{NAME_244}",
        "ü" * 64 + ".example",
        "ü." * 200 + "example",
        "a." * 50_000,
    ],
)
def test_what_cannot_be_a_mail_domain_has_no_policy(key: str) -> None:
    assert policy_domain(key) is None


def test_longest_domain_leaves_room_for_the_record() -> None:
    assert len(NAME_244) == MAX_DOMAIN_LENGTH
    assert len(f"_mta-sts.{NAME_244}") == 253


@pytest.mark.row("K4")
@given(st.text() | st.text("aB.:[]-1xn\u00fc\u3002\u0661\u200d\u0301"))
def test_any_key_is_a_host_name_or_nothing(key: str) -> None:
    domain = policy_domain(key)
    if domain is not None:
        assert is_hostname(domain)
        assert policy_domain(domain) == domain


@pytest.mark.row("K1", "K3", "K4")
@given(HOSTNAMES, st.integers(1, 65_535))
def test_every_spelling_of_a_next_hop_means_its_domain(domain: str, port: int) -> None:
    for key in (domain, domain.upper(), f"{domain}.", f"[{domain}]", f"[{domain}]:{port}"):
        assert policy_domain(key) == domain
    assert policy_domain(f".{domain}") is None
