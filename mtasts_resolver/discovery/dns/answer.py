"""An answer of the DNS, and how it is read from responses along a chain of CNAMEs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import dns.name
import dns.rcode
import dns.rdata
from dns.rdatatype import CNAME, RdataType

from mtasts_resolver.config import NameServer
from mtasts_resolver.discovery.dns.message import Response, Rrset, UnreadableError
from mtasts_resolver.discovery.errors import DnsAnswerError

MIN_TTL = 60.0  # seconds: a record published with TTL 0 must not cost a question per mail
MAX_TTL = 86_400.0  # seconds: a day, for the longer one is trusted the later a change is seen
MAX_NEGATIVE_TTL = 10_800.0  # seconds: RFC 2308 §5 found one to three hours to work well
MAX_CNAMES = 12  # links of a chain; resolvers give up at 8 to 16


class DnsStatus(StrEnum):
    """What the DNS says of a name and a type."""

    FOUND = "found"
    NODATA = "no data"
    NXDOMAIN = "no such name"


class DnsAnswer(NamedTuple):
    """The answer to one question, at the end of its CNAME chain."""

    question: str
    """The name asked for."""
    rdtype: RdataType
    status: DnsStatus
    ttl: float
    """Seconds: the shortest of all that was involved, no longer than this module allows.

    Of an absence without SOA, which must not be kept (RFC 2308 §5), and of malformed records: 0.
    """
    canonical_name: str
    """The name at the end of the CNAME chain, without a trailing dot."""
    records: tuple[dns.rdata.Rdata, ...] = ()
    """The records of the type asked for."""
    malformed: int = 0
    """How many TLSA records could not be read; with these alone, FOUND has no records."""
    authenticated: bool = False
    """The servers say that DNSSEC proved it (AD); whether they are to be believed is not known."""
    authoritative: bool = False
    """The last server has it from a zone of its own (AA), and so may not have validated it."""
    servers: tuple[NameServer, ...] = ()
    """Who answered: one server for each message that the chain took."""

    @property
    def lifetime(self) -> float:
        """For how many seconds what follows from it is believed."""
        return max(self.ttl, MIN_TTL)


@dataclass(slots=True)
class Chain:
    """A question that is followed along its CNAMEs (RFC 8461 §3.1).

    It takes several messages where the servers return a CNAME alone.
    """

    question: str
    rdtype: RdataType
    name: dns.name.Name
    ttl: float = MAX_TTL
    authenticated: bool = True
    authoritative: bool = False
    links: int = 0
    servers: tuple[NameServer, ...] = ()

    def read(self, server: NameServer, response: Response) -> DnsAnswer | None:
        """Return the answer that `response` completes, or None where `name` is to be asked next."""
        self.servers += (server,)
        self.authenticated = self.authenticated and response.authenticated
        self.authoritative = response.authoritative
        asked = self.name
        try:
            while self.rdtype != CNAME and (alias := response.alias(self.name)):
                self._follow(*alias)
            if response.rcode == dns.rcode.NXDOMAIN:
                # RFC 6604 §3: the code is about the last name of the chain.
                return self._absent(DnsStatus.NXDOMAIN, response.soa_ttl)
            rrset = response.rrset(self.name, self.rdtype)
        except UnreadableError as error:
            raise DnsAnswerError(f"{server} {error}") from None
        if rrset.records or rrset.malformed:
            return self._found(rrset)
        if self.name != asked and response.soa_ttl is None:
            return None
        return self._absent(DnsStatus.NODATA, response.soa_ttl)

    def _follow(self, target: dns.name.Name, ttl: int) -> None:
        self.links += 1
        if self.links > MAX_CNAMES:
            raise DnsAnswerError(f"a chain of more than {MAX_CNAMES} CNAMEs, or a loop")
        self.name = target
        self.ttl = min(self.ttl, ttl)

    def _found(self, rrset: Rrset) -> DnsAnswer:
        ttl = min(self.ttl, rrset.ttl) if rrset.records else 0.0
        return self._answer(DnsStatus.FOUND, ttl, rrset.records, rrset.malformed)

    def _absent(self, status: DnsStatus, soa_ttl: int | None) -> DnsAnswer:
        return self._answer(status, min(self.ttl, soa_ttl or 0.0, MAX_NEGATIVE_TTL))

    def _answer(
        self,
        status: DnsStatus,
        ttl: float,
        records: tuple[dns.rdata.Rdata, ...] = (),
        malformed: int = 0,
    ) -> DnsAnswer:
        return DnsAnswer(
            self.question,
            self.rdtype,
            status,
            ttl,
            self._canonical_name(),
            records,
            malformed,
            self.authenticated,
            self.authoritative,
            self.servers,
        )

    def _canonical_name(self) -> str:
        if not self.links:
            return self.question
        return self.name.to_text(omit_final_dot=True).lower()
