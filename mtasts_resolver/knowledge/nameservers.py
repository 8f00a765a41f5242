"""Telling an outage of our own name servers from the many domains whose servers always fail."""

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.discovery.errors import DnsError
from mtasts_resolver.knowledge.events import NameServersFailed, NameServersRecovered

# A name server that is restarted is back within seconds. Where nobody asks much, one that fails
# for a minute has failed for good; where many ask, so many failures show it sooner.
OUTAGE_AFTER = 60.0
FAILURES_OF_AN_OUTAGE = 10


class NameServerHealth:
    """Says once when an outage begins, and when it ends."""

    def __init__(self, clock: Clock, events: Events) -> None:
        self._clock = clock
        self._events = events
        self._failures = 0
        self._since = 0.0
        self.outage = False
        """It was said that one has begun, and not yet that it is over."""

    def failed(self, error: DnsError) -> None:
        if not error.outage:
            self.answered()  # other questions were answered: the domain's own servers fail
            return
        now = self._clock.monotonic()
        if not self._failures:
            self._since = now
        self._failures += 1
        lasting = now - self._since >= OUTAGE_AFTER or self._failures >= FAILURES_OF_AN_OUTAGE
        if lasting and not self.outage:
            self.outage = True
            seconds = now - self._since
            failed = NameServersFailed(self._failures, seconds, error.code, str(error))
            self._events.publish(failed)

    def answered(self) -> None:
        if self.outage:
            self.outage = False
            self._events.publish(NameServersRecovered(self._failures))
        self._failures = 0
