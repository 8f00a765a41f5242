"""Finding out whether the hosts of a next hop can be verified with DANE (RFC 7672)."""

import asyncio

from dns.rdatatype import RdataType

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.discovery.dns.answer import DnsAnswer, DnsStatus
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import DnsError
from mtasts_resolver.discovery.findings import FoundDane
from mtasts_resolver.discovery.mx import mx_hosts, why_no_mail
from mtasts_resolver.discovery.services import Services
from mtasts_resolver.discovery.tlsa import judge_records
from mtasts_resolver.discovery.trace import Trace
from mtasts_resolver.policy import Dane, DaneFinding, MxHost, NextHop, Outcome, judge_hosts

# Postfix tries five addresses of a domain (smtp_mx_address_limit); a domain with more than twenty
# MX hosts is a way to have us ask for others' sake.
MAX_MX_HOSTS = 20
MAX_HOSTS_AT_ONCE = 5  # each takes a few questions; a domain must not use up the name servers
# A finding lives as long as the shortest TTL involved (RFC 7672 §2.1.1), but no longer than this,
# within which a host's new TLSA records count.
MAX_LIFETIME = 3_600.0
# What failed is asked again soon: mail waits for it.
FAILURE_LIFETIME = 60.0


async def discover_dane(
    dns: DnsClient, hop: NextHop, trace: Trace | None = None, services: Services | None = None
) -> FoundDane:
    """Return what is known of DANE at the MX hosts of `hop`, or at the host that it names itself.

    `dns` asks validating resolvers that are trusted, and those alone: what they authenticated (AD)
    is believed. A failed look-up is part of the finding; nothing is raised.
    """
    return await _Discovery(dns, hop, trace or Trace(kept=False)).run(services or Services())


class _Discovery:
    """One discovery, and the shortest TTL that it has met."""

    def __init__(self, dns: DnsClient, hop: NextHop, trace: Trace) -> None:
        self._dns = dns
        self._domain = hop.domain
        self._is_host = hop.is_host
        self._port = hop.port
        self._trace = trace
        self._lifetime = MAX_LIFETIME
        self._slots = asyncio.Semaphore(MAX_HOSTS_AT_ONCE)

    async def run(self, services: Services) -> FoundDane:
        try:
            self._port = await services.port_of(self._port)
        except OSError as error:
            late = isinstance(error, TimeoutError)
            why = "could not be looked up in time" if late else "is not in services(5)"
            reason = f"the TCP service {self._port} {why}: write the port's number"
            code = "service-timeout" if late else "service-unknown"
            return FoundDane(DaneFinding(Dane.UNKNOWN, reason, code=code), FAILURE_LIFETIME)
        # RFC 7672 §2.2.2: what is not subject to MX resolution is the host itself.
        hosts = [self._domain] if self._is_host else await self._mx_hosts()
        if isinstance(hosts, DaneFinding):
            return FoundDane(hosts, self._lifetime)
        found = await asyncio.gather(*map(self._host, hosts))
        return FoundDane(judge_hosts(found), self._lifetime)

    async def _ask(self, name: str, rdtype: RdataType) -> DnsAnswer:
        """Ask, and remember the TTL, of a failure too. Raise DnsError."""
        try:
            answer = await self._dns.query(name, rdtype)
        except DnsError:
            self._lifetime = min(self._lifetime, FAILURE_LIFETIME)
            raise
        self._lifetime = min(self._lifetime, answer.lifetime)
        return answer

    # -- MX --------------------------------------------------------------------------------------

    async def _mx_hosts(self) -> list[str] | DaneFinding:
        """Return the MX hosts, most preferred first, or the finding where they do not matter."""
        hosts: list[str] = []
        finding: DaneFinding | None
        with self._trace.step(f"MX {self._domain} (DANE)") as step:
            try:
                answer = await self._ask(self._domain, RdataType.MX)
            except DnsError as error:
                finding = DaneFinding(Dane.UNKNOWN, str(error), code=error.code)
            else:
                finding = self._without_hosts(answer)
                hosts = mx_hosts(answer)[:MAX_MX_HOSTS]
            step.details = tuple(map(printable, hosts))
            step.outcome = "authenticated by DNSSEC"
            if finding is not None:
                step.ok = finding.status is not Dane.UNKNOWN
                step.absent = finding.status is Dane.NONE
                step.outcome = finding.reason
        return hosts if finding is None else finding

    def _without_hosts(self, answer: DnsAnswer) -> DaneFinding | None:
        """Return the finding for an answer that names no host that DANE could be about."""
        if not answer.authenticated:
            # RFC 7672 §2.2.1: with insecure MX records DANE is only a MAY. They could be forged,
            # and would bring their own TLSA records.
            return DaneFinding(Dane.NONE, "the MX records are not authenticated by DNSSEC")
        reason = why_no_mail(answer)
        return None if reason is None else DaneFinding(Dane.NONE, reason)

    # -- one host --------------------------------------------------------------------------------

    async def _host(self, name: str) -> MxHost:
        async with self._slots:
            with self._trace.step(f"DANE {printable(name)}") as step:
                try:
                    host = await self._look_into(name)
                except DnsError as error:
                    host = MxHost(name, Outcome.FAILED, str(error), error.code)
                step.ok = host.outcome not in (Outcome.FAILED, Outcome.UNFOUND)
                step.absent = host.outcome in (Outcome.ABSENT, Outcome.UNREACHABLE)
                step.outcome = host.outcome.value
                step.details = (host.detail,) if host.detail else ()
        return host

    async def _look_into(self, name: str) -> MxHost:
        """Return what is known of the host `name`. Raise DnsError."""
        try:
            address = await self._address(name)
        except DnsError as error:
            return MxHost(name, Outcome.UNFOUND, str(error), error.code)
        if address is None:
            return MxHost(name, Outcome.UNREACHABLE)
        bases = await self._base_domains(name, address)
        if not bases:
            return MxHost(name, Outcome.ABSENT, "its address is not authenticated by DNSSEC")
        unsigned = ""
        for base in bases:
            tlsa = f"_{self._port}._tcp.{base}"
            answer = await self._ask(tlsa, RdataType.TLSA)
            if answer.status is not DnsStatus.FOUND:
                continue
            if not answer.authenticated:  # RFC 7672 §2.1.1: as though there were none
                unsigned = f"TLSA {tlsa} is not authenticated by DNSSEC"
                continue
            usable, records = await judge_records(answer.records)
            outcome = Outcome.USABLE if usable else Outcome.UNUSABLE
            return MxHost(name, outcome, f"TLSA {tlsa}: {records or 'malformed'}", tlsa=tlsa)
        return MxHost(name, Outcome.ABSENT, unsigned)

    async def _address(self, name: str) -> DnsAnswer | None:
        """Return the answer that holds addresses; raise DnsError where none does and one failed.

        Where there are both, A will do: what matters is whether it is authenticated, and AAAA is
        data of the same name in the same zone.
        """
        failure: DnsError | None = None
        for rdtype in (RdataType.A, RdataType.AAAA):
            try:
                answer = await self._ask(name, rdtype)
            except DnsError as error:
                failure = error
            else:
                if answer.status is DnsStatus.FOUND:
                    return answer
        if failure is not None:
            raise failure
        return None

    async def _base_domains(self, name: str, address: DnsAnswer) -> list[str]:
        """Return the TLSA base domains to try, in order (RFC 7672 §2.2.3); none: DANE is no matter.

        TLSA records are asked for only where the address is authenticated (RFC 7672 §2.2.2). Of an
        alias that is the name at the end of its CNAMEs, then its own; where only the alias itself
        is authenticated, its own.
        """
        target = address.canonical_name
        if address.authenticated:
            return [name] if target == name else [target, name]
        if target == name:
            return []
        alias = await self._ask(name, RdataType.CNAME)
        return [name] if alias.authenticated and alias.status is DnsStatus.FOUND else []
