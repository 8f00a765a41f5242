"""Telling an outage of our own name servers from the many domains whose servers always fail."""

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.discovery.errors import DnsError

log = logs.get(__name__)

# A name server that is restarted is back within seconds. Where nobody asks much, one that fails
# for a minute has failed for good; where many ask, so many failures show it sooner.
OUTAGE_AFTER = 60.0
FAILURES_OF_AN_OUTAGE = 10


class NameServerHealth:
    """Says once when an outage begins, and when it ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._since = 0.0
        self._reported = False

    def failed(self, error: DnsError) -> None:
        log.debug("dns-failed", code=error.code, reason=str(error))
        if not error.outage:
            self.answered()  # other questions were answered: the domain's own servers fail
            return
        now = self._clock.monotonic()
        if not self._failures:
            self._since = now
        self._failures += 1
        lasting = now - self._since >= OUTAGE_AFTER or self._failures >= FAILURES_OF_AN_OUTAGE
        if lasting and not self._reported:
            self._reported = True
            log.error(
                "name-servers-failing",
                failures=self._failures,
                seconds=now - self._since,
                code=error.code,
                reason=str(error),
                action="check the resolvers in dns.servers or /etc/resolv.conf",
            )

    def answered(self) -> None:
        if self._reported:
            self._reported = False
            log.info("name-servers-answer-again", failures=self._failures)
        self._failures = 0
