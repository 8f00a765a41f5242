"""Questions to the DNS, and what became of them."""

import asyncio
import copy
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import dns.exception
import dns.name
from dns.rdatatype import RdataType

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.base.quoting import printable
from mtasts_resolver.config import NameServer
from mtasts_resolver.discovery.dns.answer import MAX_NEGATIVE_TTL, Chain, DnsAnswer, DnsStatus
from mtasts_resolver.discovery.dns.conduct import Conduct
from mtasts_resolver.discovery.dns.exchange import exchange
from mtasts_resolver.discovery.dns.memory import DnsQuestion, SharedAnswers
from mtasts_resolver.discovery.dns.message import Response, absolute_name
from mtasts_resolver.discovery.dns.servers import RESOLV_CONF, FixedServers, ResolvConf
from mtasts_resolver.discovery.errors import (
    DiscoveryError,
    DnsAnswerError,
    DnsConfigError,
    DnsError,
    DnsServerError,
    DnsTimeoutError,
    ShortageError,
)
from mtasts_resolver.discovery.race import race

NEXT_SERVER_AFTER = 1.0  # seconds of silence until the next server is asked, too
HAD_TIME = 0.9  # the part of it after which a server has not answered in time: timers may be early
WITNESS_TIMEOUT = 2.0  # seconds: a top-level domain's SOA record is in the cache, or near
WITNESS_COUNTS = (
    10.0  # seconds that its answer counts: broken domains cost one question in that time
)


class Servers(Protocol):
    """Where the name servers come from."""

    def current(self) -> tuple[NameServer, ...]:
        """Return the servers to ask now, at least one; raise DnsConfigError."""

    @property
    def trust_ad(self) -> bool:
        """Whether the administrator vouches for them and the way to them, as far as is known."""


class DnsClient:
    """Asks name servers, all of them, and keeps nothing unless it is told to.

    `servers` are IP addresses with or without a port (ValueError otherwise); none: those of
    resolv.conf. `timeout` is the time for one question in seconds, CNAMEs and all servers
    included: after a part of it a silent server gets company, and may still answer.
    """

    def __init__(
        self,
        servers: Sequence[NameServer] = (),
        *,
        timeout: float = 5.0,
        resolv_conf: Path = RESOLV_CONF,
    ) -> None:
        self._servers: Servers = FixedServers(servers) if servers else ResolvConf(resolv_conf)
        self._timeout = timeout
        self.conduct = Conduct()
        self._only_edns = False
        self._witness = _Witness()
        self._shared: SharedAnswers | None = None

    def only(self, accept: Callable[[NameServer, bool], bool], none_left: str) -> "DnsClient":
        """Return a client that asks of these servers only those that `accept` takes.

        `accept` is given `trust_ad`, too, which may change as the servers may. Where it takes none,
        questions raise DnsConfigError; the text begins with `none_left`.
        """
        servers = _AcceptedServers(self._servers, accept, none_left)
        return self._with(_servers=servers, _witness=_Witness())

    def insisting_on_edns(self, insists: bool) -> "DnsClient":
        """Return a client for which a server without EDNS has failed, since DNSSEC needs EDNS."""
        return self._with(_only_edns=insists)

    def remembering(self, monotonic: Callable[[], float] = SystemClock.monotonic) -> "DnsClient":
        """Return a client that remembers answers, and asks a question once for all who ask it."""
        return self._with(_shared=SharedAnswers(monotonic))

    def _with(self, **changes: object) -> "DnsClient":
        """Return a client with such attributes; the others are this one's own, but no answers."""
        client = copy.copy(self)
        vars(client).update({"_shared": None} | changes)
        return client

    @property
    def servers(self) -> tuple[NameServer, ...]:
        """The servers that are asked now. Raise DnsConfigError where there are none."""
        return self._servers.current()

    async def query(self, name: str, rdtype: str | RdataType) -> DnsAnswer:
        """Return what the DNS says of `name`, an A-label name, and `rdtype`.

        Absence is an answer. Raise a DnsError if there is none; the text names the question, and
        each server with what it did.
        """
        rdtype = RdataType.make(rdtype)
        deadline = asyncio.get_running_loop().time() + self._timeout
        ask = partial(self._look_up, name, rdtype, deadline)
        if self._shared is None:
            return await ask()
        try:
            question = DnsQuestion(self.servers, name, rdtype)
        except DnsConfigError:
            return await ask()  # which meets with the same, and names the question
        return await self._shared.find(question, deadline, ask)

    async def _look_up(self, name: str, rdtype: RdataType, deadline: float) -> DnsAnswer:
        """Return what the servers say now."""
        try:
            chain = Chain(name, rdtype, absolute_name(name))
        except (dns.exception.DNSException, UnicodeError):
            # The DNS cannot hold this name, so it does not exist: a prefix made it too long.
            return DnsAnswer(name, rdtype, DnsStatus.NXDOMAIN, MAX_NEGATIVE_TTL, name)
        try:
            while True:
                answer = chain.read(*await self._ask(chain.name, rdtype, deadline))
                if answer is not None:
                    return answer
        except DnsError as error:
            raise await self._failure(chain, error) from None

    async def _failure(self, chain: "Chain", error: DnsError) -> DnsError:
        """Return the error that says of the question of `chain` that it failed so."""
        failure = type(error)(f"{chain.rdtype.name} {printable(chain.question)}: {error}")
        if isinstance(error, DnsTimeoutError | DnsServerError):
            failure.outage = await self._is_outage(chain.name)
        return failure

    async def _is_outage(self, name: dns.name.Name) -> bool:
        """Tell, where a question about `name` failed, whether one that has an answer fails, too.

        It is for the SOA record of the top-level domain, whose servers hardly ever fail; those of
        the root never do.
        """
        if name == dns.name.root:
            return True
        witness, loop = self._witness, asyncio.get_running_loop()
        async with witness.lock:
            if loop.time() >= witness.until:
                top = dns.name.Name(name.labels[-2:])
                deadline = loop.time() + min(WITNESS_TIMEOUT, self._timeout)
                try:
                    await self._ask(top, RdataType.SOA, deadline)
                except DnsError as error:
                    witness.outage = not isinstance(error, DnsAnswerError)
                else:
                    witness.outage = False
                witness.until = loop.time() + WITNESS_COUNTS
            return witness.outage

    async def _ask(
        self, name: dns.name.Name, rdtype: RdataType, deadline: float
    ) -> tuple[NameServer, Response]:
        """Return the first server that has an answer, and its answer. Raise DnsError."""
        servers = self.conduct.by_preference(self._servers.current(), only_edns=self._only_edns)
        loop = asyncio.get_running_loop()
        delay = min(NEXT_SERVER_AFTER, self._timeout / (len(servers) + 1))
        waiting: dict[NameServer, float] = {}

        async def ask(server: NameServer) -> tuple[NameServer, Response]:
            waiting[server] = loop.time()
            try:
                return server, await exchange(
                    server, name, rdtype, deadline, self.conduct, only_edns=self._only_edns
                )
            except (DiscoveryError, ShortageError):
                del waiting[server]
                raise

        failures: list[DiscoveryError] = []
        answered = await race([partial(ask, server) for server in servers], delay, failures)
        if answered is None:
            raise _all_failed(failures)
        self.conduct.answered(answered[0])
        if len(waiting) > 1:
            for server, since in waiting.items():
                if server != answered[0] and loop.time() - since >= HAD_TIME * delay:
                    self.conduct.missed(server)
        return answered


def _all_failed(failures: Sequence[DiscoveryError]) -> DnsError:
    """Return the error that stands for those of all servers."""
    what = "; ".join(map(str, failures))
    for kind in (DnsAnswerError, DnsServerError):
        if any(isinstance(failure, kind) for failure in failures):
            return kind(what)
    return DnsTimeoutError(what)


class _Witness:
    """Whether the name servers answered a question that has an answer, and until when that counts.

    One for all that failed at about the same time: they wait for it.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.outage = False
        self.until = 0.0


class _AcceptedServers:
    """Those of `servers` that `accept` takes."""

    def __init__(
        self, servers: Servers, accept: Callable[[NameServer, bool], bool], none_left: str
    ) -> None:
        self._servers = servers
        self._accept = accept
        self._none_left = none_left
        self._judged: tuple[tuple[NameServer, ...], bool] | None = None
        self._accepted: tuple[NameServer, ...] = ()

    def current(self) -> tuple[NameServer, ...]:
        judged = servers, trust_ad = self._servers.current(), self._servers.trust_ad
        if judged != self._judged:  # each question asks
            self._judged = judged
            self._accepted = tuple(server for server in servers if self._accept(server, trust_ad))
        if not self._accepted:
            raise DnsConfigError(f"{self._none_left}: {', '.join(map(str, servers))}")
        return self._accepted

    @property
    def trust_ad(self) -> bool:
        return self._servers.trust_ad
