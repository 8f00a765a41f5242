"""From a look-up to the reply that Postfix gets: key, finding, verdict, reply."""

import asyncio
from collections.abc import Awaitable

from mtasts_resolver.config import Config, MapOptions
from mtasts_resolver.counters import Counters
from mtasts_resolver.danekeeper import DaneKeeper
from mtasts_resolver.discoveries import OverloadedError
from mtasts_resolver.policy import Dane, DaneFinding, StsFinding, decide, policy_domain
from mtasts_resolver.protocol import Request
from mtasts_resolver.reply import NOT_FOUND, Reply, Status, render
from mtasts_resolver.resolver import Resolver

NOT_ASKED = DaneFinding(Dane.OFF, "the map is configured with dane: false")
OVERLOADED = Reply(Status.TEMP, "overloaded: too many new domains are being looked up, try again")


class LookupService:
    """Answers look-ups, as the configuration of the map that was asked demands."""

    def __init__(
        self, resolver: Resolver, dane: DaneKeeper, config: Config, counters: Counters
    ) -> None:
        self._resolver = resolver
        self._dane = dane
        self._config = config
        self._counters = counters

    def reconfigure(self, config: Config) -> None:
        self._config = config

    def answer(self, request: Request) -> Reply | Awaitable[Reply]:
        """Return the reply at once where memory holds what it takes, else an awaitable of it."""
        self._counters.lookups += 1
        domain = policy_domain(request.key)
        if domain is None:  # RFC 8461 §3.4: no policy can apply to this key
            self._counters.answered_at_once += 1
            return NOT_FOUND
        # tcp_table has no map names; the configuration says which one it stands for.
        options = self._config.map_options(request.map_name or self._config.tcp_table_map)
        sts = self._resolver.lookup(domain)
        dane = self._dane.lookup(domain) if options.dane else NOT_ASKED
        if sts is None or dane is None:
            return self._answer_later(domain, options)
        self._counters.answered_at_once += 1
        return reply_for(domain, sts, dane, options, self._config)

    async def _answer_later(self, domain: str, options: MapOptions) -> Reply:
        """Find out what is missing, DANE and MTA-STS side by side."""
        try:
            sts, dane = await asyncio.gather(self._sts(domain), self._dane_if(domain, options))
        except OverloadedError:
            self._counters.overloaded += 1
            return OVERLOADED
        return reply_for(domain, sts, dane, options, self._config)

    async def _sts(self, domain: str) -> StsFinding:
        return self._resolver.lookup(domain) or await self._resolver.resolve(domain)

    async def _dane_if(self, domain: str, options: MapOptions) -> DaneFinding:
        if not options.dane:
            return NOT_ASKED
        return self._dane.lookup(domain) or await self._dane.resolve(domain)


def reply_for(
    domain: str, sts: StsFinding, dane: DaneFinding, options: MapOptions, config: Config
) -> Reply:
    """Return the reply of a map with `options` to what was found about `domain`."""
    verdict = decide(
        dane,
        sts,
        enforce_testing=options.testing == "enforce",
        defer_on_dns_failure=config.on_dns_failure == "defer",
    )
    return render(verdict, domain, sni=options.sni, tlsrpt=options.tlsrpt)
