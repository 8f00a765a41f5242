"""What the running daemon is made of, and how it is put together."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from mtasts_resolver.answers.answerlog import AnswerLog
from mtasts_resolver.answers.changes import AnswerHistory
from mtasts_resolver.answers.observing import ObservedAnswers
from mtasts_resolver.answers.overridechanges import OverrideHistory
from mtasts_resolver.answers.overrides import Overrides
from mtasts_resolver.answers.service import LookupService, RepliesRevoked
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.recent import RecentTrouble
from mtasts_resolver.config import Config
from mtasts_resolver.control.daylong import DayLong, count_answers, count_discoveries
from mtasts_resolver.control.sources import InForce, Sources
from mtasts_resolver.knowledge.dane import DaneKnowledge
from mtasts_resolver.knowledge.dnssec import DnssecProbe
from mtasts_resolver.knowledge.historian import Historian
from mtasts_resolver.knowledge.journal import Journal
from mtasts_resolver.knowledge.learning import Means
from mtasts_resolver.knowledge.statistics import DiscoveryStatistics
from mtasts_resolver.knowledge.sts import StsKnowledge
from mtasts_resolver.knowledge.weakened import WeakenedDomains
from mtasts_resolver.server.accept import Server
from mtasts_resolver.server.listeners import Listener
from mtasts_resolver.store.history import History, history_path
from mtasts_resolver.store.overridefile import OverrideFile
from mtasts_resolver.store.sqlite import SqliteStore
from mtasts_resolver.worker.lag import Lag
from mtasts_resolver.worker.supervisor import Supervisor

# Seconds between two looks at whether the event loop is late, for the metrics. To look more often
# would cost an idle host more than it tells.
LAG_INTERVAL = 1.0


@dataclass(slots=True)
class Parts(Sources):
    """All parts, each of which knows only those that it asks."""

    journal: Journal
    answer_history: AnswerHistory
    override_history: OverrideHistory
    observed: ObservedAnswers

    def reconfigure(self, config: Config) -> None:
        """Hand on what a reload can change."""
        parts = (self.discoverer, self.sts, self.dane, self.historian, self.overrides, self.service)
        for part in parts:
            part.reconfigure(config)
        self.answer_history.note_again()
        self.log_answers(config)

    def log_answers(self, config: Config) -> None:
        """Log from now on what the configuration says of answers."""
        self.answer_log.logged = config.log.answers
        self.server.note_answers(self.answer_log.note if config.log.answers == "all" else None)

    def background(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return what works for ever, by the names of the tasks."""
        return {
            "discoverer": self.discoverer.run,
            "policy refresher": self.sts.run,
            "DANE refresher": self.dane.run,
            "DNSSEC probe": self.dnssec.run,
            "lag": self.lag.watch,
            "counts of the day": self.day.run,
            "weakened domains": self.weakened.run,
            "history of overrides": self.override_history.run,
            "overrides": self.overrides.run,
        }

    def flush_logs(self, *, at_once: bool = False) -> None:
        """Tell what was left out of the log lately, of which there was too much."""
        self.journal.flush(at_once=at_once)
        self.observed.flush(at_once=at_once)

    async def close(self) -> None:
        """End what asks before what is asked."""
        await self.sts.close()
        await self.dane.close()
        self.flush_logs(at_once=True)
        self.answer_log.close()
        await self.discoverer.close()
        await self.history.close()
        await self.store.close()


def assemble(
    store_path: Path,
    listeners: list[Listener],
    discoverer: Supervisor,
    *,
    clock: Clock,
    counters: Counters,
    in_force: InForce,
    trouble: RecentTrouble,
) -> Parts:
    """Make the parts; none of them does anything yet."""
    config = in_force.config
    events = Events()
    store = SqliteStore(store_path, clock=clock, events=events)
    history = History(history_path(store_path), clock=clock, events=events)
    means = Means(clock, random.SystemRandom(), config, counters, events)
    sts = StsKnowledge(discoverer, store, means)
    dnssec = DnssecProbe(discoverer, config.dns.dnssec, clock, events)
    dane = DaneKnowledge(discoverer, dnssec, means)
    overrides = Overrides(OverrideFile(store_path), config, clock, events)
    service = LookupService(
        sts, dane, overrides, clock=clock, config=config, counters=counters, events=events
    )
    answer_history = AnswerHistory(events, history, clock, service.peek)
    override_history = OverrideHistory(events, history, clock, overrides)
    server = Server(service.answer, listeners, clock=clock.monotonic)
    discoveries = DiscoveryStatistics(events)
    day = DayLong(
        clock,
        {
            "lookups": lambda: count_answers(service.tallies),
            "discoveries": lambda: count_discoveries(discoveries),
        },
    )
    journal = Journal(events, clock)  # after those that must not miss an event
    historian = Historian(events, history, clock, config)  # so that it warns after what it is of
    events.listen(RepliesRevoked, lambda _: server.forget_replies())
    parts = Parts(
        clock=clock,
        started_at=clock.wall(),
        in_force=in_force,
        events=events,
        trouble=trouble,
        counters=counters,
        store=store,
        history=history,
        historian=historian,
        weakened=WeakenedDomains(events, history, clock),
        answer_history=answer_history,
        override_history=override_history,
        discoverer=discoverer,
        sts=sts,
        dnssec=dnssec,
        dane=dane,
        discoveries=discoveries,
        overrides=overrides,
        service=service,
        server=server,
        day=day,
        answer_log=AnswerLog(clock, events),
        lag=Lag(LAG_INTERVAL),
        journal=journal,
        observed=ObservedAnswers(events, clock),
    )
    parts.log_answers(config)
    return parts
