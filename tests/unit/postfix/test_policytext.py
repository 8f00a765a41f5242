"""A policy text of the administrator's: what Postfix would read, and nothing that it would not.

That Postfix does read what is accepted here, and that it holds mail for the rest, is proved with a
real one in tests/lab/test_overrides.py, by these same texts.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.postfix.policytext import (
    LEVELS,
    MAX_POLICY_TEXT,
    level_of,
    parse_policy_text,
)
from mtasts_resolver.postfix.reply import AttributeSyntaxError, Reply, Status
from mtasts_resolver.postfix.socketmap import SocketmapCodec
from mtasts_resolver.postfix.tcp_table import TcpTableCodec
from tests.policytexts import ACCEPTED, MISREAD, REFUSED


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_postfix_reads_is_accepted_with_one_space_between_its_words(text: str) -> None:
    parsed = parse_policy_text(text)
    assert parsed == " ".join(text.replace(",", " ").split())
    assert parse_policy_text(parsed) == parsed
    assert level_of(parsed) in LEVELS


@pytest.mark.parametrize("text", [*REFUSED, *MISREAD])
def test_what_postfix_does_not_read_as_it_is_meant_is_refused(text: str) -> None:
    with pytest.raises(AttributeSyntaxError):
        parse_policy_text(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("secured match=a.example", "'secured' is no security level of Postfix: none, may, enc"),
        ("secure a.example", "'a.example' is not NAME=VALUE"),
        ("secure mach=a.example", "'mach' is no attribute that can stand here: match, servername"),
        ("encrypt match=a.example", "match cannot stand at the level encrypt"),
        ("secure match=a.example;b.example", "match='a.example;b.example' is not host names, .p"),
        ("fingerprint match=zz", "match='zz' is not digests in hexadecimal, '|' between"),
        ("fingerprint", "the level fingerprint needs match=DIGEST"),
        ("may ciphers=high ciphers=medium", "the attribute ciphers stands twice"),
        ("encrypt ciphers=export", "ciphers='export' is not medium or high"),
        ("", "'' is no security level"),
    ],
)
def test_the_error_says_what_is_wrong_and_what_would_be_right(text: str, fault: str) -> None:
    with pytest.raises(AttributeSyntaxError) as caught:
        parse_policy_text(text)
    assert str(caught.value).startswith(fault)


def test_the_longest_text_fits_every_protocol() -> None:
    names = ":".join(["a.example"] * 2_000)
    text = parse_policy_text(f"secure match={names}"[: MAX_POLICY_TEXT - 10].rpartition(":")[0])
    reply = Reply(Status.OK, text.replace("=", "= "))  # a space takes three bytes there
    assert text.encode() in SocketmapCodec().encode(Reply(Status.OK, text))
    assert TcpTableCodec().encode(reply).startswith(b"200 ")
    with pytest.raises(AttributeSyntaxError, match="longer than 2,000 characters"):
        parse_policy_text(f"secure match={names}")


@given(
    st.one_of(
        st.text(),
        st.tuples(
            st.sampled_from([*LEVELS, "x"]),
            st.lists(
                st.one_of(
                    st.text(),
                    st.tuples(
                        st.sampled_from(["match", "ciphers", "tafile", "exclude", "servername"]),
                        st.sampled_from(["=", "", "=="]),
                        st.one_of(st.text(), st.from_regex(r"[a-z.:|/!>=0-9{},]*")),
                    ).map("".join),
                )
            ).map(" ".join),
        ).map(" ".join),
    )
)
def test_whatever_is_accepted_is_one_line_of_words_that_postfix_tells_apart(text: str) -> None:
    try:
        parsed = parse_policy_text(text)
    except AttributeSyntaxError as error:
        fault = str(error)
    else:
        fault = ""
    assert fault.isprintable()
    assert len(fault) < 400
    if fault:
        return
    assert parsed.isascii()
    assert parsed.isprintable()
    assert not set(parsed) & set("{},")
    level, *attributes = parsed.split(" ")
    assert level in LEVELS
    assert all("=" in attribute for attribute in attributes)
    assert parse_policy_text(parsed) == parsed
