"""Questions to the DNS, and what became of them."""

import asyncio
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
from dns.rdatatype import CNAME, RdataType

from mtasts_resolver.discovery.errors import (
    DiscoveryError,
    DnsConfigError,
    DnsError,
    DnsServerError,
    DnsTimeoutError,
)
from mtasts_resolver.discovery.exchange import exchange
from mtasts_resolver.discovery.message import Response, absolute_name
from mtasts_resolver.discovery.race import race
from mtasts_resolver.discovery.servers import RESOLV_CONF, FixedServers, ResolvConf
from mtasts_resolver.discovery.text import printable
from mtasts_resolver.endpoints import NameServer

MIN_TTL = 60.0  # seconds: a record published with TTL 0 must not cost a question per mail
MAX_TTL = 86_400.0  # seconds: a day, for the longer one is trusted the later a change is seen
MAX_NEGATIVE_TTL = 10_800.0  # seconds: RFC 2308 §5 found one to three hours to work well
MAX_CNAMES = 12  # links of a chain; resolvers give up at 8 to 16
NEXT_SERVER_AFTER = 1.0  # seconds of silence until the next server is asked, too


class Status(StrEnum):
    """What the DNS says of a name and a type."""

    FOUND = "found"
    NODATA = "no data"
    NXDOMAIN = "no such name"


class Answer(NamedTuple):
    """The answer to one question, at the end of its CNAME chain."""

    question: str
    """The name asked for."""
    rdtype: RdataType
    status: Status
    ttl: float
    """Seconds: the shortest of all that was involved, within the bounds of this module."""
    canonical_name: str
    """The name at the end of the CNAME chain, without a trailing dot."""
    records: tuple[dns.rdata.Rdata, ...] = ()
    """The records of the type asked for."""
    malformed: int = 0
    """How many TLSA records could not be read; with these alone, FOUND has no records."""
    authenticated: bool = False
    """The servers say that DNSSEC proved it (AD); whether they are to be believed is not known."""
    servers: tuple[NameServer, ...] = ()
    """Who answered: one server for each message that the chain took."""


class Servers(Protocol):
    """Where the name servers come from."""

    def current(self) -> tuple[NameServer, ...]:
        """Return the servers to ask now, at least one; raise DnsConfigError."""


class DnsClient:
    """Asks name servers, all of them, and keeps nothing.

    `servers` are IP addresses with or without a port (ValueError otherwise); none: those of
    resolv.conf. `timeout` is the time for one question in seconds, CNAMEs and all servers
    included: after a part of it a silent server gets company, and may still answer.
    """

    def __init__(
        self, servers: Sequence[str] = (), *, timeout: float = 5.0, resolv_conf: Path = RESOLV_CONF
    ) -> None:
        self._servers: Servers = FixedServers(servers) if servers else ResolvConf(resolv_conf)
        self._timeout = timeout

    def only(self, accept: Callable[[NameServer], bool], none_left: str) -> "DnsClient":
        """Return a client that asks of these servers only those that `accept` takes.

        Its questions raise DnsConfigError where that leaves none; the text begins with `none_left`.
        """
        client = copy.copy(self)
        servers = _AcceptedServers(self._servers, accept, none_left)
        client._servers = servers  # noqa: SLF001  its own class
        return client

    @property
    def servers(self) -> tuple[NameServer, ...]:
        """The servers that are asked now. Raise DnsConfigError where there are none."""
        return self._servers.current()

    async def query(self, name: str, rdtype: str | RdataType) -> Answer:
        """Return what the DNS says of `name`, an A-label name, and `rdtype`.

        Absence is an answer. Raise DnsTimeoutError, DnsServerError or DnsConfigError if there is
        none; the text names the question, and each server with what it did.
        """
        rdtype = RdataType.make(rdtype)
        try:
            chain = _Chain(name, rdtype, absolute_name(name))
        except (dns.exception.DNSException, UnicodeError):
            # The DNS cannot hold this name, so it does not exist: a prefix made it too long.
            return Answer(name, rdtype, Status.NXDOMAIN, MAX_NEGATIVE_TTL, name)
        deadline = asyncio.get_running_loop().time() + self._timeout
        try:
            while True:
                answer = chain.read(*await self._ask(chain.name, rdtype, deadline))
                if answer is not None:
                    return answer
        except DnsError as error:
            raise type(error)(f"{rdtype.name} {printable(name)}: {error}") from None

    async def _ask(
        self, name: dns.name.Name, rdtype: RdataType, deadline: float
    ) -> tuple[NameServer, Response]:
        """Return the first server that has an answer, and its answer."""
        servers = self._servers.current()

        async def ask(server: NameServer) -> tuple[NameServer, Response]:
            return server, await exchange(server, name, rdtype, deadline)

        failures: list[DiscoveryError] = []
        delay = min(NEXT_SERVER_AFTER, self._timeout / (len(servers) + 1))
        answered = await race([partial(ask, server) for server in servers], delay, failures)
        if answered is not None:
            return answered
        what = "; ".join(map(str, failures))
        if all(isinstance(failure, DnsTimeoutError) for failure in failures):
            raise DnsTimeoutError(what)
        raise DnsServerError(what)


class _AcceptedServers:
    """Those of `servers` that `accept` takes."""

    def __init__(
        self, servers: Servers, accept: Callable[[NameServer], bool], none_left: str
    ) -> None:
        self._servers = servers
        self._accept = accept
        self._none_left = none_left

    def current(self) -> tuple[NameServer, ...]:
        servers = self._servers.current()
        accepted = tuple(server for server in servers if self._accept(server))
        if not accepted:
            raise DnsConfigError(f"{self._none_left}: {', '.join(map(str, servers))}")
        return accepted


@dataclass(slots=True)
class _Chain:
    """A question that is followed along its CNAMEs (RFC 8461 §3.1).

    It takes several messages where the servers return a CNAME alone.
    """

    question: str
    rdtype: RdataType
    name: dns.name.Name
    ttl: float = MAX_TTL
    authenticated: bool = True
    links: int = 0
    servers: tuple[NameServer, ...] = ()

    def read(self, server: NameServer, response: Response) -> Answer | None:
        """Return the answer that `response` completes, or None where `name` is to be asked next."""
        self.servers += (server,)
        self.authenticated = self.authenticated and response.authenticated
        asked = self.name
        while self.rdtype != CNAME and (alias := _records(response, self.name, CNAME)):
            self._follow(*alias[0])
        if response.rcode == dns.rcode.NXDOMAIN:
            # RFC 6604 §3: the code is about the last name of the chain.
            return self._absent(Status.NXDOMAIN, response.soa_ttl)
        records = _records(response, self.name, self.rdtype)
        if records or response.malformed:
            return self._found(records, response.malformed)
        if self.name != asked and response.soa_ttl is None:
            return None
        return self._absent(Status.NODATA, response.soa_ttl)

    def _follow(self, alias: dns.rdata.Rdata, ttl: int) -> None:
        self.links += 1
        if self.links > MAX_CNAMES:
            raise DnsServerError(f"a chain of more than {MAX_CNAMES} CNAMEs, or a loop")
        self.name = alias.target  # type: ignore[attr-defined]
        self.ttl = min(self.ttl, ttl)

    def _found(self, records: list[tuple[dns.rdata.Rdata, int]], malformed: int) -> Answer:
        ttl = min([self.ttl, *(ttl for _, ttl in records)] if records else [MIN_TTL])
        return Answer(
            self.question,
            self.rdtype,
            Status.FOUND,
            max(ttl, MIN_TTL),
            self._canonical_name(),
            tuple(rdata for rdata, _ in records),
            malformed,
            self.authenticated,
            self.servers,
        )

    def _absent(self, status: Status, soa_ttl: int | None) -> Answer:
        # RFC 2308 §5: an absence without SOA must not be kept, so it gets the shortest life.
        ttl = min(self.ttl, soa_ttl or MIN_TTL, MAX_NEGATIVE_TTL)
        return Answer(
            self.question,
            self.rdtype,
            status,
            max(ttl, MIN_TTL),
            self._canonical_name(),
            authenticated=self.authenticated,
            servers=self.servers,
        )

    def _canonical_name(self) -> str:
        if not self.links:
            return self.question
        return self.name.to_text(omit_final_dot=True).lower()


def _records(
    response: Response, name: dns.name.Name, rdtype: RdataType
) -> list[tuple[dns.rdata.Rdata, int]]:
    """Return the records of `name` in the answer section, each with its TTL."""
    return [
        (answer.rdata, answer.ttl)
        for answer in response.answers
        if answer.rdtype == rdtype and answer.name == name
    ]
