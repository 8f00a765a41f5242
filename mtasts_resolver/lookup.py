"""From a look-up to the reply that Postfix gets: key, finding, verdict, reply."""

from collections.abc import Awaitable

from mtasts_resolver.config import Config, MapOptions
from mtasts_resolver.counters import Counters
from mtasts_resolver.policy import Dane, StsFinding, decide, policy_domain
from mtasts_resolver.protocol import Request
from mtasts_resolver.reply import NOT_FOUND, Reply, Status, render
from mtasts_resolver.resolver import OverloadedError, Resolver

OVERLOADED = Reply(Status.TEMP, "overloaded: too many new domains are being looked up, try again")


class LookupService:
    """Answers look-ups, as the configuration of the map that was asked demands."""

    def __init__(self, resolver: Resolver, config: Config, counters: Counters) -> None:
        self._resolver = resolver
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
        finding = self._resolver.lookup(domain)
        if finding is None:
            return self._answer_later(domain, options)
        self._counters.answered_at_once += 1
        return self._reply(finding, options)

    async def _answer_later(self, domain: str, options: MapOptions) -> Reply:
        try:
            finding = await self._resolver.resolve(domain)
        except OverloadedError:
            return OVERLOADED
        return self._reply(finding, options)

    def _reply(self, finding: StsFinding, options: MapOptions) -> Reply:
        return reply_for(finding, options, self._config)


def reply_for(finding: StsFinding, options: MapOptions, config: Config) -> Reply:
    """Return the reply of a map with `options` to what was found."""
    verdict = decide(
        Dane.OFF,
        finding,
        enforce_testing=options.testing == "enforce",
        defer_on_dns_failure=config.on_dns_failure == "defer",
    )
    return render(verdict, sni=options.sni)
