"""One question to one name server: UDP, then TCP if the answer was truncated (RFC 7766 §5)."""

import asyncio
import socket
import struct
from contextlib import suppress

import dns.edns
import dns.exception
import dns.message
import dns.rcode
from dns.rdatatype import RdataType

from mtasts_resolver.discovery.errors import DnsServerError, DnsTimeoutError
from mtasts_resolver.discovery.text import os_reason, printable
from mtasts_resolver.endpoints import NameServer

RESEND_AFTER = (1.0, 2.0)  # seconds of silence until a datagram that may be lost is sent again
MAX_STRAYS = 32  # datagrams that are no answer: more are not noise but a broken or hostile server
_MAX_DATAGRAM = 65_535
_ID_BYTES = 2
_LENGTH = struct.Struct("!H")  # RFC 1035 §4.2.2
_COUNTS = struct.Struct("!6x3H")  # RFC 1035 §4.1.1: ANCOUNT, NSCOUNT, ARCOUNT

_NO_ANSWER = "sent what is no answer to the question"

_TELLING = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)

# RFC 7671 §4.3 calls a TLSA record with a digest of the wrong length unusable, and the others
# count; dnspython fails the whole message unless it is told to continue.
_MALFORMED_TOLERATED = frozenset({RdataType.TLSA})


class _Stray(Exception):  # noqa: N818 - not an error: the right answer may still come
    """These bytes are no answer to the question."""


async def exchange(
    server: NameServer, query: dns.message.Message, deadline: float
) -> dns.message.Message:
    """Return the answer of `server`: NOERROR or NXDOMAIN, every RR in an RRset of its own.

    `deadline` is of the event loop's clock. Raise DnsTimeoutError or DnsServerError, whose text
    says what this server did.
    """
    strays: list[int] = []
    try:
        async with asyncio.timeout_at(deadline):
            response = await _over_udp(server, query, strays)
            if response is None:
                response = await _over_tcp(server, query)
    except TimeoutError:
        if strays:
            raise DnsServerError(f"{server} {_NO_ANSWER}") from None
        raise DnsTimeoutError(f"{server} did not answer in time") from None
    except EOFError:
        raise DnsServerError(f"{server} closed the connection") from None
    except OSError as error:
        raise DnsServerError(f"{server}: {os_reason(error)}") from None
    except _Stray:
        raise DnsServerError(f"{server} {_NO_ANSWER}") from None
    if response.rcode() not in _TELLING:
        raise DnsServerError(f"{server} says {_rcode_text(response)}")
    return response


async def _over_udp(
    server: NameServer, query: dns.message.Message, strays: list[int]
) -> dns.message.Message | None:
    """Return the answer, or None if it was truncated; `strays` gets the sizes of others.

    The socket is connected, so that the kernel drops what comes from elsewhere, and has a random
    port of its own (RFC 5452 §9.2). What does not match is ignored: it may be forged.
    """
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.setblocking(False)
        udp.connect((server.host, server.port))
        for patience in (*RESEND_AFTER, None):
            udp.send(query.to_wire())
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    while True:
                        data = await loop.sock_recv(udp, _MAX_DATAGRAM)
                        try:
                            return _read_message(data, query, whole=False)
                        except _Stray:
                            strays.append(len(data))
                            if len(strays) >= MAX_STRAYS:
                                raise
    raise _Stray


async def _over_tcp(server: NameServer, query: dns.message.Message) -> dns.message.Message:
    wire = query.to_wire()
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        writer.write(_LENGTH.pack(len(wire)) + wire)
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        response = _read_message(await reader.readexactly(length), query, whole=True)
    finally:
        writer.close()
    if response is None:
        raise _Stray
    return response


def _read_message(
    data: bytes, query: dns.message.Message, *, whole: bool
) -> dns.message.Message | None:
    """Return the answer to `query` that `data` is, None if it was truncated, or raise _Stray."""
    if data[:_ID_BYTES] != query.id.to_bytes(_ID_BYTES, "big"):
        raise _Stray
    try:
        response = dns.message.from_wire(
            data, one_rr_per_rrset=True, continue_on_error=True, raise_on_truncation=not whole
        )
        if not query.is_response(response):
            raise _Stray
    except dns.message.Truncated as error:
        if query.is_response(error.kwargs["message"]):
            return None
        raise _Stray from None
    except (dns.exception.DNSException, ValueError, struct.error):
        raise _Stray from None
    if response.errors and not _only_records_malformed(data, response, query):
        raise _Stray
    return response


def _only_records_malformed(
    data: bytes, response: dns.message.Message, query: dns.message.Message
) -> bool:
    """Tell whether the message is whole but for single records, of which there may be such."""
    if query.question[0].rdtype not in _MALFORMED_TOLERATED:
        return False
    read = len(response.answer) + len(response.authority) + len(response.additional)
    read += len(response.errors) + (response.opt is not None)
    return bool(read == sum(_COUNTS.unpack_from(data)))


def _rcode_text(response: dns.message.Message) -> str:
    """Return the response code's name, with the extended errors of RFC 8914 if there are any."""
    text = dns.rcode.to_text(response.rcode())
    notes = []
    for option in response.options:
        if isinstance(option, dns.edns.EDEOption):
            name = dns.edns.EDECode(option.code).name.replace("_", " ").lower()
            notes.append(f"{name}: {option.text}" if option.text else name)
    return f"{text} ({printable('; '.join(notes))})" if notes else text
