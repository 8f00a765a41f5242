"""What the running daemon is made of: what answers, and all that only watches it.

This is imported once the first look-ups have been answered.
"""

from collections.abc import Awaitable, Callable, Sequence

from mtasts_resolver.answers.observing import ObservedAnswers
from mtasts_resolver.config import Config
from mtasts_resolver.control.answering import AnsweringParts
from mtasts_resolver.control.daylong import DayLong, count_answers, count_discoveries
from mtasts_resolver.control.lastingcounts import LastingCounts
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.wayin import WayIn
from mtasts_resolver.daemon.historykeeping import HistoryKeeping
from mtasts_resolver.knowledge.journal import Journal
from mtasts_resolver.knowledge.statistics import DiscoveryStatistics
from mtasts_resolver.owndomains.keeping import OwnDomains
from mtasts_resolver.owndomains.means import OwnDomainMeans
from mtasts_resolver.worker.lag import Lag

# Seconds between two looks at whether the event loop is late, for the metrics. To look more often
# would cost an idle host more than it tells.
LAG_INTERVAL = 1.0


class Parts(Sources, kw_only=True, eq=False):
    """All parts, each of which knows only those that it asks."""

    past: HistoryKeeping
    journal: Journal
    observed: ObservedAnswers

    def reconfigure(self, config: Config) -> None:
        """Hand on what a reload can change."""
        super().reconfigure(config)
        self.past.reconfigure(config)
        self.own_domains.reconfigure(config)

    def background(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return what works for ever beside the discoverer, by the names of the tasks."""
        return {
            "policy refresher": self.sts.run,
            "DANE refresher": self.dane.run,
            "DNSSEC probe": self.dnssec.run,
            "overrides": self.overrides.run,
            "history": self.past.run,
            "own domains": self.own_domains.run,
            "counts of the day": self.day.run,
            "lasting counts": self.lasting.run,
            "lag": self.lag.watch,
        }

    def flush_logs(self, *, at_once: bool = False) -> None:
        """Tell what was left out of the log lately, of which there was too much."""
        self.journal.flush(at_once=at_once)
        self.own_domains.flush_logs(at_once=at_once)
        self.observed.flush(at_once=at_once)

    async def close(self) -> None:
        """End what answers before what watches it."""
        await self.own_domains.close()  # which asks the discoverer
        await super().close()
        self.flush_logs(at_once=True)
        self.lasting.note()
        await self.past.close()


def watch(answering: AnsweringParts, ways_in: Sequence[WayIn] = ()) -> Parts:
    """Add to what answers all that watches it, and is told what has happened before."""
    return answering.events.join(lambda: _watched(answering, ways_in))


def _watched(answering: AnsweringParts, ways_in: Sequence[WayIn]) -> Parts:
    events, clock = answering.events, answering.clock
    discoveries = DiscoveryStatistics(events)
    journal = Journal(events, clock)
    past = HistoryKeeping(answering)  # after the journal: it warns after what it is of
    own_means = OwnDomainMeans(
        answering.discoverer, answering.store.path, past.history, clock, events
    )
    counted = {
        "lookups": lambda: count_answers(answering.service.tallies),
        "discoveries": lambda: count_discoveries(discoveries),
    }
    shared = {name: getattr(answering, name) for name in answering.__struct_fields__}
    return Parts(
        **shared,
        history=past.history,
        weakened=past.weakened,
        own_domains=OwnDomains(own_means, answering.in_force.config),
        discoveries=discoveries,
        ways_in=ways_in,
        day=DayLong(clock, counted),
        lasting=LastingCounts(past.history, clock, answering.service.tallies, discoveries),
        lag=Lag(LAG_INTERVAL),
        past=past,
        journal=journal,
        observed=ObservedAnswers(events, clock),
    )
