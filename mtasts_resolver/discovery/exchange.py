"""One question to one name server: UDP, then TCP if the answer was truncated (RFC 7766 §5)."""

import asyncio
import math
import socket
import struct
from contextlib import suppress

import dns.name
import dns.rcode
from dns.rdatatype import RdataType

from mtasts_resolver.discovery.errors import DnsServerError, DnsTimeoutError
from mtasts_resolver.discovery.message import (
    NoResponseError,
    Query,
    Response,
    make_query,
    read_response,
)
from mtasts_resolver.discovery.shortage import shortage
from mtasts_resolver.discovery.text import os_reason
from mtasts_resolver.endpoints import NameServer

RESEND_AFTER = (1.0, 2.0)  # seconds of silence until a datagram that may be lost is sent again
MAX_STRAYS = 32  # datagrams that are no answer: more are not noise but a broken or hostile server
_MAX_DATAGRAM = 65_535
_LENGTH = struct.Struct("!H")  # RFC 1035 §4.2.2

_NO_ANSWER = "sent what is no answer to the question"

_TELLING = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)


async def exchange(
    server: NameServer, name: dns.name.Name, rdtype: RdataType, deadline: float
) -> Response:
    """Return what `server` says of `name` and `rdtype`: NOERROR or NXDOMAIN.

    `deadline` is of the event loop's clock. Raise DnsTimeoutError or DnsServerError, whose text
    says what this server did, or ShortageError.
    """
    query = make_query(name, rdtype)
    try:
        response = await _over_udp(server, query, deadline)
        if response.truncated:
            async with asyncio.timeout_at(deadline):
                response = await _over_tcp(server, query)
    except TimeoutError:
        raise DnsTimeoutError(f"{server} did not answer in time") from None
    except EOFError:
        raise DnsServerError(f"{server} closed the connection") from None
    except OSError as error:
        raise (
            shortage(error, server.host) or DnsServerError(f"{server}: {os_reason(error)}")
        ) from None
    except NoResponseError:
        raise DnsServerError(f"{server} {_NO_ANSWER}") from None
    if response.rcode not in _TELLING:
        raise DnsServerError(f"{server} says {response.describe_rcode()}")
    return response


async def _over_udp(server: NameServer, query: Query, deadline: float) -> Response:
    """Return the response. Raise TimeoutError, or NoResponseError where there were only others.

    The socket is connected, so that the kernel drops what comes from elsewhere, and has a random
    port of its own (RFC 5452 §9.2). What does not match is ignored: it may be forged.
    """
    loop = asyncio.get_running_loop()
    strays = 0
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.setblocking(False)
        udp.connect((server.host, server.port))
        for patience in (*RESEND_AFTER, math.inf):
            udp.send(query.wire)
            until = min(loop.time() + patience, deadline)
            while (data := await _receive(loop, udp, until)) is not None:
                try:
                    return read_response(data, query)
                except NoResponseError:
                    strays += 1
                    if strays >= MAX_STRAYS:
                        raise
            if until >= deadline:
                break
    raise NoResponseError if strays else TimeoutError


async def _receive(
    loop: asyncio.AbstractEventLoop, udp: socket.socket, until: float
) -> bytes | None:
    """Return the next datagram, or None where there is none by `until`.

    One that came in time counts, however late the event loop is: the socket is looked into last.
    """
    ready = loop.create_future()
    timer = loop.call_at(until, _wake, ready)
    loop.add_reader(udp, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(udp)
        timer.cancel()
    with suppress(BlockingIOError):
        return udp.recv(_MAX_DATAGRAM)
    return None


def _wake(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_result(None)


async def _over_tcp(server: NameServer, query: Query) -> Response:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        writer.write(_LENGTH.pack(len(query.wire)) + query.wire)
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        response = read_response(await reader.readexactly(length), query)
    finally:
        writer.close()
    if response.truncated:
        raise NoResponseError
    return response
