"""An administrator's decision: for which next hops it counts, and what it says."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy import parse_next_hop
from mtasts_resolver.postfix.override import (
    ACTIONS,
    MAX_REASON,
    Override,
    parse_override,
    parse_pattern,
    parse_reason,
    patterns_for,
)
from mtasts_resolver.postfix.reply import NOT_FOUND


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("partner.example", "partner.example"),
        ("Partner.EXAMPLE.", "partner.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        (".partner.example", ".partner.example"),
        (".Bücher.example", ".xn--bcher-kva.example"),
        (".example", ".example"),
        ("partner.example:587", "partner.example:587"),
        ("partner.example:25", "partner.example:25"),
        ("partner.example:smtp", "partner.example:25"),
        ("[partner.example]", "[partner.example]"),
        ("[partner.example]:25", "[partner.example]"),
        ("[partner.example]:submission", "[partner.example]:587"),
    ],
)
def test_a_pattern_has_one_spelling(text: str, pattern: str) -> None:
    assert parse_pattern(text) == pattern
    assert parse_pattern(pattern) == pattern


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it is no domain"),
        ("*.partner.example", "for all that is below a domain write '.partner.example'"),
        (".", "after the dot a domain is needed"),
        ("..example", "after the dot a domain is needed"),
        (".partner.example:25", "after the dot a domain is needed"),
        (".[partner.example]", "after the dot a domain is needed"),
        ("192.0.2.1", "it is no domain"),
        ("[192.0.2.1]:25", "for an address"),
        ("localhost", "a name without a dot"),
        ("user@partner.example", "it is no domain"),
        ("partner.example:0", "it is no domain"),
        ("a b.example", "it is no domain"),
    ],
)
def test_what_no_policy_can_apply_to_is_no_pattern(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        parse_pattern(text)


@pytest.mark.parametrize(
    ("key", "patterns"),
    [
        ("a.b.example", ["a.b.example:25", "a.b.example", ".b.example", ".example"]),
        ("[a.example]", ["[a.example]", "a.example", ".example"]),
        ("[a.example]:587", ["[a.example]:587", "a.example", ".example"]),
        ("a.example:587", ["a.example:587", "a.example", ".example"]),
    ],
)
def test_the_patterns_for_a_next_hop_come_with_the_most_specific_first(
    key: str, patterns: list[str]
) -> None:
    hop = parse_next_hop(key)
    assert hop is not None
    assert [*patterns_for(hop)] == patterns


_label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,4}[a-z0-9])?", fullmatch=True)
_domain = st.lists(_label, min_size=1, max_size=5).map(lambda labels: ".".join([*labels, "org"]))
_key = st.tuples(_domain, st.booleans(), st.sampled_from(["", ":25", ":587", ":smtp"])).map(
    lambda made: f"[{made[0]}]{made[2]}" if made[1] else f"{made[0]}{made[2]}"
)


@given(_key)
def test_every_pattern_for_a_next_hop_is_its_own_one_spelling(key: str) -> None:
    hop = parse_next_hop(key)
    assert hop is not None
    patterns = [*patterns_for(hop)]
    assert [parse_pattern(pattern) for pattern in patterns] == patterns
    assert len(set(patterns)) == len(patterns)
    assert parse_pattern(key) in patterns


@given(st.text())
def test_any_text_is_a_pattern_with_one_spelling_or_an_error_that_can_be_read(text: str) -> None:
    try:
        pattern = parse_pattern(text)
    except ValueError as error:
        fault = str(error)
    else:
        fault = ""
        assert parse_pattern(pattern) == pattern
        assert pattern.isascii()
    assert fault.isprintable()


def override(action: str | None = "skip", policy: str | None = None) -> Override:
    return parse_override(
        pattern="Partner.example",
        action=action,
        policy=policy,
        reason="their certificate",
        until=None,
        user="root",
        added=1.0,
    )


@pytest.mark.parametrize(
    ("action", "reply", "weakens"),
    [
        ("skip", "NOTFOUND", True),
        ("encrypt", "OK encrypt", True),
        ("dane", "OK dane", True),
        ("dane-only", "OK dane-only", False),
        ("live", "None", False),
    ],
)
def test_an_action_is_what_postfix_is_told(action: str, reply: str, *, weakens: bool) -> None:
    assert str(override(action).reply) == reply
    assert override(action).weakens is weakens


def test_every_action_was_tried() -> None:
    assert ACTIONS == ("skip", "encrypt", "dane", "dane-only", "live")
    assert override("skip").reply is NOT_FOUND


@pytest.mark.parametrize(
    ("policy", "weakens"),
    [
        ("secure match=nexthop", False),
        ("verify", False),
        (f"fingerprint match={'0a' * 20}", False),
        ("dane-only", False),
        ("may", True),
        ("none", True),
        ("encrypt ciphers=high", True),
        ("dane", True),
    ],
)
def test_a_fixed_policy_is_told_as_it_is(policy: str, *, weakens: bool) -> None:
    fixed = override(None, policy)
    assert str(fixed.reply) == f"OK {policy}"
    assert fixed.weakens is weakens


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"action": None}, "one of action and policy is needed, and not both"),
        ({"policy": "may"}, "one of action and policy is needed, and not both"),
        ({"action": "skipp"}, "the action 'skipp' is not one of skip, encrypt, dane, dane-only, l"),
        ({"pattern": "*.a.example"}, "pattern '*.a.example': for all that is below"),
        ({"action": None, "policy": "secure x"}, "policy 'secure x': 'x' is not NAME=VALUE"),
        ({"reason": " \t"}, "reason ' \\t': it is empty"),
        ({"reason": "a\x1bb"}, "reason 'a\\x1bb': it is longer than 200 characters, or not all"),
        ({"reason": "x" * (MAX_REASON + 1)}, "reason 'xxx"),
        ({"user": "x\n"}, "the name of the user"),
    ],
)
def test_each_value_is_checked_and_named_where_it_is_wrong(
    values: dict[str, str | None], fault: str
) -> None:
    right = {"pattern": "a.example", "action": "skip", "policy": None, "reason": "r", "user": "u"}
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}"):
        parse_override(**(right | values), until=None, added=None)  # type: ignore[arg-type]


def test_a_reason_is_one_line() -> None:
    assert parse_reason(" a\n  reason ") == "a reason"


def test_it_ends_at_its_date() -> None:
    ending = Override(pattern="a.example", action="skip", reason="r", until=100.0)
    assert [ending.lapsed(wall) for wall in (99.9, 100.0, 101.0)] == [False, True, True]
    assert not override().lapsed(1e12)
