"""Looking at hosts, address by address."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from ipaddress import ip_address
from typing import NamedTuple

import msgspec

from mtasts_resolver.base.together import together
from mtasts_resolver.config import IPNetwork
from mtasts_resolver.discovery.addresses import is_allowed
from mtasts_resolver.discovery.dns.answer import DnsAnswer, DnsStatus
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import DnsError
from mtasts_resolver.discovery.mailhost.visit import MailHostVisit
from mtasts_resolver.discovery.policyhost.lookup import by_turns
from mtasts_resolver.discovery.policyhost.proxy import Proxy
from mtasts_resolver.discovery.policyhost.visit import PolicyHostVisit
from mtasts_resolver.discovery.tls.authorities import TrustStore
from mtasts_resolver.discovery.visit import VisitError
from mtasts_resolver.policy import is_hostname
from mtasts_resolver.published.observed import SeenAddress, SeenFailure, SeenHost
from mtasts_resolver.published.seen import alias_of, failure_of, name_of, tls_of
from mtasts_resolver.published.sharedvisits import MailHostSeen, SharedVisits

# Visits at once. Each is a connection that mostly waits; more would look like a scan to whoever
# runs the hosts, and like an attack to a firewall in between.
MAX_AT_ONCE = 8
# Addresses that are visited of one host, by turns of IPv6 and IPv4. Large providers have four of
# each for an MX host, all alike; policy hosts are often at a CDN, whose addresses are one service.
MAX_ADDRESSES = 4

Visit = Callable[[str, str], Awaitable[SeenAddress]]
"""Looks at a host and an address of it. Raises VisitError, and ShortageError."""


class VisitLimits(NamedTuple):
    """Until when, and where to."""

    deadline: float
    """By the event loop's clock."""
    allow_networks: Sequence[IPNetwork]


class HostVisits:
    """The visits to the policy host, or to the MX hosts, of one observation."""

    def __init__(self, dns: DnsClient, limits: VisitLimits, tell: Callable[[str], None]) -> None:
        self._dns = dns
        self._limits = limits
        self._tell = tell
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self.chains: defaultdict[str, list[tuple[bytes, ...]]] = defaultdict(list)
        """Of each MX host the certificates that its addresses showed, as DER."""

    async def host(self, name: str, visit: Visit | None, preference: int | None = None) -> SeenHost:
        """Return what was seen of a host; with `visit`, at each of its addresses."""
        seen = SeenHost(name=name_of(name), preference=preference)
        if not is_hostname(name):
            why = SeenFailure("host-name-invalid", f"{seen.name} is no host name")
            return msgspec.structs.replace(seen, failure=why)
        looked_up = await _look_up(self._dns, name)
        kept = looked_up.addresses[:MAX_ADDRESSES]
        return msgspec.structs.replace(
            seen,
            addresses=await together(*(self._address(name, each, visit) for each in kept)),
            more_addresses=len(looked_up.addresses) - len(kept),
            failure=looked_up.failure,
            alias_of=looked_up.alias_of,
        )

    async def through_proxy(self, name: str, visit: Visit) -> SeenHost:
        """Return what was seen of a host that a proxy leads to; it looks up the address itself."""
        seen = await self.host(name, None)
        if all(each.failure for each in seen.addresses):
            return seen
        address = await self._visit(name, "", visit)
        return msgspec.structs.replace(
            seen, addresses=(address,), more_addresses=0, through_proxy=True
        )

    async def _address(self, name: str, address: str, visit: Visit | None) -> SeenAddress:
        if not is_allowed(ip_address(address), self._limits.allow_networks):
            why = "it is not globally routable, and not in https.allow_networks"
            return SeenAddress(address=address, failure=SeenFailure("address-forbidden", why))
        if visit is None:
            return SeenAddress(address=address)
        return await self._visit(name, address, visit)

    async def _visit(self, name: str, address: str, visit: Visit) -> SeenAddress:
        try:
            async with asyncio.timeout_at(self._limits.deadline), self._slots:
                self._tell(f"{name} at {address}" if address else f"{name} through the proxy")
                return await visit(name, address)
        except VisitError as error:
            failure = failure_of(error)
        except TimeoutError:
            why = "the time for the whole domain ran out before it was seen"
            failure = SeenFailure("observation-timeout", why)
        return SeenAddress(address=address, failure=failure)

    # -- what a visit is -------------------------------------------------------------------------

    def of_policy_host(
        self, trust: TrustStore, timeout: float, proxy: Proxy | None, port: int
    ) -> Visit:
        """Return how an address of the policy host is looked at."""

        async def visit(name: str, address: str) -> SeenAddress:
            visited = PolicyHostVisit(name, address, trust, timeout=timeout, proxy=proxy, port=port)
            shown = None if proxy is not None else await visited.look()
            seen = SeenAddress(address=address)
            if shown is None or shown.rejection is None:
                seen = await _fetch(visited, seen)
                shown = shown or visited.shown
            tls = None if shown is None else await asyncio.to_thread(tls_of, shown)
            return msgspec.structs.replace(seen, tls=tls)

        return visit

    def of_mail_host(
        self, trust: TrustStore, ehlo: str | None, port: int, shared: SharedVisits | None
    ) -> Visit:
        """Return how an address of an MX host is looked at; once, where the visits are shared."""

        async def visit(name: str, address: str) -> SeenAddress:
            look = partial(_look_at_mail_host, MailHostVisit(name, address, ehlo, port), trust)
            seen = await (look() if shared is None else shared.visit(name, address, look))
            if seen.chain is not None:
                self.chains[name].append(seen.chain)
            return msgspec.structs.replace(seen.address, address=address)

        return visit


async def _look_at_mail_host(visited: MailHostVisit, trust: TrustStore) -> MailHostSeen:
    failure, tls, certificates = None, None, None
    try:
        shown = await visited.look(trust)
    except VisitError as error:
        failure = failure_of(error)
    else:
        if shown is not None:
            certificates = shown.chain
            tls = await asyncio.to_thread(tls_of, shown)
    seen = SeenAddress(
        address="",
        failure=failure,
        greeting=visited.greeting,
        starttls=visited.starttls,
        tls=tls,
    )
    return MailHostSeen(seen, certificates)


async def _fetch(visited: PolicyHostVisit, seen: SeenAddress) -> SeenAddress:
    try:
        answered = await visited.fetch()
    except VisitError as error:
        return msgspec.structs.replace(seen, failure=failure_of(error))
    return msgspec.structs.replace(
        seen,
        status=answered.status,
        headers=answered.headers,
        document=answered.document,
        failure=None if answered.failure is None else failure_of(answered.failure),
    )


class _LookedUp(NamedTuple):
    """The addresses of a host, IPv6 and IPv4 by turns."""

    addresses: list[str]
    alias_of: str | None
    failure: SeenFailure | None


async def _look_up(dns: DnsClient, name: str) -> _LookedUp:
    families: list[list[str]] = []
    alias, failure, absent = None, None, False
    for answer in await together(_ask(dns, name, "AAAA"), _ask(dns, name, "A")):
        if isinstance(answer, DnsError):
            failure = failure_of(answer)
            continue
        families.append([record.to_text() for record in answer.records])
        alias = alias or alias_of(answer.question, answer.canonical_name)
        absent = absent or answer.status is DnsStatus.NXDOMAIN
    addresses = by_turns(*families)
    if not addresses and failure is None:
        why = f"{name} {'does not exist' if absent else 'has no address'}"
        failure = SeenFailure("host-without-address", why)
    return _LookedUp(addresses, alias, failure)


async def _ask(dns: DnsClient, name: str, rdtype: str) -> DnsAnswer | DnsError:
    try:
        return await dns.query(name, rdtype)
    except DnsError as error:
        return error.with_traceback(None)
