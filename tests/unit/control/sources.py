"""The parts of a daemon as an administrator sees them, in the small world of knowledge."""

from pathlib import Path
from typing import cast

from mtasts_resolver.answers.service import LookupService
from mtasts_resolver.base.recent import RecentTrouble
from mtasts_resolver.control.answering import InForce
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.daemon.assembly import assemble
from mtasts_resolver.daemon.parts import watch
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.knowledge.dnssec import DnssecProbe
from mtasts_resolver.store.sqlite import SqliteStore
from mtasts_resolver.worker.supervisor import Supervisor
from tests.unit.knowledge.world import World


def sources_of(world: World, validating: DnsClient | None = None) -> Sources:
    """Return what there is to see; DANE is off unless there is a validating resolver.

    It is put together as the daemon is, with what the world has in its place.
    """
    config, clock = world.config, world.clock
    answering = assemble(
        Path("/nonexistent"),
        [],
        Supervisor(config, clock, world.counters),
        clock=clock,
        counters=world.counters,
        in_force=InForce(config, None, clock.wall()),
        trouble=RecentTrouble(),
    )
    sources = watch(answering)
    discoverer = world.discoverer(validating)
    dnssec = DnssecProbe(discoverer, "trust" if validating else "off", clock, world.events)
    sources.events = world.events
    sources.store = cast("SqliteStore", world.store)
    sources.sts = world.sts
    sources.dnssec = dnssec
    sources.dane = world.dane(discoverer, dnssec)
    sources.overrides = world.overrides
    sources.service = LookupService(
        world.sts,
        sources.dane,
        sources.overrides,
        clock=clock,
        config=config,
        counters=world.counters,
        events=world.events,
    )
    return sources
