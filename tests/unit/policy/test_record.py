"""The policy record: RFC 8461 §3.1, case by case and by its grammar."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy.record import PolicyRecord, RecordError, parse_record, select_record

ALNUM = string.ascii_letters + string.digits
EXTENSION_VALUE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in "=;")

WHITE_SPACE = st.text(" \t", max_size=3)
DELIMITERS = st.builds("{};{}".format, WHITE_SPACE, WHITE_SPACE)
IDS = st.text(ALNUM, min_size=1, max_size=32)
EXTENSION_NAMES = st.builds(
    str.__add__, st.sampled_from(ALNUM), st.text(ALNUM + "_-.", max_size=31)
).filter(lambda name: name != "id")
EXTENSIONS = st.builds("{}={}".format, EXTENSION_NAMES, st.text(EXTENSION_VALUE, min_size=1))


def parse(text: bytes) -> PolicyRecord | RecordError:
    try:
        return parse_record(text)
    except RecordError as error:
        return error


@pytest.mark.row("R1", "R3")
@pytest.mark.parametrize(
    ("text", "policy_id"),
    [
        (b"v=STSv1; id=20160831085700Z;", "20160831085700Z"),
        (b"v=STSv1;id=1", "1"),
        (b"v=STSv1 \t; \tid=1 \t; \t", "1"),
        (b"v=STSv1; id=" + b"a" * 32, "a" * 32),
        (b"v=STSv1; ext=1; id=2", "2"),
        (b"v=STSv1; id=2; a.b-c_d=!<>:,?", "2"),
        (b"v=STSv1; id=2; " + b"n" * 32 + b"=" + b"v" * 1_000, "2"),
        (b"v=STSv1; id=2; v=STSv1", "2"),
        (b"v=STSv1; ID=3; id=2", "2"),
        (b"v=STSv1; id=first; id=second", "first"),
    ],
)
def test_valid_record(text: bytes, policy_id: str) -> None:
    assert parse_record(text) == PolicyRecord(policy_id)


@pytest.mark.row("R1")
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"v=STSv1",
        b"v=STSv1 id=1",
        b"v=STSv10; id=1",
        b"v=STSv2; id=1",
        b"v=stsv1; id=1",
        b"V=STSv1; id=1",
        b" v=STSv1; id=1",
        b'"v=STSv1; id=1"',
        b"\xef\xbb\xbfv=STSv1; id=1",
        b"id=1; v=STSv1;",
        b"v= STSv1; id=1",
        b"v=STSv1\n; id=1",
        b"v=STSv1\xc2\xa0; id=1",
        b"v=spf1 -all",
    ],
)
def test_other_versions_and_other_texts_are_discarded(text: bytes) -> None:
    with pytest.raises(RecordError, match=r"^it does not begin with 'v=STSv1;'$"):
        parse_record(text)
    with pytest.raises(RecordError, match=r"^no TXT record begins with 'v=STSv1;'$"):
        select_record([text])
    assert select_record([text, b"v=STSv1; id=1"]).id == "1"


@pytest.mark.row("R3")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"v=STSv1;", "it has no id"),
        (b"v=STSv1; ", "it has no id"),
        (b"v=STSv1; ext=1;", "it has no id"),
        (b"v=STSv1; ID=1;", "it has no id"),
        (b"v=STSv1; id=", "'id=' is malformed"),
        (b"v=STSv1; id=;", "'id=' is malformed"),
        (b"v=STSv1; id=" + b"a" * 33, "malformed"),
        (b"v=STSv1; id=2026-11-21", "'id=2026-11-21' is malformed"),
        (b"v=STSv1; id=1_000", "malformed"),
        (b"v=STSv1; id= 1", "malformed"),
        (b"v=STSv1; id =1", "malformed"),
        (b"v=STSv1; id=1 2", "malformed"),
        (b'v=STSv1; id="1"', "malformed"),
        (b"v=STSv1; id=1\n", "malformed"),
        (b"v=STSv1; id=1\n;", "malformed"),
        (b"v=STSv1;\nid=1", "malformed"),
        (b"v=STSv1;\nid=1;", "malformed"),
        (b"v=STSv1; id=1 ", "malformed"),
        (b"v=STSv1; id=1\x00", "malformed"),
        (b"v=STSv1; id=\xd9\xa1", "malformed"),
        (b"v=STSv1; id=\xc2\xb2", "malformed"),
        (b"v=STSv1; id=1\xc2\x85", "malformed"),
        (b"v=STSv1; id=bad!; id=1", "'id=bad!' is malformed"),
        (b"v=STSv1; id=1; id=bad!", "'id=bad!' is malformed"),
        (b"v=STSv1;; id=1", "'' is malformed"),
        (b"v=STSv1; id=1;;", "'' is malformed"),
        (b"v=STSv1; id=1; ;", "'' is malformed"),
        (b"v=STSv1; id=1, ext=1", "malformed"),
        (b"v=STSv1; id=1; ext", "'ext' is malformed"),
        (b"v=STSv1; id=1; " + b"n" * 61, f"'{'n' * 60}' is malformed"),
        (b"v=STSv1; id=1; ext=", "'ext=' is malformed"),
        (b"v=STSv1; id=1; =ext", "malformed"),
        (b"v=STSv1; id=1; ext=a=b", "malformed"),
        (b"v=STSv1; id=1; ext=a b", "malformed"),
        (b"v=STSv1; id=1; _ext=1", "malformed"),
        (b"v=STSv1; id=1; " + b"n" * 33 + b"=1", "malformed"),
        (b"v=STSv1; id=1; ext=\xc3\xa9", "malformed"),
        (b"v=STSv1; id=1; ext=\x7f", "malformed"),
        (b"v=STSv1; id=1; ext=1\n", "malformed"),
    ],
)
def test_invalid_record(text: bytes, reason: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_record(text)
    assert str(caught.value).endswith(reason)
    with pytest.raises(RecordError) as selected:
        select_record([text])
    assert str(selected.value) == f"the policy record is invalid: {caught.value}"


@pytest.mark.threat("policy-odd")
@pytest.mark.row("R2")
@pytest.mark.parametrize(
    "texts",
    [
        [b"v=STSv1; id=1", b"v=STSv1; id=2"],
        [b"v=STSv1; id=1", b"v=STSv1; id=1"],
        [b"v=STSv1; id=1", b"v=STSv1; broken"],
        [b"v=STSv1; broken", b"v=STSv1; id=1"],
        [b"v=STSv1; id=1", b"unrelated", b"v=STSv1 ; id=1"],
    ],
)
def test_two_records_are_none(texts: list[bytes]) -> None:
    with pytest.raises(RecordError, match="2 TXT records begin with 'v=STSv1;', one is allowed"):
        select_record(texts)


@pytest.mark.row("R2")
def test_no_record_at_all() -> None:
    with pytest.raises(RecordError, match="no TXT record begins with 'v=STSv1;'"):
        select_record([])


@pytest.mark.row("R3")
def test_error_quotes_a_faulty_field_short_and_harmless() -> None:
    with pytest.raises(RecordError) as caught:
        parse_record(b"v=STSv1; id=1; \x1b[31m\r\n\xff" + b"x" * 60_000)
    text = str(caught.value)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 300


@pytest.mark.row("R3")
def test_longest_record_of_white_space_costs_no_more_than_its_length() -> None:
    """A quadratic parser takes two seconds for each record, half an hour for all of them."""
    text = b"v=STSv1; id=1" + b" " * 65_000 + b"x"
    for _ in range(1_000):
        with pytest.raises(RecordError, match="malformed"):
            parse_record(text)


@pytest.mark.threat("policy-odd")
@pytest.mark.row("R3")
@given(st.binary() | st.binary().map(lambda tail: b"v=STSv1;" + tail))
def test_arbitrary_bytes_raise_nothing_but_the_declared_error(text: bytes) -> None:
    outcome = parse(text)
    if isinstance(outcome, RecordError):
        assert str(outcome).isprintable()
    else:
        assert 1 <= len(outcome.id) <= 32
        assert set(outcome.id) <= set(ALNUM)


@pytest.mark.row("R1", "R3")
@given(st.data(), IDS)
def test_every_record_of_the_grammar_is_read_as_written(data: st.DataObject, id_: str) -> None:
    fields = data.draw(st.lists(EXTENSIONS, max_size=5))
    fields.insert(data.draw(st.integers(0, len(fields))), f"id={id_}")
    text = "v=STSv1" + "".join(data.draw(DELIMITERS) + field for field in fields)
    text += data.draw(st.just("") | DELIMITERS)
    assert parse_record(text.encode("ascii")) == PolicyRecord(id_)
