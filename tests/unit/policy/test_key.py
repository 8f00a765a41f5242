"""From lookup key to next hop and policy domain: rows K1 to K5."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy import NextHop, is_hostname, parse_next_hop
from mtasts_resolver.policy.key import MAX_DOMAIN_LENGTH

LONGEST = ".".join(["a" * 60] * 3 + ["a" * 61])  # 244 characters
BUECHER = "xn--bcher-kva.example"


def policy_domain(key: str) -> str | None:
    """Return the policy domain that `key` leads to."""
    hop = parse_next_hop(key)
    return None if hop is None else hop.domain


@pytest.mark.row("K1")
@pytest.mark.parametrize("key", [".example", ".good.example", ".", "..example"])
def test_a_parent_has_no_policy(key: str) -> None:
    assert policy_domain(key) is None


@pytest.mark.row("K2")
@pytest.mark.parametrize(
    "key",
    [
        "[198.51.100.10]",
        "[198.51.100.10]:25",
        "198.51.100.10",
        "[IPv6:2001:db8::1]",
        "[2001:db8::1]",
        "[2001:db8::1]:25",
        "2001:db8::1",
        "127\u30020\u30020\u30021",  # ideographic full stops, which UTS 46 maps to dots
        "\uff11\uff12\uff17.0.0.1",  # full-width digits
    ],
)
def test_an_address_has_no_policy(key: str) -> None:
    assert policy_domain(key) is None


@pytest.mark.row("K3")
@pytest.mark.parametrize(
    "key",
    [
        "relay.example",
        "relay.example:587",
        "[relay.example]",
        "[relay.example]:587",
        "[relay.example]:submission",
        "relay.example:smtp",
    ],
)
def test_a_smart_host_is_asked_by_its_name(key: str) -> None:
    assert policy_domain(key) == "relay.example"


@pytest.mark.row("K4")
@pytest.mark.parametrize(
    ("key", "domain"),
    [
        ("good.example", "good.example"),
        ("GOOD.Example", "good.example"),
        ("good.example.", "good.example"),
        ("bücher.example", BUECHER),
        ("BÜCHER.example", BUECHER),
        ("bu\u0308cher.example", BUECHER),  # u and a combining diaeresis
        ("XN--BCHER-KVA.example", BUECHER),
        ("bücher.example.", BUECHER),
        ("bücher\u3002example", BUECHER),
        ("bücher.example\u3002", BUECHER),
        (
            "\u2603.example",
            "xn--n3h.example",
        ),  # a symbol: not of IDNA 2008, but Postfix asks for it
        ("straße.example", "xn--strae-oqa.example"),  # non-transitional: IDNA 2008
        ("[bücher.example]:587", BUECHER),
        ("a.b.c.d.example", "a.b.c.d.example"),
        (LONGEST, LONGEST),
        ("\u00ad" * 9 + LONGEST, LONGEST),  # soft hyphens, which UTS 46 ignores
    ],
)
def test_a_domain_is_brought_to_its_a_label_form(key: str, domain: str) -> None:
    assert policy_domain(key) == domain


@pytest.mark.row("K4")
@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        "localhost",
        "com.",
        "good..example",
        "good.example..",
        "-good.example",
        "good-.example",
        "go_od.example",
        "good.example:25:25",
        "good.example:0",
        "good.example:65536",
        "[good.example]:99999999999999999999",
        "[good.example]:\u0662\u0665",  # Arabic digits
        "[good.example]:" + "a" * 33,
        "[good.example",
        "good.example]",
        "[]",
        "[]:25",
        "user@good.example",
        "good.example/path",
        "good example",
        "good.example\n",
        "good.example:25\n",
        "good.example\0",
        "*.good.example",
        "a" * 64 + ".example",
        "a" + LONGEST,
        "\u00ad" * 10 + LONGEST,
        "xn--\u00fc.example",
        "\u2764" * 300 + ".example",
        "\u0378.example",  # unassigned
    ],
)
def test_what_cannot_be_a_mail_domain_has_no_policy(key: str) -> None:
    assert policy_domain(key) is None


@pytest.mark.row("K5")
@pytest.mark.parametrize(
    ("keys", "text", "hop"),
    [
        (
            (
                *("relay.example", "Relay.EXAMPLE", "relay.example.", "relay.example:25"),
                *("relay.example:025", "relay.example:smtp", "relay.example:"),
            ),
            "relay.example",
            NextHop("relay.example", "25", is_host=False),
        ),
        (
            ("[relay.example]", "[RELAY.example.]", "[relay.example]:25", "[relay.example]:smtp"),
            "[relay.example]",
            NextHop("relay.example", "25", is_host=True),
        ),
        (
            ("relay.example:587", "relay.example.:submission", "relay.example:Submission"),
            "relay.example:587",
            NextHop("relay.example", "587", is_host=False),
        ),
        (
            ("[relay.example]:587", "[relay.example]:0587", "[relay.example]:submission"),
            "[relay.example]:587",
            NextHop("relay.example", "587", is_host=True),
        ),
        (
            ("[relay.example]:465", "[relay.example]:smtps", "[relay.example]:submissions"),
            "[relay.example]:465",
            NextHop("relay.example", "465", is_host=True),
        ),
        (("relay.example:lmtp",), "relay.example:24", NextHop("relay.example", "24")),
        (("relay.example:1",), "relay.example:1", NextHop("relay.example", "1")),
        (("relay.example:65535",), "relay.example:65535", NextHop("relay.example", "65535")),
        (
            ("relay.example:" + "s" * 32,),
            "relay.example:" + "s" * 32,
            NextHop("relay.example", "s" * 32),
        ),
        (  # services(5) may know it
            ("[relay.example]:our-relay", "[relay.example]:Our-Relay"),
            "[relay.example]:our-relay",
            NextHop("relay.example", "our-relay", is_host=True),
        ),
        (
            ("[bücher.example]:587", f"[{BUECHER}]:submission"),
            f"[{BUECHER}]:587",
            NextHop(BUECHER, "587", is_host=True),
        ),
    ],
)
def test_a_next_hop_is_the_same_in_every_spelling(
    keys: tuple[str, ...], text: str, hop: NextHop
) -> None:
    for key in keys:
        assert parse_next_hop(key) == hop
        assert str(parse_next_hop(key)) == text
    assert parse_next_hop(text) == hop


@pytest.mark.row("K5")
def test_what_is_kept_for_a_domain_by_its_text_takes_no_second_string() -> None:
    hop = parse_next_hop("GOOD.example")
    assert hop is not None
    assert str(hop) is hop.domain


@pytest.mark.threat("next-hop-spelled")
@given(st.text(max_size=300))
def test_whatever_the_key_the_domain_is_one(key: str) -> None:
    domain = policy_domain(key)
    assert domain is None or (
        is_hostname(domain) and "." in domain and len(domain) <= MAX_DOMAIN_LENGTH
    )


@given(st.from_regex(r"[a-z]{1,10}(\.[a-z0-9ü]{1,10}){1,3}", fullmatch=True))
def test_a_domain_stands_for_itself(key: str) -> None:
    domain = policy_domain(key)
    assert domain is None or policy_domain(domain) == domain


@given(
    st.from_regex(
        r"(\[[a-z]{1,10}\.example\]|[a-z]{1,10}\.example)(:[0-9a-z]{0,6})?", fullmatch=True
    )
)
def test_a_next_hop_is_what_its_text_says(key: str) -> None:
    hop = parse_next_hop(key)
    assert hop is None or parse_next_hop(str(hop)) == hop
