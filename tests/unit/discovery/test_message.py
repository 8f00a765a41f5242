"""Which messages are responses, and what is read from them."""

import struct
from collections.abc import Callable

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rrset
import pytest
from dns.rdataclass import CH
from dns.rdatatype import CNAME, TLSA, TXT, RdataType
from dns.rdatatype import SOA as SOA_TYPE
from hypothesis import example, given
from hypothesis import strategies as st

from mtasts_resolver.discovery.dns.message import (
    MAX_BYTES,
    MAX_RECORDS,
    MAX_STRINGS,
    NoResponseError,
    Response,
    UnreadableError,
    absolute_name,
    make_query,
    read_response,
)
from tests.unit.discovery.servers import respond

NAME = dns.name.from_text("_mta-sts.X.example")
QUERY = make_query(NAME, TXT)
RECORD = '_mta-sts.x.example. 300 IN TXT "v=STSv1; " "id=1"'
SOA = "x.example. 900 IN SOA ns.x.example. hostmaster.x.example. 1 2 3 4 600"
TYPE = slice(12 + len(NAME.to_digestable()), 14 + len(NAME.to_digestable()))

Change = Callable[[dns.message.Message], object]


def read(*records: str, change: Change = lambda _: None) -> Response:
    """Return what is read of a response with `records` after `change`."""
    message = respond(dns.message.from_wire(QUERY.wire), *records, authority=(SOA,))
    change(message)
    return read_response(message.to_wire(), QUERY)


def test_a_query_is_what_dnspython_takes_it_for() -> None:
    query = dns.message.from_wire(QUERY.wire)
    assert (query.opcode(), query.edns) == (dns.opcode.QUERY, 0)
    assert query.question[0].to_text() == "_mta-sts.x.example. IN TXT"
    assert [len(section) for section in query.sections] == [1, 0, 0, 0]
    assert len({make_query(NAME, TXT).wire[:2] for _ in range(8)}) > 1


@given(
    st.text(st.sampled_from("aB1-_.\\0@ é\n"), max_size=12) | st.from_regex(r"(\w{60,64}\.){0,4}x")
)
@example(".")
def test_a_name_is_what_dnspython_takes_it_for(text: str) -> None:
    try:
        name = dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError) as error:
        with pytest.raises(type(error)):
            absolute_name(text)
    else:
        assert absolute_name(text).labels == name.labels


def test_the_records_that_matter_are_read() -> None:
    response = read(
        RECORD,
        "_mta-sts.x.example. 400 IN CNAME Elsewhere.example.",
        "elsewhere.example. 500 IN TXT text",
        "other.example. 50 IN TXT other",
        "_mta-sts.x.example. 600 IN A 192.0.2.1",
        "_mta-sts.x.example. 600 CH TXT chaos",
    )
    own = response.rrset(response.query.name, TXT)
    assert [record.to_text() for record in own.records] == ['"v=STSv1; " "id=1"']
    assert (own.ttl, own.malformed) == (300, 0)
    alias = response.alias(response.query.name)
    assert alias == (dns.name.from_text("elsewhere.example"), 400)
    (text,) = response.rrset(alias[0], TXT).records
    assert text.to_text() == '"text"'
    assert response.alias(alias[0]) is None
    assert (response.rcode, response.soa_ttl) == (dns.rcode.NOERROR, 600)


def records_of(response: Response, rdtype: RdataType = TXT) -> int:
    """Return how many records the name asked for has."""
    return len(response.rrset(response.query.name, rdtype).records)


def test_the_case_of_the_name_does_not_matter() -> None:
    message = respond(dns.message.from_wire(QUERY.wire), RECORD)
    wire = message.to_wire().replace(b"example", b"eXaMPLe")
    assert records_of(read_response(wire, QUERY)) == 1


@pytest.mark.parametrize(
    ("name", "same"),
    [
        (b"\xc0\x0c", True),
        (NAME.to_digestable(), True),
        (b"\x08_MTA-STS\xc0\x15", True),
        (b"\xc0\x15", False),
        (b"\x01y\xc0\x0c", False),
        (b"\x0c\xc0\x0cabcdefghij\0", False),
        (b"\xff\xff", False),
        (b"\x08_mta-sts\xc0\x2a", False),
    ],
    ids=[
        *("pointer", "in full", "in part", "its parent", "its child", "a label like a pointer"),
        *("pointer to nowhere", "pointer to itself"),
    ],
)
def test_a_name_may_be_written_in_several_ways(name: bytes, same: bool) -> None:
    record = name + struct.pack("!HHIH", TXT, 1, 60, 2) + b"\x01x"
    assert records_of(read_response(with_records(1, record), QUERY)) == same


def test_a_pointer_may_point_to_another_record_s_name() -> None:
    end = len(with_records(1))
    first = NAME.to_digestable() + struct.pack("!HHIH", TXT, 1, 60, 2) + b"\x01x"
    second = struct.pack("!H", 0xC000 | end) + first[len(NAME.to_digestable()) :]
    assert records_of(read_response(with_records(1, first, second), QUERY)) == 2


@pytest.mark.parametrize("flag", [0, int(dns.flags.AD)])
def test_what_dnssec_proved(flag: int) -> None:
    def prove(message: dns.message.Message) -> None:
        message.flags |= flag

    assert read(RECORD, change=prove).authenticated is bool(flag)


def test_of_a_truncated_response_nothing_but_that_is_known() -> None:
    wire = respond(dns.message.from_wire(QUERY.wire), RECORD, flags=dns.flags.TC).to_wire()
    response = read_response(wire[:-20], QUERY)
    assert response.truncated
    assert response.answers == []


def test_the_response_code_is_completed_by_edns() -> None:
    response = read(change=lambda message: message.set_rcode(dns.rcode.BADVERS))
    assert response.rcode == dns.rcode.BADVERS
    assert response.describe_rcode() == "BADVERS"


def test_a_ttl_beyond_all_bounds_is_none() -> None:
    wire = bytearray(respond(dns.message.from_wire(QUERY.wire), RECORD).to_wire())
    ttl = wire.index(struct.pack("!I", 300))
    wire[ttl] = 0x80
    assert read_response(bytes(wire), QUERY).rrset(NAME, TXT).ttl == 0


@pytest.mark.parametrize("code", ["FORMERR", "SERVFAIL", "NOTIMP", "REFUSED"])
def test_a_failure_may_leave_out_the_question(code: str) -> None:
    rcode = dns.rcode.from_text(code)

    def fail(message: dns.message.Message) -> None:
        message.set_rcode(rcode)
        message.question.clear()

    assert read(change=fail).rcode == rcode


def no_question(message: dns.message.Message) -> None:
    message.question.clear()


def two_questions(message: dns.message.Message) -> None:
    message.question.append(message.question[0])


def other_opcode(message: dns.message.Message) -> None:
    message.set_opcode(dns.opcode.NOTIFY)


def other_type(message: dns.message.Message) -> None:
    message.question[0].rdtype = TLSA


def other_class(message: dns.message.Message) -> None:
    message.question[0] = dns.rrset.RRset(message.question[0].name, CH, TXT)


CHANGES = (no_question, two_questions, other_opcode, other_type, other_class)


@pytest.mark.parametrize("change", CHANGES)
def test_what_answers_another_question_is_no_response(change: Change) -> None:
    with pytest.raises(NoResponseError):
        read(RECORD, change=change)


def test_types_have_no_case() -> None:
    """Types 65 and 97 differ as `A` and `a` do."""
    query = bytearray(QUERY.wire)
    wire = bytearray(respond(dns.message.from_wire(QUERY.wire)).to_wire())
    query[TYPE], wire[TYPE] = struct.pack("!H", 97), struct.pack("!H", 65)
    with pytest.raises(NoResponseError):
        read_response(bytes(wire), QUERY._replace(wire=bytes(query)))


def with_records(section: int, *records: bytes) -> bytes:
    """Return a response with such bytes for the records of a section: 1 is the answer's."""
    wire = bytearray(QUERY.wire[: TYPE.stop + 2])
    wire[2:4], wire[10:12] = struct.pack("!H", dns.flags.QR), bytes(2)
    wire[4 + 2 * section : 6 + 2 * section] = struct.pack("!H", len(records))
    return bytes(wire) + b"".join(records)


FIXED = struct.pack("!HHIH", 1, 1, 60, 4) + bytes(4)


@pytest.mark.parametrize(
    "name", [b"\0", b"\x01a\0", b"\xc0\x0c", b"\x01a\xc0\x0c", b"\x3f" * 64 + b"\0"]
)
def test_what_does_not_matter_is_passed_over(name: bytes) -> None:
    for section in (1, 2, 3):
        assert read_response(with_records(section, name + FIXED), QUERY).answers == []


@pytest.mark.parametrize(
    "record",
    [
        *(b"", b"\0", b"\x05abc", b"\xc0", b"\x40" + FIXED, b"\x80\0" + FIXED),
        *(b"\0" + FIXED[:-1], b"\0" + FIXED + b"\0"),
        b"\0" + struct.pack("!HHIH", SOA_TYPE, 1, 60, 4) + bytes(4),
    ],
)
def test_what_has_no_end_or_a_wrong_one_is_unreadable(record: bytes) -> None:
    with pytest.raises(UnreadableError, match="malformed"):
        read_response(with_records(2, record), QUERY)


def test_a_malformed_record_that_matters_spoils_the_response() -> None:
    wire = respond(dns.message.from_wire(QUERY.wire), RECORD).to_wire()
    assert records_of(read_response(wire, QUERY)) == 1
    broken = read_response(wire.replace(b"\x09v=STSv1", b"\xffv=STSv1"), QUERY)
    with pytest.raises(UnreadableError, match="malformed"):
        records_of(broken)
    alias = struct.pack("!HHIH", CNAME, 1, 60, 3) + b"\x09ab"
    with pytest.raises(UnreadableError, match="malformed"):
        read_response(with_records(1, b"\xc0\x0c" + alias), QUERY).alias(QUERY.name)


def test_what_nobody_asks_for_is_not_read() -> None:
    broken = b"\x01x\0" + struct.pack("!HHIH", TXT, 1, 60, 1) + b"\xff"
    assert records_of(read_response(with_records(1, broken), QUERY)) == 0


@pytest.mark.threat("dns-costly")
def test_an_answer_is_bounded() -> None:
    most = read_response(with_records(1, *[b"\0" + FIXED] * MAX_RECORDS), QUERY)
    assert most.answers == []
    with pytest.raises(UnreadableError, match=f"more than {MAX_RECORDS} records"):
        read_response(with_records(1, *[b"\0" + FIXED] * (MAX_RECORDS + 1)), QUERY)
    long = b"\0" + struct.pack("!HHIH", 1, 1, 60, MAX_BYTES) + bytes(MAX_BYTES)
    with pytest.raises(UnreadableError, match=r"more than 16,384 bytes"):
        read_response(with_records(1, long), QUERY)


@pytest.mark.parametrize("records", [1, 4])
def test_the_strings_of_an_answer_are_bounded(records: int) -> None:
    def with_strings(count: int) -> Response:
        record = b"\xc0\x0c" + struct.pack("!HHIH", TXT, 1, 60, 2 * count) + b"\x01x" * count
        return read_response(with_records(1, *[record] * records), QUERY)

    assert records_of(with_strings(MAX_STRINGS // records)) == records
    with pytest.raises(UnreadableError, match=f"more than {MAX_STRINGS} strings"):
        records_of(with_strings(MAX_STRINGS // records + 1))


def test_what_dnssec_proved_is_believed_of_those_alone_who_do_edns() -> None:
    """RFC 3225 §3: DNSSEC needs EDNS."""

    def without_edns(message: dns.message.Message) -> None:
        message.flags |= dns.flags.AD
        message.use_edns(False)

    assert not read(RECORD, change=without_edns).authenticated


def seed() -> bytes:
    message = respond(
        dns.message.from_wire(QUERY.wire),
        "_mta-sts.x.example. 400 IN CNAME t.example.",
        't.example. 300 IN TXT "v=STSv1; id=1"',
        authority=(SOA,),
    )
    message.use_edns(options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "no keys")])
    return message.to_wire()


@pytest.mark.threat("dns-garbage")
@given(
    st.lists(st.tuples(st.integers(2, len(seed()) - 1), st.integers(0, 255)), max_size=6),
    st.sampled_from([0, 0, 0, 1, 7, 40]),
    st.sampled_from([b"", b"", b"\x00", b"\xc0\x0c"]),
)
def test_whatever_comes_is_a_response_or_none(
    changes: list[tuple[int, int]], cut_off: int, appended: bytes
) -> None:
    wire = bytearray(seed())
    for position, value in changes:
        wire[position] = value
    try:
        response = read_response(bytes(wire[: len(wire) - cut_off]) + appended, QUERY)
        alias = response.alias(QUERY.name)
        rrset = response.rrset(QUERY.name if alias is None else alias[0], TXT)
    except (NoResponseError, UnreadableError):
        return
    assert response.describe_rcode().isprintable()
    assert 0 <= rrset.ttl < 2**31
