"""What is measured: every metric in one table, by which the page docs/metrics.md is checked.

Labels are few words each: never an address or a text, and no domain but those of `own_domains`,
which the configuration names.
"""

from mtasts_resolver.control.views.metrics.daemon import DAEMON
from mtasts_resolver.control.views.metrics.discoveries import DISCOVERIES
from mtasts_resolver.control.views.metrics.kinds import Metric, Sample, Seen, look
from mtasts_resolver.control.views.metrics.known import KNOWN
from mtasts_resolver.control.views.metrics.lookups import LOOKUPS
from mtasts_resolver.control.views.metrics.overridden import OVERRIDDEN
from mtasts_resolver.control.views.metrics.owndomains import OWN_DOMAINS

__all__ = ["METRICS", "Metric", "Sample", "Seen", "look"]

METRICS: tuple[Metric, ...] = (*LOOKUPS, *DISCOVERIES, *KNOWN, *OVERRIDDEN, *OWN_DOMAINS, *DAEMON)
