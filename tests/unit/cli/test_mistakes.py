"""What a person typed instead of a domain, and what was probably meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.cli.mistakes import find_mistakes, mistake_in_key, mistake_in_map
from mtasts_resolver.config import Config, MapOptions
from mtasts_resolver.policy import parse_next_hop


@pytest.mark.parametrize(
    ("key", "reason", "meant"),
    [
        ("user@good.example", "is a mail address", "good.example"),
        ("A User <user@good.example>", "is a mail address", "good.example"),
        ("mailto:user@good.example", "is a URL", "good.example"),
        ("https://good.example/", "is a URL", "good.example"),
        ("https://mta-sts.good.example/.well-known/mta-sts.txt", "is a URL", "good.example"),
        ("http://me:secret@good.example:8080/x", "is a URL", "good.example"),
        ("good.example/", "is no domain", "good.example"),
        ("a..b", "nothing between two dots", "a.b"),
        (".good.example", "is a parent domain", "good.example"),
        ("*.good.example", "is no domain", "good.example"),
        ("_mta-sts.good.example", "is no domain", "good.example"),
        (" good.example\n", "white space", "good.example"),
        ("good.example, other.example", "white space", "good.example"),
        ("smtp:[relay.example]:587", "begins with a transport", "[relay.example]:587"),
        ("relay:good.example", "begins with a transport", "good.example"),
        ("good.example:99999", "'99999' is no port", "good.example"),
        ("[good.example", "is no domain", "good.example"),
        ("[198.51.100.10]", "is an address", None),
        ("[198.51.100.10]:25", "is an address", None),
        ("198.51.100.10", "is an address", None),
        ("[IPv6:2001:db8::1]", "is an address", None),
        ("2001:db8::1", "is an address", None),
        ("user@[198.51.100.10]", "is a mail address", None),
        ("localhost", "it is a single label", None),
        ("", "it is empty", None),
        ("xn--\xfc.example", "UTS 46", None),
        ("good_.example", "letters, digits and inner hyphens", None),
        ("good.123", "no number at the end", None),
        (f"{'a' * 64}.example", "more than 63 characters", None),
        ("a." * 130 + "example", "more than 244 characters", None),
    ],
)
def test_what_is_odd_and_what_was_meant(key: str, reason: str, meant: str | None) -> None:
    mistake = mistake_in_key(key)
    assert mistake is not None
    assert reason in mistake.reason
    assert mistake.meant == meant


@pytest.mark.parametrize(
    "key", ["good.example", "GOOD.example.", "b\xfccher.example", "[relay.example]:submission"]
)
def test_nothing_is_odd_about_a_next_hop(key: str) -> None:
    assert mistake_in_key(key) is None
    assert find_mistakes(key, "tlsrpt", Config()).as_fields() == {}


@given(st.text(max_size=80) | st.text("a.@:/[]<> *_-1", max_size=30))
def test_whatever_is_typed_a_line_says_what_is_odd_about_it(key: str) -> None:
    mistake = mistake_in_key(key)
    if mistake is None:
        assert parse_next_hop(key)
        return
    assert mistake.about(key).isprintable()
    assert mistake.meant is None or parse_next_hop(mistake.meant)


def test_a_map_that_there_is_not() -> None:
    config = Config(maps={"partners": MapOptions()})
    assert mistake_in_map("Partners", config) is None
    assert mistake_in_map("QueryWithTLSRPT", config) is None
    assert str(mistake_in_map("tlsrtp", config)).endswith("as 'default'; did you mean 'tlsrpt'?")
    assert str(mistake_in_map("x", config)).endswith("answered as 'default'")
    found = find_mistakes("user@a.example", "x", config)
    assert len(found.notes) == 2
    assert found.as_fields()["meant"] == "a.example"
