"""The parts of the running daemon, as far as an administrator may see or steer them."""

from collections.abc import Sequence

from mtasts_resolver.control.answering import AnsweringParts
from mtasts_resolver.control.daylong import DayLong
from mtasts_resolver.control.lastingcounts import LastingCounts
from mtasts_resolver.control.wayin import WayIn
from mtasts_resolver.knowledge.statistics import DiscoveryStatistics
from mtasts_resolver.knowledge.weakened import WeakenedDomains
from mtasts_resolver.owndomains.keeping import OwnDomains
from mtasts_resolver.store.history import History
from mtasts_resolver.worker.lag import Lag


class Sources(AnsweringParts, kw_only=True, eq=False):
    """What there is to see and to steer."""

    history: History
    weakened: WeakenedDomains
    own_domains: OwnDomains
    discoveries: DiscoveryStatistics
    ways_in: Sequence[WayIn]
    day: DayLong
    lasting: LastingCounts
    lag: Lag
    """Of the event loop that answers."""
