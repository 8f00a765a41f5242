"""How what answers is put together: all that is imported before the first answer."""

import random
from pathlib import Path

from mtasts_resolver.answers.answerlog import AnswerLog
from mtasts_resolver.answers.overrides import Overrides
from mtasts_resolver.answers.service import LookupService, RepliesRevoked
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.recent import RecentTrouble
from mtasts_resolver.control.answering import AnsweringParts, InForce
from mtasts_resolver.knowledge.dane import DaneKnowledge
from mtasts_resolver.knowledge.dnssec import DnssecProbe
from mtasts_resolver.knowledge.learning import Means
from mtasts_resolver.knowledge.sts import StsKnowledge
from mtasts_resolver.server.accept import Server
from mtasts_resolver.server.listeners import Listener
from mtasts_resolver.store.overridefile import OverrideFile
from mtasts_resolver.store.sqlite import SqliteStore
from mtasts_resolver.worker.supervisor import Supervisor


def assemble(
    store_path: Path,
    listeners: list[Listener],
    discoverer: Supervisor,
    *,
    clock: Clock,
    counters: Counters,
    in_force: InForce,
    trouble: RecentTrouble,
) -> AnsweringParts:
    """Make what answers; none of it does anything yet, and what happens is kept for who watches."""
    config = in_force.config
    events = Events()
    events.keep()
    store = SqliteStore(store_path, clock=clock, events=events)
    means = Means(clock, random.SystemRandom(), config, counters, events)
    sts = StsKnowledge(discoverer, store, means)
    dnssec = DnssecProbe(discoverer, config.dns.dnssec, clock, events)
    dane = DaneKnowledge(discoverer, dnssec, means)
    overrides = Overrides(OverrideFile(store_path), config, clock, events)
    service = LookupService(
        sts, dane, overrides, clock=clock, config=config, counters=counters, events=events
    )
    server = Server(service.answer, listeners, clock=clock.monotonic)
    events.listen(RepliesRevoked, lambda _: server.forget_replies())
    answering = AnsweringParts(
        clock=clock,
        started_at=clock.wall(),
        in_force=in_force,
        events=events,
        trouble=trouble,
        counters=counters,
        store=store,
        discoverer=discoverer,
        sts=sts,
        dnssec=dnssec,
        dane=dane,
        overrides=overrides,
        service=service,
        server=server,
        answer_log=AnswerLog(clock, events),
    )
    answering.log_answers(config)
    return answering
