"""One look at one domain: records, policy host, MX hosts, and what DANE says of these."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import NamedTuple

from mtasts_resolver.base.together import only_first_error, together
from mtasts_resolver.config import DnssecTrust, IPNetwork
from mtasts_resolver.discovery.dane import MAX_MX_HOSTS, discover_dane
from mtasts_resolver.discovery.dns.answer import DnsStatus
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.dns.validators import probe
from mtasts_resolver.discovery.errors import DnsConfigError, DnsError
from mtasts_resolver.discovery.mailhost.naming import own_name
from mtasts_resolver.discovery.mx import mx_hosts, mx_preferences, why_no_mail
from mtasts_resolver.discovery.oserrors import INTERNET_IPV4, INTERNET_IPV6, leads_to, no_route
from mtasts_resolver.discovery.policyhost.fetch import PREFIX as POLICY_HOST_PREFIX
from mtasts_resolver.discovery.policyhost.proxy import Proxy
from mtasts_resolver.discovery.record import PREFIX as RECORD_PREFIX
from mtasts_resolver.discovery.services import Services
from mtasts_resolver.discovery.tls.authorities import TrustStore
from mtasts_resolver.discovery.tlsafit import TlsaFit, fit
from mtasts_resolver.policy import Dane, DaneFinding, MxHost, NextHop, Outcome, parse_next_hop
from mtasts_resolver.published.hosts import HostVisits, VisitLimits
from mtasts_resolver.published.observed import (
    Observed,
    SeenAddress,
    SeenDane,
    SeenFailure,
    SeenHost,
)
from mtasts_resolver.published.seen import failure_of, look_up_texts, name_of, reason_of
from mtasts_resolver.published.sharedvisits import SharedVisits

REPORTS_PREFIX = "_smtp._tls."  # RFC 8460 §3
# Why there was no connection to port 25, where something in between lets none through.
_UNCONNECTED = ("unreachable", "connect-timeout")
# Why an address was not so much as tried.
_UNTRIED = ("address-forbidden", "no-route")


class ObservationMeans(NamedTuple):
    """Whom to ask, and how."""

    dns: DnsClient
    validating: DnsClient
    """Asks those whose word on DNSSEC is believed, if they validate."""
    dnssec: DnssecTrust
    services: Services
    policy_host_trust: TrustStore
    mail_host_trust: TrustStore
    proxy: Proxy | None
    allow_networks: Sequence[IPNetwork]
    https_timeout: float
    https_port: int
    smtp_port: int
    timeout: float
    """Seconds for the whole look."""
    shared_visits: SharedVisits | None
    """What was seen of MX hosts that other domains have, too."""


class _MxRecords(NamedTuple):
    """What the MX records say."""

    hosts: tuple[tuple[str, int | None], ...] = ()
    """Their names and preferences, the most preferred first."""
    more: int = 0
    authenticated: bool = False
    failure: SeenFailure | None = None


class _Mail(NamedTuple):
    """What was seen of where mail goes."""

    mx: _MxRecords
    hosts: tuple[SeenHost, ...]
    dane: DaneFinding
    dane_hosts: tuple[SeenDane, ...]


class Observation:
    """Its time begins when it is made; `run` it once."""

    def __init__(
        self, means: ObservationMeans, hop: NextHop, *, smtp: bool, tell: Callable[[str], None]
    ) -> None:
        self._means = means
        self._hop = hop
        self._smtp = smtp
        self._tell = tell
        self._deadline = asyncio.get_running_loop().time() + means.timeout
        # What is asked twice in one look is asked once.
        self._dns = means.dns.remembering()
        self._validating = means.validating.remembering()
        # Apart, so that the policy host need not wait for MX hosts that are silent.
        limits = VisitLimits(self._deadline, means.allow_networks)
        self._policy_host_visits = HostVisits(self._dns, limits, tell)
        self._mail_host_visits = HostVisits(self._dns, limits, tell)

    async def run(self) -> Observed:
        """Return all that was seen. Raise ShortageError."""
        at = datetime.now(UTC)
        domain = self._hop.domain
        self._tell(f"DNS of {domain}")
        with only_first_error():
            async with asyncio.TaskGroup() as group:
                record = group.create_task(look_up_texts(self._dns, RECORD_PREFIX + domain))
                reports = group.create_task(look_up_texts(self._dns, REPORTS_PREFIX + domain))
                policy_host = group.create_task(self._policy_host())
                mail = group.create_task(self._mail())
        mx, hosts, dane, dane_hosts = mail.result()
        return Observed(
            domain=domain,
            at=at,
            record=record.result(),
            reports=reports.result(),
            policy_host=policy_host.result(),
            mx_hosts=hosts,
            more_mx_hosts=mx.more,
            mx_failure=mx.failure,
            mx_authenticated=mx.authenticated,
            dane=dane.status.value,
            dane_reason=dane.reason,
            dane_hosts=dane_hosts,
            smtp=self._smtp,
            smtp_blocked=_is_blocked(hosts),
            **_ways_out([policy_host.result(), *hosts]),
        )

    # -- the policy host -------------------------------------------------------------------------

    async def _policy_host(self) -> SeenHost:
        means = self._means
        visit = self._policy_host_visits.of_policy_host(
            means.policy_host_trust,
            means.https_timeout,
            means.proxy,
            means.https_port,
        )
        name = POLICY_HOST_PREFIX + self._hop.domain
        if means.proxy is None:
            return await self._policy_host_visits.host(name, visit)
        return await self._policy_host_visits.through_proxy(name, visit)

    # -- mail ------------------------------------------------------------------------------------

    async def _mail(self) -> _Mail:
        why_no_dane = await self._why_no_dane()
        mx = await self._mx_records(validated=why_no_dane is None)
        visits, visit = self._mail_host_visits, None
        if self._smtp and mx.hosts:
            visit = visits.of_mail_host(
                self._means.mail_host_trust,
                await own_name(),
                self._means.smtp_port,
                self._means.shared_visits,
            )
        with only_first_error():
            async with asyncio.TaskGroup() as group:
                dane = group.create_task(self._dane(why_no_dane, mx))
                hosts = group.create_task(
                    together(*(visits.host(name, visit, rank) for name, rank in mx.hosts))
                )
        finding = dane.result()
        dane_hosts = await together(*map(self._dane_host, finding.hosts))
        return _Mail(mx, hosts.result(), finding, dane_hosts)

    async def _mx_records(self, *, validated: bool) -> _MxRecords:
        dns = self._validating if validated else self._dns
        try:
            answer = await dns.query(self._hop.domain, "MX")
        except DnsError as error:
            return _MxRecords(failure=failure_of(error))
        authenticated = validated and answer.authenticated
        if (why := why_no_mail(answer)) is not None:
            code = "domain-unknown" if answer.status is DnsStatus.NXDOMAIN else "mx-null"
            return _MxRecords(authenticated=authenticated, failure=SeenFailure(code, why))
        names = mx_hosts(answer)
        preferences = mx_preferences(answer)
        hosts = tuple((name, preferences.get(name)) for name in names[:MAX_MX_HOSTS])
        return _MxRecords(hosts, len(names) - len(hosts), authenticated)

    # -- DANE ------------------------------------------------------------------------------------

    async def _why_no_dane(self) -> DaneFinding | None:
        """Return what is to be said of DANE where no name server's word on DNSSEC is believed."""
        if self._means.dnssec == "off":
            return DaneFinding(Dane.OFF, "dns.dnssec is off")
        try:
            probed = await probe(self._validating)
        except DnsConfigError as error:
            return DaneFinding(Dane.OFF, str(error))
        except DnsError as error:
            return DaneFinding(Dane.UNKNOWN, str(error), code=error.code)
        return None if probed.authenticated else DaneFinding(Dane.OFF, probed.why_not)

    async def _dane(self, why_none: DaneFinding | None, mx: _MxRecords) -> DaneFinding:
        if why_none is not None:
            return why_none
        try:
            async with asyncio.timeout_at(self._deadline):
                finding = await self._discover_dane(self._hop)
                if mx.hosts and not mx.authenticated:
                    # What hosts have in vain is to be seen, too.
                    finding = finding._replace(hosts=await self._dane_of_each(mx))
        except TimeoutError:
            return DaneFinding(Dane.UNKNOWN, "the time for the whole domain ran out")
        return finding

    async def _discover_dane(self, hop: NextHop) -> DaneFinding:
        services = self._means.services
        return (await discover_dane(self._validating, hop, services=services)).finding

    async def _dane_of_each(self, mx: _MxRecords) -> tuple[MxHost, ...]:
        """Return what DANE says of each host for itself."""
        hops = [parse_next_hop(f"[{name}]") for name, _ in mx.hosts]
        found = await together(*(self._discover_dane(hop) for hop in hops if hop))
        return tuple(chain.from_iterable(finding.hosts for finding in found))

    async def _dane_host(self, host: MxHost) -> SeenDane:
        fitted = await self._fit(host)
        return SeenDane(
            host=name_of(host.name),
            outcome=host.outcome.value,
            detail=reason_of(host.detail),
            fits=fitted.fits,
            misfit=fitted.why_not,
        )

    async def _fit(self, host: MxHost) -> TlsaFit:
        """Tell whether the TLSA records of `host` fit what its addresses showed."""
        chains = self._mail_host_visits.chains[host.name]
        if host.outcome is not Outcome.USABLE or not chains:
            return TlsaFit(None)
        try:
            answer = await self._validating.query(host.tlsa, "TLSA")
        except DnsError as error:
            return TlsaFit(None, str(error))
        # RFC 7672 §3.2.2: the TLSA base domain, the host as the MX record has it, the next hop.
        base = host.tlsa.split(".", 2)[2]
        names = (base, host.name, self._hop.domain)
        now = datetime.now(UTC)
        # In a thread: the library that reads certificates takes tens of milliseconds to load.
        found = [
            await asyncio.to_thread(fit, answer.records, chain, names, now)
            for chain in dict.fromkeys(chains)
        ]
        return min(found, key=lambda each: _WORST.index(each.fits))


_WORST = (False, None, True)


def _is_blocked(hosts: Sequence[SeenHost]) -> bool:
    """Tell whether there were addresses to connect to, and none accepted a connection."""
    tried = [each for each in _addresses(hosts) if _failure_code(each) not in _UNTRIED]
    return bool(tried) and all(_failure_code(each) in _UNCONNECTED for each in tried)


def _ways_out(hosts: Sequence[SeenHost]) -> dict[str, bool]:
    """Tell for each family whether this host has a way to others. Raise ShortageError: none."""
    ways = {"ipv4": leads_to(INTERNET_IPV4), "ipv6": leads_to(INTERNET_IPV6)}
    by_proxy = any(host.through_proxy for host in hosts)
    for seen in _addresses(hosts):
        if seen.address and _failure_code(seen) not in _UNTRIED:
            ways["ipv6" if ":" in seen.address else "ipv4"] = True
    if not any(ways.values()) and not by_proxy and (lacking := no_route(())) is not None:
        raise lacking
    return ways


def _addresses(hosts: Sequence[SeenHost]) -> Iterator[SeenAddress]:
    return chain.from_iterable(host.addresses for host in hosts)


def _failure_code(seen: SeenAddress) -> str:
    return "" if seen.failure is None else seen.failure.code
