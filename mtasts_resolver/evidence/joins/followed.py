"""The processes that a log is of, and the hosts and services that they belong to; all bounded."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from mtasts_resolver.evidence.deliveries import Doubt
from mtasts_resolver.evidence.joins.incoming import SmtpdProcess
from mtasts_resolver.evidence.joins.logs import (
    Beginning,
    ConfiguredLogging,
    HostLog,
    Message,
    ServiceLog,
)
from mtasts_resolver.evidence.joins.outgoing import SmtpProcess
from mtasts_resolver.maillog.events import LogLine

# Processes of each kind that are followed at a time. A busy host has some hundreds at once, and new
# ones all day: one that has ended looks as one that is idle. The longest silent half is forgotten.
MAX_PROCESSES = 8_192
# Hosts whose logs are read at once; and services of theirs, as master.cf names them. Whoever has
# more (or a log that names a host at random) begins anew.
MAX_HOSTS = 1_024
MAX_SERVICES = 4_096

# Seconds by which lines may stand out of order: syslog's queues, and a network's.
OUT_OF_ORDER = 2.0

P = TypeVar("P", bound=SmtpProcess | SmtpdProcess)
ProcessKey = tuple[str, str, str, int | None]


class FollowedProcesses(Generic[P]):
    """Processes of one kind, by host, service, daemon and pid."""

    def __init__(
        self,
        begin: Callable[[HostLog, ServiceLog, Beginning], P],
        logs: "Logs",
        limit: int = MAX_PROCESSES,
    ) -> None:
        self._make = begin
        self._logs = logs
        self._limit = limit
        self._processes: dict[ProcessKey, P] = {}
        self._forgotten: float | None = None
        self.dropped: list[P] = []
        """Those that were forgotten, for whoever has something of theirs to tell."""

    def of(self, line: LogLine) -> P:
        """Return the process that has logged a line."""
        key = (line.host, line.service, line.daemon, line.pid)
        process = self._processes.get(key)
        if process is None:
            process = self._begin(key, line)
        elif process.epoch != process.host.epoch:
            self.dropped.append(process)
            process = self._begin(key, line)
        time = line.time
        if time is not None:
            seen_at = process.seen_at
            if seen_at is None or seen_at < time or time < seen_at - OUT_OF_ORDER:
                process.seen_at = time  # or the clock was put back
        return process

    def of_host(self, host: str) -> Iterator[tuple[P, str]]:
        """Yield the processes of a host, each with its service."""
        for (logged_by, service, _, _), process in self._processes.items():
            if logged_by == host:
                yield process, service

    def clear(self) -> None:
        """Forget all."""
        self.dropped += self._processes.values()
        self._processes.clear()

    def _begin(self, key: ProcessKey, line: LogLine) -> P:
        if len(self._processes) >= self._limit:
            self._forget_half()
        host = self._logs.host(line)
        beginning = host.beginning(line.service)
        if self._forgotten is not None and _is_before(beginning.since, self._forgotten):
            beginning = Beginning(self._forgotten, Doubt.LINES_LOST)
        before = self._processes.get(key)
        process = self._processes[key] = self._make(host, self._logs.service(line), beginning)
        if before is not None:
            process.by_itself = before.by_itself  # what it logs is fixed for all its life
        return process

    def _forget_half(self) -> None:
        """Forget those that have been silent for the longest time."""
        oldest_first = sorted(
            self._processes.items(), key=lambda item: item[1].seen_at or float("-inf")
        )
        for key, process in oldest_first[: self._limit // 2]:
            self.dropped.append(process)
            self._forgotten = process.seen_at
            del self._processes[key]


def _is_before(since: float | None, time: float) -> bool:
    return since is None or since < time


class Logs:
    """What is known of the logs of each host, and of each service."""

    def __init__(self, logging: ConfiguredLogging) -> None:
        self._logging = logging
        self._hosts: dict[str, HostLog] = {}
        self._services: dict[tuple[str, str, str], ServiceLog] = {}
        self.full = False
        """There are more hosts or services than are kept in mind."""
        self._begun_anew = False

    def host(self, line: LogLine) -> HostLog:
        """Return the log of the host that a line is of."""
        host = self._hosts.get(line.host)
        if host is None:
            doubt = Doubt.LINES_LOST if self._begun_anew else Doubt.LOG_BEGINS
            host = self._hosts[line.host] = HostLog(Beginning(line.time, doubt))
            self.full |= len(self._hosts) > MAX_HOSTS
        return host

    def service(self, line: LogLine) -> ServiceLog:
        """Return what the service that a line is of logs."""
        key = (line.host, line.service, line.daemon)
        service = self._services.get(key)
        if service is None:
            since = self._logging.since(line)
            service = self._services[key] = ServiceLog(since)
            self.full |= len(self._services) > MAX_SERVICES
        return service

    def configured_anew(self, line: LogLine) -> Iterator[Message]:
        """Take note that a Postfix of this host has read its configuration."""
        for (host, _, _), service in self._services.items():
            if host == line.host:
                yield from service.configured_anew()

    def begin_anew(self) -> Iterator[Message]:
        """Forget all of it."""
        yield from self.given_up()
        self._hosts.clear()
        self._services.clear()
        self.full = False
        self._begun_anew = True

    def given_up(self) -> Iterator[Message]:
        """Yield what waits for a line about TLS that is not there."""
        for service in self._services.values():
            yield from service.given_up()
