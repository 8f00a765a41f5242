"""The TLSRPT record: RFC 8460 §3, case by case and by its grammar; and where an error stands."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy.record import RecordError, parse_record, select_record
from mtasts_resolver.policy.reportrecord import (
    ReportRecord,
    parse_report_record,
    select_report_record,
)

URIS = st.builds(
    "{}:{}".format,
    st.sampled_from(["mailto", "https", "HTTP", "x-y+z.1"]),
    st.text(string.ascii_letters + string.digits + "@/.%?=&-_~+", min_size=1),
)
WHITE_SPACE = st.text(" \t", max_size=2)
COMMAS = st.builds("{},{}".format, WHITE_SPACE, WHITE_SPACE)


@pytest.mark.parametrize(
    ("text", "uris"),
    [
        (b"v=TLSRPTv1; rua=mailto:a@b.example", ("mailto:a@b.example",)),
        (b"v=TLSRPTv1;rua=mailto:a@b.example;", ("mailto:a@b.example",)),
        (b"v=TLSRPTv1 ; ext=1; rua=https://b.example/?x=1", ("https://b.example/?x=1",)),
        (b"v=TLSRPTv1; rua=mailto:a , https:b,mailto:c", ("mailto:a", "https:b", "mailto:c")),
        (b"v=TLSRPTv1; rua=mailto:a; rua=mailto:b", ("mailto:a",)),
    ],
)
def test_valid_report_record(text: bytes, uris: tuple[str, ...]) -> None:
    assert parse_report_record(text) == ReportRecord(uris)
    assert select_report_record([b"v=spf1", text]) == ReportRecord(uris)


@pytest.mark.parametrize(
    ("text", "reason", "position"),
    [
        (b"", "^it does not begin with 'v=TLSRPTv1;'$", None),
        (b"v=TLSRPTv10; rua=mailto:a", "does not begin", None),
        (b"v=tlsrptv1; rua=mailto:a", "does not begin", None),
        (b"v=TLSRPTv1;", "^it has no rua, and so names nobody to send reports to$", None),
        (b"v=TLSRPTv1; x=1", "has no rua", None),
        (b"v=TLSRPTv1; RUA=mailto", "has no rua", None),
        (b"v=TLSRPTv1; rua=a@b.example", "'rua=a@b.example' is malformed", 13),
        (b"v=TLSRPTv1;rua=mailto:a,,mailto:b", "malformed", 12),
        (b"v=TLSRPTv1; rua=mailto:a!10m", "malformed", 13),
        (b"v=TLSRPTv1; rua=mailto:a b", "malformed", 13),
        (b"v=TLSRPTv1; rua=mailto:\xc3\xa9@b", "malformed", 13),
        (b"v=TLSRPTv1; rua=", "malformed", 13),
        (b"v=TLSRPTv1; rua=\x0bmailto:a", "malformed", 13),
        (b"v=TLSRPTv1; rua=mailto:a; ; x=1", "malformed", 27),
        (b"v=TLSRPTv1; rua=mailto:a;\t nothing", "malformed", 28),
    ],
)
def test_invalid_report_record(text: bytes, reason: str, position: int | None) -> None:
    with pytest.raises(RecordError, match=reason) as caught:
        parse_report_record(text)
    assert caught.value.position == position


def test_not_exactly_one_report_record_is_none() -> None:
    with pytest.raises(RecordError, match=r"^no TXT record begins with 'v=TLSRPTv1;'$"):
        select_report_record([b"v=spf1 -all"])
    with pytest.raises(RecordError, match=r"^2 TXT records begin with 'v=TLSRPTv1;'"):
        select_report_record([b"v=TLSRPTv1; rua=mailto:a"] * 2)


@given(uris=st.lists(URIS, min_size=1, max_size=4), data=st.data())
def test_report_records_by_the_grammar(uris: list[str], data: st.DataObject) -> None:
    text = "v=TLSRPTv1; rua=" + uris[0]
    for uri in uris[1:]:
        text += data.draw(COMMAS) + uri
    assert parse_report_record(text.encode()).uris == tuple(uris)


@given(text=st.binary() | st.binary().map(b"v=TLSRPTv1;".__add__))
def test_whatever_it_is_it_is_a_record_or_an_error(text: bytes) -> None:
    position: int | None = 1
    try:
        assert parse_report_record(text).uris
    except RecordError as error:
        position = error.position
    assert position is None or 0 < position <= len(text)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        (b"v=STSv1; id=a-b", 10),
        (b"v=STSv1;id=a-b", 9),
        (b"v=STSv1 ;\t id=1 ; oops", 19),
        (b"v=STSv1; id=1;;", 15),
        (b"v=STSv1; id=1;\x0b", 15),
        (b"v=STSv1;", None),
    ],
)
def test_errors_of_a_policy_record_say_where(text: bytes, position: int | None) -> None:
    for read in (parse_record, lambda text: select_record([text])):
        with pytest.raises(RecordError) as caught:
            read(text)
        assert caught.value.position == position
