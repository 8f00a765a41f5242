"""One question to one name server: UDP, then TCP if the answer was truncated (RFC 7766 §5)."""

import asyncio
import math
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress

import dns.name
import dns.rcode
from dns.rdatatype import RdataType

from mtasts_resolver.config import NameServer
from mtasts_resolver.discovery.dns.conduct import Conduct
from mtasts_resolver.discovery.dns.message import (
    MAX_BYTES,
    TOO_LONG,
    NoResponseError,
    Query,
    Response,
    UnreadableError,
    make_query,
    read_response,
)
from mtasts_resolver.discovery.errors import DnsAnswerError, DnsServerError, DnsTimeoutError
from mtasts_resolver.discovery.oserrors import os_reason, shortage

RESEND_AFTER = (1.0, 2.0)  # seconds of silence until a datagram that may be lost is sent again
FIRST_RESEND_PART = 0.25  # of the time there is: where that is short, the first comes sooner
# Seconds that an answer to the query with EDNS may come after one to the query without. Whoever
# does both answers them at the same time: they wait for the same thing.
EDNS_GRACE = 0.5
# Datagrams that are no answer may be anybody's, and count for nothing. After so many there is a
# pause of so many seconds, for each costs some time: what comes faster than the socket's buffer
# holds is dropped by the kernel, the answer perhaps with it. A flood causes a time-out, no more.
STRAYS_AT_ONCE = 16
STRAY_PAUSE = 0.01
WITHOUT_EDNS = "does not do EDNS, so its word on DNSSEC does not count"
_MAX_DATAGRAM = 65_535
_UDP = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
_LENGTH = struct.Struct("!H")  # RFC 1035 §4.2.2

_TELLING = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
_NOT_UNDERSTOOD = (dns.rcode.FORMERR, dns.rcode.NOTIMP)


async def exchange(
    server: NameServer,
    name: dns.name.Name,
    rdtype: RdataType,
    deadline: float,
    conduct: Conduct,
    *,
    only_edns: bool,
) -> Response:
    """Return what `server` says of `name` and `rdtype`: NOERROR or NXDOMAIN.

    A server that cannot do EDNS is asked without; with `only_edns` it fails. `deadline` is of
    the event loop's clock. Raise DnsTimeoutError, DnsServerError or DnsAnswerError, whose text says
    what this server did, or ShortageError.
    """
    asking = _Asking(server, (name, rdtype), deadline, conduct)
    try:
        response = await asking.ask(only_edns=only_edns)
    except TimeoutError:
        stray = ", but something else came" if asking.strays else ""
        raise DnsTimeoutError(f"{server} did not answer in time{stray}") from None
    except EOFError:
        raise DnsServerError(f"{server} closed the connection") from None
    except OSError as error:
        raise (
            shortage(error, server.host) or DnsServerError(f"{server}: {os_reason(error)}")
        ) from None
    except NoResponseError:
        raise DnsServerError(f"{server} sent what is no answer to the question") from None
    except UnreadableError as error:
        raise DnsAnswerError(f"{server} {error}") from None
    if response.rcode not in _TELLING:
        raise DnsServerError(f"{server} says {response.describe_rcode()}")
    if response.is_referral:
        raise DnsServerError(f"{server} does not resolve, but refers to others")
    return response


class _Asking:
    """One question to one server: with EDNS or without, over UDP or TCP."""

    def __init__(
        self,
        server: NameServer,
        question: tuple[dns.name.Name, RdataType],
        deadline: float,
        conduct: Conduct,
    ) -> None:
        self._server = server
        self._question = question
        self._deadline = deadline
        self._conduct = conduct
        self.strays = 0
        """Datagrams that came and were no answer."""

    async def ask(self, *, only_edns: bool) -> Response:
        response = await self._ask_with_edns(only_edns=only_edns)
        if response is None:
            if only_edns:
                raise DnsServerError(f"{self._server} {WITHOUT_EDNS}")
            response = await self._over_udp(make_query(*self._question, edns=False))
            if response.rcode in _TELLING:
                self._conduct.did_without_edns(self._server)
        if response.truncated:
            async with asyncio.timeout_at(self._deadline):
                response = await self._over_tcp(response.query)
        if response.edns:
            self._conduct.did_edns(self._server)
        return response

    async def _ask_with_edns(self, *, only_edns: bool) -> Response | None:
        """Return the response; None where the server is to be asked without EDNS (RFC 6891 §7)."""
        if not only_edns and self._conduct.lacks_edns(self._server):
            return None
        queries = [make_query(*self._question)]
        if not only_edns and self._conduct.may_lack_edns(self._server):
            queries.append(make_query(*self._question, edns=False))
        response = await self._over_udp(*queries)
        if not response.query.edns and response.rcode in _TELLING:
            self._conduct.did_without_edns(self._server)
        # Whoever has a record of EDNS in his response can do it, unless not in the first version.
        not_understood = response.rcode in _NOT_UNDERSTOOD and not response.edns
        return None if not_understood or response.rcode == dns.rcode.BADVERS else response

    async def _over_udp(self, query: Query, fallback: Query | None = None) -> Response:
        """Return the response. Raise TimeoutError.

        The socket is connected, so that the kernel drops what comes from elsewhere, and has a
        random port of its own (RFC 5452 §9.2). After a silence `fallback` is sent as well; its
        response counts where none to `query` comes.
        """
        loop = asyncio.get_running_loop()
        host, port = self._server
        first, second = RESEND_AFTER
        first = min(first, (self._deadline - loop.time()) * FIRST_RESEND_PART)
        queries = [query]
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, _UDP) as udp:
            udp.connect((host, port))
            for patience in (first, second, math.inf):
                for each in queries:
                    udp.send(each.wire)
                until = min(loop.time() + patience, self._deadline)
                response = await self._receive(udp, queries, until)
                if response is not None:
                    if response.query is query:
                        return response
                    until = min(loop.time() + EDNS_GRACE, self._deadline)
                    return await self._receive(udp, [query], until) or response
                if until >= self._deadline:
                    break
                if fallback is not None:
                    queries = [query, fallback]
        raise TimeoutError

    async def _receive(
        self, udp: socket.socket, queries: Sequence[Query], until: float
    ) -> Response | None:
        """Return the response to one of `queries`, or None where there is none by `until`.

        One that came in time counts, however late the event loop is: the socket is looked into
        last. What matches no query is passed over: it may be forged.
        """
        loop = asyncio.get_running_loop()
        while True:
            await _readable(loop, udp, until)
            with suppress(BlockingIOError):
                while True:
                    data = udp.recv(_MAX_DATAGRAM)
                    for query in queries:
                        with suppress(NoResponseError):
                            return read_response(data, query)
                    self.strays += 1
                    if self.strays % STRAYS_AT_ONCE == 0:
                        await asyncio.sleep(STRAY_PAUSE)
                        if loop.time() >= until:
                            return None
            if loop.time() >= until:
                return None

    async def _over_tcp(self, query: Query) -> Response:
        reader, writer = await asyncio.open_connection(*self._server)
        try:
            writer.write(_LENGTH.pack(len(query.wire)) + query.wire)
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            if length > MAX_BYTES:
                raise UnreadableError(TOO_LONG)
            data = await reader.readexactly(length)
        finally:
            writer.close()
        await self._conduct.large_answers.turn()
        response = read_response(data, query)
        if response.truncated:
            raise NoResponseError
        return response


async def _readable(loop: asyncio.AbstractEventLoop, udp: socket.socket, until: float) -> None:
    """Return when there is something to receive, or it is `until`."""
    ready = loop.create_future()
    timer = loop.call_at(until, _wake, ready)
    loop.add_reader(udp, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(udp)
        timer.cancel()


def _wake(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_result(None)
