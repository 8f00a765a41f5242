"""Host names, mx patterns and their matching: RFC 8461 §3.2 and §4.1."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy.hostname import MAX_NAME_LENGTH, is_hostname, is_mx_pattern, matches

NAME_63 = "a" * 63
NAME_253 = ".".join([NAME_63, NAME_63, NAME_63, "b" * 61])

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
HOSTNAMES = st.builds(
    "{}.{}".format,
    st.lists(LABELS, min_size=1, max_size=4).map(".".join),
    st.from_regex(r"[a-z][a-z0-9]{1,4}", fullmatch=True),
)


@pytest.mark.row("P9")
@pytest.mark.parametrize(
    "name",
    [
        "mx.example.com",
        "localhost",
        "a.b",
        "1.example",
        "3com.example",
        "a--b.example",
        "xn--bcher-kva.example",
        "mx.xn--p1ai",
        f"{NAME_63}.example",
        NAME_253,
        "1.2.3.4.example",
    ],
)
def test_host_names(name: str) -> None:
    assert is_hostname(name)
    assert is_mx_pattern(name)
    assert is_mx_pattern(f"*.{name}")


@pytest.mark.row("P9")
@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "mx.example.com.",
        ".example.com",
        "mx..example.com",
        "-mx.example.com",
        "mx-.example.com",
        "_mx.example.com",
        "mx_1.example.com",
        "MX.example.com",
        "mx.example.com\n",
        "mx.example.com\x00",
        "mx.example.com:25",
        "mx example.com",
        "mx.example.com,mx2.example.com",
        "mx{}.example.com",
        '"mx".example.com',
        "bücher.example",
        "mx\u3002example.com",
        "\u212aelvin.example",
        "mx.example\u0661",
        f"{'a' * 64}.example",
        f"mx.{'a' * 64}.example",
        f"b{NAME_253}",
        "192.0.2.1",
        "[192.0.2.1]",
        "2001:db8::1",
        "[IPv6:2001:db8::1]",
        "mx.example.123",
        "25",
    ],
)
def test_no_host_names(name: str) -> None:
    assert not is_hostname(name)
    assert not is_mx_pattern(name)
    assert not is_mx_pattern(f"*.{name}")


@pytest.mark.row("P9")
@pytest.mark.parametrize(
    "pattern",
    ["*", "*.", "*.*", "*.*.example", "mx.*.example", "m*.example", "**.example", "*example", ".x"],
)
def test_wildcard_is_the_whole_left_most_label_and_nothing_else(pattern: str) -> None:
    assert not is_mx_pattern(pattern)


def test_longest_name_has_the_length_that_its_constant_says() -> None:
    assert len(NAME_253) == MAX_NAME_LENGTH


@pytest.mark.row("A1")
@pytest.mark.parametrize(
    ("host", "pattern", "fits"),
    [
        ("mx.example.com", "mx.example.com", True),
        ("MX.Example.com", "mx.example.com", True),
        ("mx.example.com", "MX.example.COM", True),
        ("mx.example.com.", "mx.example.com", True),
        ("mx.example.com", "*.example.com", True),
        ("mx.example.com.", "*.example.com", True),
        ("MX.EXAMPLE.COM", "*.example.com", True),
        ("mx.example.com", "*.com", False),
        ("example.com", "*.example.com", False),
        (".example.com", "*.example.com", False),
        ("a.mx.example.com", "*.example.com", False),
        ("a.mx.example.com", "mx.example.com", False),
        ("mxexample.com", "*.example.com", False),
        ("mx.badexample.com", "*.example.com", False),
        ("mx.example.com.evil.example", "mx.example.com", False),
        ("mx.example.com.evil.example", "*.example.com", False),
        ("mx2.example.com", "mx.example.com", False),
        ("", "mx.example.com", False),
        ("", "*.example.com", False),
    ],
)
def test_matching(host: str, pattern: str, *, fits: bool) -> None:
    assert matches(host, pattern) is fits


@pytest.mark.row("P9")
@given(st.text() | st.text(string.ascii_lowercase + string.digits + "-.*_\n"))
def test_hostname_agrees_with_its_rules_spelled_out(name: str) -> None:
    labels = name.split(".")
    expected = (
        len(name) <= 253
        and all(1 <= len(label) <= 63 for label in labels)
        and set(name) <= set(string.ascii_lowercase + string.digits + "-.")
        and not any(label.startswith("-") or label.endswith("-") for label in labels)
        and not set(labels[-1]) <= set(string.digits)
    )
    assert is_hostname(name) is expected


@pytest.mark.row("A1")
@given(HOSTNAMES, LABELS)
def test_wildcard_stands_for_exactly_one_label(parent: str, label: str) -> None:
    pattern = f"*.{parent}"
    assert is_mx_pattern(pattern)
    assert matches(f"{label}.{parent}", pattern)
    assert not matches(parent, pattern)
    assert not matches(f"a.{label}.{parent}", pattern)


@pytest.mark.row("A1")
@given(st.text(), st.text())
def test_matching_takes_anything(host: str, pattern: str) -> None:
    assert isinstance(matches(host, pattern), bool)
