"""What is measured: every metric in one table, by which the page docs/metrics.md is checked.

Labels are few words each: never a domain, an address or a text.
"""

from mtasts_resolver.control.views.metrics.daemon import DAEMON
from mtasts_resolver.control.views.metrics.discoveries import DISCOVERIES
from mtasts_resolver.control.views.metrics.kinds import Metric, Sample, Seen, look
from mtasts_resolver.control.views.metrics.known import KNOWN
from mtasts_resolver.control.views.metrics.lookups import LOOKUPS
from mtasts_resolver.control.views.metrics.overridden import OVERRIDDEN

__all__ = ["METRICS", "Metric", "Sample", "Seen", "look"]

METRICS: tuple[Metric, ...] = (*LOOKUPS, *DISCOVERIES, *KNOWN, *OVERRIDDEN, *DAEMON)
