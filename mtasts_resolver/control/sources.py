"""The parts of the running daemon, as far as an administrator may see or steer them."""

from dataclasses import dataclass
from pathlib import Path

from mtasts_resolver.answers.answerlog import AnswerLog
from mtasts_resolver.answers.overrides import Overrides
from mtasts_resolver.answers.service import LookupService
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.recent import RecentTrouble
from mtasts_resolver.config import Config
from mtasts_resolver.control.daylong import DayLong
from mtasts_resolver.knowledge.dane import DaneKnowledge
from mtasts_resolver.knowledge.dnssec import DnssecProbe
from mtasts_resolver.knowledge.historian import Historian
from mtasts_resolver.knowledge.statistics import DiscoveryStatistics
from mtasts_resolver.knowledge.sts import StsKnowledge
from mtasts_resolver.knowledge.weakened import WeakenedDomains
from mtasts_resolver.server.accept import Server
from mtasts_resolver.store.history import History
from mtasts_resolver.store.sqlite import SqliteStore
from mtasts_resolver.worker.lag import Lag
from mtasts_resolver.worker.supervisor import Supervisor


@dataclass(slots=True)
class InForce:
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


@dataclass(slots=True)
class Sources:
    """What there is to see and to steer."""

    clock: Clock
    started_at: float
    """By the wall clock."""
    in_force: InForce
    events: Events
    trouble: RecentTrouble
    counters: Counters
    store: SqliteStore
    history: History
    historian: Historian
    weakened: WeakenedDomains
    discoverer: Supervisor
    sts: StsKnowledge
    dnssec: DnssecProbe
    dane: DaneKnowledge
    discoveries: DiscoveryStatistics
    overrides: Overrides
    service: LookupService
    server: Server
    day: DayLong
    answer_log: AnswerLog
    lag: Lag
    """Of the event loop that answers."""
