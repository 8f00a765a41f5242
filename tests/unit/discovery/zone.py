"""DNS answers from a table, for what must be decided from them."""

from dataclasses import dataclass
from typing import Any, Self

import dns.rdata
from dns.rdatatype import RdataType

from mtasts_resolver.discovery.dns.answer import DnsAnswer, DnsStatus
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import DnsError, DnsServerError

TTL = 600.0


@dataclass
class Rrset:
    """What the DNS has for one name and type."""

    records: tuple[str, ...] = ()
    secure: bool = True
    status: DnsStatus = DnsStatus.FOUND
    target: str = ""
    ttl: float = TTL
    malformed: int = 0


FAILED = DnsServerError("SERVFAIL from 127.0.0.1")


class Zone(DnsClient):
    """Answers from a table; what does not stand there does not exist, provably."""

    def __init__(self, *, secure_absence: bool = True) -> None:
        self.table: dict[tuple[str, str], Rrset | DnsError] = {}
        self.asked: list[tuple[str, str]] = []
        self._secure_absence = secure_absence

    def add(self, name: str, rdtype: str, *records: str, **properties: Any) -> Self:
        self.table[name, rdtype] = Rrset(records, **properties)
        return self

    def fail(self, name: str, rdtype: str) -> Self:
        self.table[name, rdtype] = FAILED
        return self

    def host(self, name: str, *tlsa: str, secure: bool = True, port: int = 25) -> Self:
        """Give `name` an address, and TLSA records."""
        self.add(name, "A", "192.0.2.1", secure=secure)
        if tlsa:
            self.add(f"_{port}._tcp.{name}", "TLSA", *tlsa, secure=secure)
        return self

    async def query(self, name: str, rdtype: str | RdataType) -> DnsAnswer:
        kind = RdataType.make(rdtype)
        self.asked.append((name, kind.name))
        found = self.table.get((name, kind.name))
        if found is None:
            found = Rrset(status=DnsStatus.NXDOMAIN, secure=self._secure_absence)
        if isinstance(found, DnsError):
            raise found
        return DnsAnswer(
            name,
            kind,
            found.status,
            found.ttl,
            found.target or name,
            tuple(dns.rdata.from_text("IN", kind.name, text) for text in found.records),
            malformed=found.malformed,
            authenticated=found.secure,
        )
