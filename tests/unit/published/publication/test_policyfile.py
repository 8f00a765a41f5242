"""What is written is read as it was meant, by the parser that reads everybody's policies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy import (
    MAX_MAX_AGE,
    MAX_MX_PATTERNS,
    Mode,
    is_mx_pattern,
    parse_document,
)
from mtasts_resolver.published.publication.policyfile import (
    PublicationError,
    fitted_by_none,
    means_the_same,
    without_host,
    write_policy,
)
from tests.unit.policy.test_hostname import HOSTNAMES

PATTERNS = st.builds(str.__add__, st.sampled_from(["", "*."]), HOSTNAMES).filter(is_mx_pattern)


@given(
    mode=st.sampled_from(Mode),
    max_age=st.integers(0, MAX_MAX_AGE),
    mx=st.lists(PATTERNS, min_size=1, max_size=MAX_MX_PATTERNS),
)
def test_every_policy_is_read_as_it_was_meant(mode: Mode, max_age: int, mx: list[str]) -> None:
    written = write_policy(mode, max_age, mx)
    read = parse_document(written.document.encode())
    assert (read.mode, read.max_age) == (mode, max_age)
    assert read.mx == tuple(dict.fromkeys(mx))
    assert read.left_out == ()


def test_the_document_as_senders_get_it() -> None:
    written = write_policy(Mode.ENFORCE, 604_800, ["MX1.example.com.", "*.example.net"])
    assert written.document == (
        "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: *.example.net\r\n"
        "max_age: 604800\r\n"
    )
    assert write_policy(Mode.NONE, 86_400, ()).document == (
        "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n"
    )


@pytest.mark.parametrize(
    ("mode", "max_age", "mx", "words"),
    [
        (Mode.ENFORCE, -1, ["mx.example.com"], "0 to 31,557,600"),
        (Mode.ENFORCE, MAX_MAX_AGE + 1, ["mx.example.com"], "0 to 31,557,600"),
        (Mode.ENFORCE, 86_400, [], "names an MX host"),
        (Mode.TESTING, 86_400, ["mx.*.example.com"], "'mx.*.example.com' is no host name"),
        (Mode.TESTING, 86_400, ["192.0.2.1"], "'192.0.2.1' is no host name"),
        (Mode.TESTING, 86_400, ["mx.example.com\r\nmode: none"], "is no host name"),
        (Mode.TESTING, 86_400, [f"mx{n}.example.com" for n in range(101)], "--mx '*.example.com'"),
    ],
)
def test_what_cannot_be_published_is_refused(
    mode: Mode, max_age: int, mx: list[str], words: str
) -> None:
    with pytest.raises(PublicationError) as caught:
        write_policy(mode, max_age, mx)
    assert words in str(caught.value)


def test_what_means_the_same_is_the_same_however_it_is_written() -> None:
    one = write_policy(Mode.ENFORCE, 86_400, ["a.example", "b.example"])
    other = b"version: STSv1\nmx: b.example\nmx: a.example\nmode: enforce\nmax_age: 86400\nx: y\n"
    assert means_the_same(one, parse_document(other))
    assert not means_the_same(one, parse_document(other.replace(b"86400", b"86401")))
    assert not means_the_same(one, parse_document(other.replace(b"enforce", b"testing")))
    assert not means_the_same(one, parse_document(other.replace(b"mx: b", b"mx: c")))


def test_hosts_and_patterns_that_do_not_fit_each_other() -> None:
    hosts = ("mx.example.com", "a.mx.example.com")
    assert fitted_by_none(hosts, ["*.example.com"]) == ("a.mx.example.com",)
    assert without_host(["*.example.com", "old.example.com"], hosts) == ("old.example.com",)
