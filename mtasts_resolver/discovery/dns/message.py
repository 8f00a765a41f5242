"""DNS messages, as far as they matter here: one question, and what a response says of it.

dnspython reads the records. Its `dns.message` is not used, for it makes objects of all that a
message holds: that takes several times as long as sending and receiving. Here a record is read
when it is asked for, and most never are: whoever publishes a thousand in vain costs little.
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
from dns.rdatatype import CNAME, NS, OPT, SOA, TLSA, TXT, RdataType

from mtasts_resolver.base.quoting import printable

EDNS_PAYLOAD = 1232  # bytes that arrive everywhere without fragments: DNS flag day 2020

# Of one answer. The longest that anybody has a reason for are a hundred addresses, or TLSA records
# with a few whole certificates. Were there no bounds, strangers would choose how long we compute.
MAX_BYTES = 16_384
MAX_RECORDS = 128
MAX_STRINGS = 256  # of TXT records together; a long one has a string for each 255 bytes

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
_AA = int(dns.flags.AA)
_KIND = _QR | 0x7800  # and the opcode, which is 0 in what answers a query

# With these codes a server may leave out the question.
_FAILURES = frozenset({dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED})


class NoResponseError(Exception):
    """These bytes are no response to the query; it may still come."""


class UnreadableError(Exception):
    """This is the response, but it is malformed, or beyond all bounds; the text says which."""


MALFORMED = "sent a malformed answer"
TOO_LONG = f"answered with more than {MAX_BYTES:,} bytes"


class Query(NamedTuple):
    """A question, and the message that asks it."""

    name: dns.name.Name
    rdtype: RdataType
    wire: bytes
    edns: bool = True

    @property
    def question(self) -> bytes:
        """The question section; what comes behind it is EDNS's."""
        return self.wire[_HEADER.size : -len(_EDNS) if self.edns else None]


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

    def has_name(self, labels: Sequence[bytes]) -> bool:
        """Tell whether these are the name's labels; they are in small letters, the last is empty.

        Only what decides it is read. A malformed name is no name's equal.
        """
        try:
            return self._has_name(labels)
        except IndexError:
            return False

    def _has_name(self, labels: Sequence[bytes]) -> bool:
        wire, at = self.wire, self.at
        before = at  # RFC 1035 §4.1.4: a pointer leads to what came before
        for label in labels:
            while (length := wire[at]) >= _POINTER:
                target = (length - _POINTER) << 8 | wire[at + 1]
                if target >= before:
                    return False
                at = before = target
            at += 1
            if length != len(label) or wire[at : at + length].lower() != label:
                return False
            at += length
        return True

    def target(self) -> dns.name.Name:
        """Return the name that the data of a CNAME record is. Raise DNSException."""
        target, length = dns.name.from_wire(self.wire, self.start)
        if length != self.length:
            raise dns.exception.FormError
        return target

    def strings(self) -> int:
        """Return how many strings the data of a TXT record is."""
        count, at, end = 0, self.start, self.start + self.length
        while at < end:
            at += 1 + self.wire[at]
            count += 1
        return count

    def rdata(self) -> dns.rdata.Rdata:
        """Return the data. Raise DNSException or ValueError where it is malformed."""
        rdtype = RdataType.make(self.rdtype)
        return dns.rdata.from_wire(IN, rdtype, self.wire, self.start, self.length)


class Rrset(NamedTuple):
    """The records of one name and type."""

    records: tuple[dns.rdata.Rdata, ...]
    ttl: int
    """The shortest of them; of no record the longest there is."""
    malformed: int = 0
    """How many TLSA records could not be read."""


@dataclass(slots=True)
class Response:
    """What a response says of the question."""

    query: Query
    flags: int
    rcode: dns.rcode.Rcode
    answers: list[Record] = field(default_factory=list)
    """The records of the type asked for, and CNAMEs, of whatever names."""
    soa_ttl: int | None = None
    """Seconds for which an absence may be kept (RFC 2308 §5); None where there is no SOA."""
    delegates: bool = False
    """Whether the authority section names the servers of a zone."""
    edns: bool = False
    """Whether there is an OPT record, as in every response of a server that does EDNS."""
    options: tuple[dns.edns.Option, ...] = ()

    def alias(self, name: dns.name.Name) -> tuple[dns.name.Name, int] | None:
        """Return the name that `name` is an alias of, and the TTL. Raise UnreadableError."""
        record = next(self._of(name, CNAME), None)
        try:
            return None if record is None else (record.target(), _ttl(record))
        except dns.exception.DNSException:
            raise UnreadableError(MALFORMED) from None

    def rrset(self, name: dns.name.Name, rdtype: RdataType) -> Rrset:
        """Return the records of `name`. Raise UnreadableError.

        A malformed one spoils them all: RFC 8461 §3.1 counts TXT records, and one that cannot be
        read must not go unseen. Not so with TLSA: RFC 7671 §4.3 calls a record with a digest of
        the wrong length unusable, and the others count.
        """
        records, ttl, malformed, strings = [], _MAX_TTL, 0, 0
        for record in self._of(name, rdtype):
            if rdtype == TXT and (strings := strings + record.strings()) > MAX_STRINGS:
                raise UnreadableError(f"answered with more than {MAX_STRINGS} strings")
            try:
                records.append(record.rdata())
            except (dns.exception.DNSException, ValueError):
                if rdtype != TLSA:
                    raise UnreadableError(MALFORMED) from None
                malformed += 1
            else:
                ttl = min(ttl, _ttl(record))
        return Rrset(tuple(records), ttl, malformed)

    def _of(self, name: dns.name.Name, rdtype: RdataType) -> Iterator[Record]:
        labels: list[bytes] = []
        for record in self.answers:
            if record.rdtype != rdtype:
                continue
            if not (name is self.query.name and record.has_name_of_question()):
                labels = labels or [label.lower() for label in name.labels]
                if not record.has_name(labels):
                    continue
            yield record

    @property
    def truncated(self) -> bool:
        return bool(self.flags & _TC)

    @property
    def authenticated(self) -> bool:
        """Whether DNSSEC proved it, by the word of a server that does EDNS, which DNSSEC needs."""
        return self.edns and bool(self.flags & _AD)

    @property
    def authoritative(self) -> bool:
        return bool(self.flags & _AA)

    @property
    def is_referral(self) -> bool:
        """Tell whether others are named to be asked; it is no absence (RFC 2308 §2.2)."""
        return (
            self.delegates
            and not self.answers
            and self.soa_ttl is None
            and self.rcode == dns.rcode.NOERROR
            and not self.authoritative
        )

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


def make_query(name: dns.name.Name, rdtype: RdataType, *, edns: bool = True) -> Query:
    """Return a query with an id that cannot be guessed (RFC 5452 §9.2)."""
    header = _HEADER.pack(secrets.token_bytes(_ID_BYTES), _QUERY_FLAGS, 1, 0, 0, int(edns))
    wire = header + name.to_digestable() + _QUESTION.pack(rdtype, IN) + _EDNS * edns
    return Query(name, rdtype, wire, edns)


def read_response(wire: bytes, query: Query) -> Response:
    """Return the response to `query`. A truncated one has flags only.

    Raise NoResponseError where it is no response to it, UnreadableError where it is no use.
    """
    try:
        response, at, counts = _read_head(wire, query)
    except struct.error:
        raise NoResponseError from None
    if response.truncated:
        return response
    if len(wire) > MAX_BYTES:
        raise UnreadableError(TOO_LONG)
    if sum(counts) > MAX_RECORDS:
        raise UnreadableError(f"answered with more than {MAX_RECORDS} records")
    try:
        _read_sections(response, _records(wire, at, sum(counts)), counts)
    except (dns.exception.DNSException, ValueError, IndexError, struct.error):
        raise UnreadableError(MALFORMED) from None
    return response


def _read_head(wire: bytes, query: Query) -> tuple[Response, int, list[int]]:
    """Return the response, where its records begin, and how many are in each section."""
    sent_id, flags, questions, *counts = _HEADER.unpack_from(wire)
    if sent_id != query.wire[:_ID_BYTES] or flags & _KIND != _QR:
        raise NoResponseError
    response = Response(query, flags, dns.rcode.from_flags(flags, 0))
    at = _HEADER.size
    if questions or response.rcode not in _FAILURES:
        question = query.question
        at += len(question)
        if questions != 1 or not _is_same(wire[_HEADER.size : at], question):
            raise NoResponseError
    return response, at, counts


def _is_same(found: bytes, question: bytes) -> bool:
    """Tell whether two questions are the same; case does not matter in names (RFC 1035 §2.3.3).

    No length of a label is the code of a letter, and `question` is in small letters.
    """
    return found[: -_QUESTION.size].lower() + found[-_QUESTION.size :] == question


def _read_sections(response: Response, records: Iterator[Record], counts: Sequence[int]) -> None:
    answers, authority, _ = counts
    wanted = (response.query.rdtype, CNAME)
    for record in islice(records, answers):
        if record.rdtype in wanted and record.rdclass == IN:
            response.answers.append(record)
    for record in islice(records, authority):
        if record.rdtype == SOA and record.rdclass == IN:
            _read_soa(response, record)
        elif record.rdtype == NS:
            response.delegates = True
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
        raise UnreadableError(MALFORMED)


def _end_of_name(wire: bytes, at: int) -> int:
    """Return where the name that begins at `at` ends; what it says is not looked at."""
    while 0 < (length := wire[at]) <= _MAX_LABEL:
        at += 1 + length
    if length == 0:
        return at + 1
    if length < _POINTER:
        raise UnreadableError(MALFORMED)
    return at + 2


def _read_soa(response: Response, record: Record) -> None:
    if record.length < _SOA_BYTES:
        raise UnreadableError(MALFORMED)
    end = record.start + record.length
    (minimum,) = _SOA_MINIMUM.unpack_from(record.wire, end - _SOA_MINIMUM.size)
    response.soa_ttl = min(_ttl(record), minimum)


def _read_opt(response: Response, record: Record) -> None:
    """Complete the response code (RFC 6891 §6.1.3), and read the options if there are any."""
    response.edns = True
    response.rcode = dns.rcode.from_flags(response.flags, record.ttl)
    if record.length:
        opt = record.rdata()
        if isinstance(opt, dns.rdtypes.ANY.OPT.OPT):
            response.options = opt.options


def _ttl(record: Record) -> int:
    return record.ttl if record.ttl <= _MAX_TTL else 0
