"""Telling an outage of our own name servers from the many domains whose servers always fail."""

from mtasts_resolver import logs
from mtasts_resolver.discovery.errors import DnsError

log = logs.get(__name__)

# So many failures in a row, of any domains, are no longer those domains' fault.
FAILURES_OF_AN_OUTAGE = 10


class NameServerHealth:
    """Counts failures in a row, and says once when an outage begins and when it ends."""

    def __init__(self) -> None:
        self._failures = 0

    def failed(self, error: DnsError) -> None:
        self._failures += 1
        log.debug("dns-failed", code=error.code, reason=str(error))
        if self._failures == FAILURES_OF_AN_OUTAGE:
            log.error(
                "name-servers-failing",
                failures=self._failures,
                code=error.code,
                reason=str(error),
                action="check the resolvers in dns.servers or /etc/resolv.conf",
            )

    def answered(self) -> None:
        if self._failures >= FAILURES_OF_AN_OUTAGE:
            log.info("name-servers-answer-again", failures=self._failures)
        self._failures = 0
