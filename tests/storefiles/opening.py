"""The files in use: by the daemon's own parts, with a clock that a test turns."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from mtasts_resolver.answers.overrides import Overrides
from mtasts_resolver.answers.service import LookupService
from mtasts_resolver.base.events import Events
from mtasts_resolver.config import Config, DnsConfig
from mtasts_resolver.store.history import History
from mtasts_resolver.store.keptchecks import KeptChecks
from mtasts_resolver.store.overridefile import OverrideFile
from mtasts_resolver.store.sqlite import SqliteStore
from tests.storefiles import POLICIES, databases
from tests.unit.answers.test_service import service_for
from tests.unit.knowledge.world import World


class OpenState:
    """A daemon's directory in use: nobody is asked but what is in it, unless a test publishes."""

    def __init__(self, state: Path, *, later: float = 0.0) -> None:
        """`later` is by how many seconds the clock is ahead of the one that all was written by."""
        path = state / POLICIES
        self.world = World(Config(dns=DnsConfig(dnssec="off")))
        self.world.clock.offset += later
        clock = self.world.clock
        self.store = SqliteStore(path, clock=clock)
        self.world.store = cast("Any", self.store)
        self.world.restart()
        self.world.overrides = Overrides(
            OverrideFile(path), self.world.config, clock, self.world.events
        )
        self.history = History(databases(state)["history"], clock=clock, events=Events())
        self.checks = KeptChecks(databases(state)["own-domains"], clock=clock)

    @property
    def service(self) -> LookupService:
        return service_for(self.world)


@asynccontextmanager
async def opened(state: Path, *, later: float = 0.0) -> AsyncIterator[OpenState]:
    """Yield what is in the directory `state`, as a daemon has it open, and then close it."""
    held = OpenState(state, later=later)
    held.world.overrides.load()
    await held.store.open()
    held.history.open()
    try:
        yield held
    finally:
        await held.history.close()
        await held.store.close()
