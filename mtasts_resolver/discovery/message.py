"""DNS messages, as far as they matter here: one question, and what a response says of it.

dnspython reads the names and the records. Its `dns.message` is not used, for it makes objects of
all that a message holds: that takes several times as long as sending and receiving.
"""

import re
import secrets
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import dns.edns
import dns.exception
import dns.flags
import dns.name
import dns.rcode
import dns.rdata
import dns.rdtypes.ANY.OPT
from dns.rdataclass import IN
from dns.rdatatype import CNAME, OPT, SOA, TLSA, RdataType

from mtasts_resolver.discovery.text import printable

EDNS_PAYLOAD = 1232  # bytes that arrive everywhere without fragments: DNS flag day 2020

_ID_BYTES = 2
_HEADER = struct.Struct("!2s5H")  # RFC 1035 §4.1.1: id, flags, and the counts of four sections
_QUESTION = struct.Struct("!HH")  # RFC 1035 §4.1.2, behind the name: type and class
_RECORD = struct.Struct("!HHIH")  # RFC 1035 §4.1.3, behind the name: type, class, TTL, length
_MAX_TTL = 2**31 - 1  # RFC 2181 §8: a greater one means 0
_SOA_MINIMUM = struct.Struct("!I")  # RFC 1035 §3.3.13: the last of its fields
_SOA_BYTES = 22  # two names, of the root, and five numbers: no SOA record is shorter
_MAX_LABEL = 63  # bytes: RFC 1035 §3.1
# A name in which dnspython need not look for escapes (RFC 1035 §5.1): most of its work on it.
_ORDINARY_NAME = re.compile(r"[\w-]+(?:\.[\w-]+)*", re.ASCII)
_POINTER = 0xC0  # RFC 1035 §4.1.4: this and the next byte say where the name goes on
_NAME_OF_QUESTION = bytes([_POINTER, _HEADER.size])

# RFC 6840 §5.7, §5.8: a validating resolver sets AD in its answer where the query has AD or DO, and
# so do unbound, BIND, Knot Resolver, PowerDNS Recursor (4.0.1 and later), dnsmasq and
# systemd-resolved. DO would bring the signatures, too, which nobody here verifies: three times the
# bytes. A resolver that wants DO counts as one that does not validate: the probe asks as all do.
_QUERY_FLAGS = int(dns.flags.RD | dns.flags.AD)
_EDNS = b"\0" + _RECORD.pack(OPT, EDNS_PAYLOAD, 0, 0)  # RFC 6891 §6.1.2: version 0, no DO

# Plain numbers: what is done with enumerations takes ten times as long.
_QR, _TC, _AD = int(dns.flags.QR), int(dns.flags.TC), int(dns.flags.AD)
_KIND = _QR | 0x7800  # and the opcode, which is 0 in what answers a query

# With these codes a server may leave out the question.
_FAILURES = frozenset({dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED})


class NoResponseError(Exception):
    """These bytes are no response to the query; it may still come."""


class Query(NamedTuple):
    """A question, and the message that asks it."""

    name: dns.name.Name
    rdtype: RdataType
    wire: bytes


class Record(NamedTuple):
    """A record; its name and its data are yet to be read."""

    at: int
    rdtype: int
    rdclass: int
    ttl: int
    wire: bytes
    """The whole message, for names may point to others."""
    start: int
    length: int

    def has_name_of_question(self) -> bool:
        """Tell whether the name is a pointer to that of the question, which costs little to see.

        It may be the same name without that: written out, or as a pointer to another record's.
        """
        return self.wire.startswith(_NAME_OF_QUESTION, self.at)

    def name(self) -> dns.name.Name:
        """Return the name. Raise DNSException where it is malformed."""
        return dns.name.from_wire(self.wire, self.at)[0]

    def rdata(self) -> dns.rdata.Rdata:
        """Return the data. Raise DNSException or ValueError where it is malformed."""
        rdtype = RdataType.make(self.rdtype)
        return dns.rdata.from_wire(IN, rdtype, self.wire, self.start, self.length)


class AnswerRecord(NamedTuple):
    """A record of the answer section that was read."""

    name: dns.name.Name
    rdtype: int
    ttl: int
    rdata: dns.rdata.Rdata


@dataclass(slots=True)
class Response:
    """What a response says of the question."""

    flags: int
    rcode: dns.rcode.Rcode
    answers: list[AnswerRecord] = field(default_factory=list)
    """The records of the type asked for, and CNAMEs, of whatever names."""
    malformed: int = 0
    """How many TLSA records could not be read."""
    soa_ttl: int | None = None
    """Seconds for which an absence may be kept (RFC 2308 §5); None where there is no SOA."""
    options: tuple[dns.edns.Option, ...] = ()

    @property
    def truncated(self) -> bool:
        return bool(self.flags & _TC)

    @property
    def authenticated(self) -> bool:
        return bool(self.flags & _AD)

    def describe_rcode(self) -> str:
        """Return the response code's name, and the extended errors of RFC 8914 if there are any."""
        text = dns.rcode.to_text(self.rcode)
        notes = []
        for option in self.options:
            if isinstance(option, dns.edns.EDEOption):
                name = dns.edns.EDECode(option.code).name.replace("_", " ").lower()
                notes.append(f"{name}: {option.text}" if option.text else name)
        return f"{text} ({printable('; '.join(notes))})" if notes else text


def absolute_name(name: str) -> dns.name.Name:
    """Return a name, with or without a trailing dot, as dnspython has it.

    Raise DNSException or UnicodeError where the DNS cannot hold it.
    """
    if _ORDINARY_NAME.fullmatch(name):
        return dns.name.Name((*name.encode("ascii").split(b"."), b""))
    return dns.name.from_text(name)


def make_query(name: dns.name.Name, rdtype: RdataType) -> Query:
    """Return a query with an id that cannot be guessed (RFC 5452 §9.2)."""
    header = _HEADER.pack(secrets.token_bytes(_ID_BYTES), _QUERY_FLAGS, 1, 0, 0, 1)
    wire = header + name.to_digestable() + _QUESTION.pack(rdtype, IN) + _EDNS
    return Query(name, rdtype, wire)


def read_response(wire: bytes, query: Query) -> Response:
    """Return the response to `query`, or raise NoResponseError. A truncated one has flags only.

    A record that matters and is malformed spoils the whole: RFC 8461 §3.1 counts TXT records, and
    one that cannot be read must not go unseen. Not so with TLSA: RFC 7671 §4.3 calls a record with
    a digest of the wrong length unusable, and the others count.
    """
    try:
        return _read(wire, query)
    except (dns.exception.DNSException, ValueError, IndexError, struct.error):
        raise NoResponseError from None


def _read(wire: bytes, query: Query) -> Response:
    sent_id, flags, questions, *counts = _HEADER.unpack_from(wire)
    if sent_id != query.wire[:_ID_BYTES] or flags & _KIND != _QR:
        raise NoResponseError
    response = Response(flags, dns.rcode.from_flags(flags, 0))
    question = query.wire[_HEADER.size : -len(_EDNS)]
    at = _HEADER.size
    if questions or response.rcode not in _FAILURES:
        at += len(question)
        if questions != 1 or not _is_same(wire[_HEADER.size : at], question):
            raise NoResponseError
    if not response.truncated:
        _read_sections(response, query, _records(wire, at, sum(counts)), counts)
    return response


def _is_same(found: bytes, question: bytes) -> bool:
    """Tell whether two questions are the same; case does not matter in names (RFC 1035 §2.3.3).

    No length of a label is the code of a letter, and `question` is in small letters.
    """
    return found[: -_QUESTION.size].lower() + found[-_QUESTION.size :] == question


def _read_sections(
    response: Response, query: Query, records: Iterator[Record], counts: Sequence[int]
) -> None:
    answers, authority, _ = counts
    for record in islice(records, answers):
        if record.rdtype in (query.rdtype, CNAME) and record.rdclass == IN:
            _read_answer(response, query, record)
    for record in islice(records, authority):
        if record.rdtype == SOA and record.rdclass == IN:
            _read_soa(response, record)
    for record in records:
        if record.rdtype == OPT:
            _read_opt(response, record)


def _records(wire: bytes, at: int, count: int) -> Iterator[Record]:
    """Yield the `count` records that begin at `at`, and end where the message does."""
    for _ in range(count):
        end = _end_of_name(wire, at)
        rdtype, rdclass, ttl, length = _RECORD.unpack_from(wire, end)
        start = end + _RECORD.size
        yield Record(at, rdtype, rdclass, ttl, wire, start, length)
        at = start + length
    if at != len(wire):
        raise NoResponseError


def _end_of_name(wire: bytes, at: int) -> int:
    """Return where the name that begins at `at` ends; what it says is not looked at."""
    while 0 < (length := wire[at]) <= _MAX_LABEL:
        at += 1 + length
    if length == 0:
        return at + 1
    if length < _POINTER:
        raise NoResponseError
    return at + 2


def _read_answer(response: Response, query: Query, record: Record) -> None:
    name = query.name if record.has_name_of_question() else record.name()
    try:
        rdata = record.rdata()
    except (dns.exception.DNSException, ValueError):
        if record.rdtype != TLSA:
            raise
        response.malformed += 1
    else:
        response.answers.append(AnswerRecord(name, record.rdtype, _ttl(record), rdata))


def _read_soa(response: Response, record: Record) -> None:
    if record.length < _SOA_BYTES:
        raise NoResponseError
    end = record.start + record.length
    (minimum,) = _SOA_MINIMUM.unpack_from(record.wire, end - _SOA_MINIMUM.size)
    response.soa_ttl = min(_ttl(record), minimum)


def _read_opt(response: Response, record: Record) -> None:
    """Complete the response code (RFC 6891 §6.1.3), and read the options if there are any."""
    response.rcode = dns.rcode.from_flags(response.flags, record.ttl)
    if record.length:
        opt = record.rdata()
        if isinstance(opt, dns.rdtypes.ANY.OPT.OPT):
            response.options = opt.options


def _ttl(record: Record) -> int:
    return record.ttl if record.ttl <= _MAX_TTL else 0
