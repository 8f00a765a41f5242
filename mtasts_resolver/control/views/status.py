"""How the daemon is."""

import os

from mtasts_resolver import __version__
from mtasts_resolver.answers.tallies import UNKNOWN_MAP
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.status import (
    AnswerCount,
    ConfigurationStatus,
    DaemonStatus,
    DaneStatus,
    DiscovererStatus,
    Listening,
    Lookups,
    PolicyCounts,
    StoreStatus,
    TroubleLine,
    WayInStatus,
)
from mtasts_resolver.control.views.failing import earliest_expiry
from mtasts_resolver.control.views.history import view_weakened
from mtasts_resolver.control.views.overrides import count_overrides
from mtasts_resolver.control.views.owndomains import view_own_domains
from mtasts_resolver.control.views.readiness import view_trouble
from mtasts_resolver.control.views.times import timestamp
from mtasts_resolver.policy import Dane, Mode

WEAKENED = 10  # domains that are named; the history has all


async def view_status(sources: Sources) -> DaemonStatus:
    """Return how the daemon is; where many policies fail that takes a number of turns."""
    return DaemonStatus(
        version=__version__,
        pid=os.getpid(),
        started=timestamp(sources.started_at),
        now=timestamp(sources.clock.wall()),
        listening=tuple(
            Listening(protocol=listener.protocol, address=listener.name)
            for listener in sources.server.listeners
        ),
        ways_in=tuple(
            WayInStatus(name=way_in.name, address=way_in.address, trouble=way_in.trouble or None)
            for way_in in sources.ways_in
        ),
        lookups=_lookups(sources),
        policies=await _policies(sources),
        dane=_dane(sources),
        store=StoreStatus(
            url=f"sqlite://{sources.store.path}",
            trouble=sources.store.trouble,
            pending=sources.store.pending,
            history_trouble=sources.history.trouble,
            history_pending=sources.history.pending,
        ),
        discoverer=_discoverer(sources),
        configuration=_configuration(sources),
        weakened_domains=len(sources.weakened),
        weakened=view_weakened(sources, WEAKENED),
        trouble=view_trouble(sources),
        observing=sources.in_force.observing(),
        overrides=await count_overrides(sources),
        own_domains=view_own_domains(sources).domains,
        warnings=sources.trouble.warnings,
        errors=sources.trouble.errors,
        recent=tuple(
            TroubleLine(
                time=timestamp(line.at), level=line.level, event=line.event, fields=line.fields
            )
            for line in reversed(sources.trouble.lines)
        ),
    )


def _lookups(sources: Sources) -> Lookups:
    server, counters = sources.server.counters, sources.counters
    tallies = sources.service.tallies
    return Lookups(
        total=tallies.total(),
        answers=tuple(
            AnswerCount(
                map=tally.map_name, answer=tally.answer, would_be=tally.would_be, count=tally.count
            )
            for tally in sorted(tallies, key=lambda tally: -tally.count)
        ),
        waited=counters.waited,
        overloaded=counters.overloaded,
        timed_out=counters.lookup_timeouts,
        unknown_map=tallies.total(UNKNOWN_MAP),
        bad_requests=server.bad_requests,
        connections=server.connections_open,
    )


async def _policies(sources: Sources) -> PolicyCounts:
    cache = sources.sts.cache
    soonest = await earliest_expiry(sources)
    return PolicyCounts(
        enforce=cache.counts[Mode.ENFORCE],
        testing=cache.counts[Mode.TESTING],
        none=cache.counts[Mode.NONE],
        absent=len(cache) - cache.precious,
        failing=sources.sts.failing_refresh,
        expires_soonest=None if soonest is None else timestamp(soonest),
        memory_bytes=cache.bytes + sources.dane.cache.bytes,
    )


def _dane(sources: Sources) -> DaneStatus:
    cache = sources.dane.cache
    states = {True: "validated", False: "not-validated", None: "unknown"}
    off = sources.in_force.config.dns.dnssec == "off"
    return DaneStatus(
        dnssec="off" if off else states[sources.dnssec.validates],
        why=sources.dnssec.state,
        required=cache.counts[Dane.REQUIRED.value],
        partial=cache.counts[Dane.PARTIAL.value],
        unknown=cache.counts[Dane.UNKNOWN.value],
        none=len(cache) - cache.precious,
    )


def _discoverer(sources: Sources) -> DiscovererStatus:
    counters = sources.counters
    return DiscovererStatus(
        pid=sources.discoverer.pid,
        restarts=counters.discoverer_ends,
        discoveries=counters.discoveries,
        dane_discoveries=counters.dane_discoveries,
        dns_failures=counters.dns_failures,
        fetches=counters.fetches,
        fetch_failures=counters.fetch_failures,
    )


def _configuration(sources: Sources) -> ConfigurationStatus:
    in_force = sources.in_force
    return ConfigurationStatus(
        file=None if in_force.file is None else str(in_force.file),
        loaded=timestamp(in_force.loaded_at),
        faulty=in_force.faulty,
        restart_needed=in_force.restart,
    )
