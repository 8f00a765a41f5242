"""The parts of the running daemon that answer, and the configuration that they answer by."""

from pathlib import Path

from msgspec import Struct

from mtasts_resolver.answers.answerlog import AnswerLog
from mtasts_resolver.answers.overrides import Overrides
from mtasts_resolver.answers.service import LookupService
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.recent import RecentTrouble
from mtasts_resolver.config import Config
from mtasts_resolver.knowledge.dane import DaneKnowledge
from mtasts_resolver.knowledge.dnssec import DnssecProbe
from mtasts_resolver.knowledge.sts import StsKnowledge
from mtasts_resolver.server.accept import Server
from mtasts_resolver.store.sqlite import SqliteStore
from mtasts_resolver.worker.supervisor import Supervisor


class InForce(Struct, eq=False):
    """The configuration that the daemon works by."""

    config: Config
    file: Path | None
    """Where it was read, None for the defaults."""
    loaded_at: float
    """When it came into force, by the wall clock."""
    faulty: bool = False
    """The file that should be in force is no use, and this one stays instead."""
    restart: tuple[str, ...] = ()
    """Keys that the file has changed since, and that take effect at the next start."""

    def observing(self) -> tuple[str, ...]:
        """Return the maps that only observe."""
        maps = self.config.all_maps().items()
        return tuple(name for name, options in maps if self.config.observes(options))


class AnsweringParts(Struct, kw_only=True, eq=False):
    """What it takes to answer."""

    clock: Clock
    started_at: float
    """By the wall clock."""
    in_force: InForce
    events: Events
    trouble: RecentTrouble
    counters: Counters
    store: SqliteStore
    discoverer: Supervisor
    sts: StsKnowledge
    dnssec: DnssecProbe
    dane: DaneKnowledge
    overrides: Overrides
    service: LookupService
    server: Server
    answer_log: AnswerLog

    def reconfigure(self, config: Config) -> None:
        """Hand on what a reload can change."""
        for part in (self.discoverer, self.sts, self.dane, self.overrides, self.service):
            part.reconfigure(config)
        self.log_answers(config)

    def log_answers(self, config: Config) -> None:
        """Log from now on what the configuration says of answers."""
        self.answer_log.logged = config.log.answers
        self.server.note_answers(self.answer_log.note if config.log.answers == "all" else None)

    async def close(self) -> None:
        """End what asks before what is asked."""
        await self.sts.close()
        await self.dane.close()
        self.answer_log.close()
        await self.discoverer.close()
        await self.store.close()
