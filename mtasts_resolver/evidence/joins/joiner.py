"""Joiner: takes lines in the order of time, and gives what they say of deliveries and sessions."""

from collections.abc import Callable, Iterable
from typing import Any

from mtasts_resolver.evidence.deliveries import Fact, MessageGone
from mtasts_resolver.evidence.joins.duplicates import SeenLines
from mtasts_resolver.evidence.joins.followed import Logs
from mtasts_resolver.evidence.joins.inbound import InboundJoins
from mtasts_resolver.evidence.joins.logs import (
    NOTHING_CONFIGURED,
    ConfiguredLogging,
    instance_of,
)
from mtasts_resolver.evidence.joins.outbound import OutboundJoins
from mtasts_resolver.evidence.joins.proxied import ProxiedSessions
from mtasts_resolver.maillog.events import (
    Delivery,
    LeftQueue,
    LinesLost,
    LogLine,
    MailEvent,
    PostfixStarted,
)

Handlers = dict[type, Callable[[LogLine, Any], None]]
_SENDING = ("smtp", "lmtp")
# As opposed to `reload`, which leaves processes their work.
_BY_ITSELF = "daemon started"
_NOTHING: tuple[Fact, ...] = ()


class Joiner:
    """Joins lines that belong together, of any number of hosts at once.

    `logging` is what main.cf has some of them log. Facts may come later than their
    time: some wait for lines that tell more of them.
    """

    def __init__(self, logging: ConfiguredLogging | None = None) -> None:
        self._out: list[Fact] = []
        self._logs = Logs(logging or NOTHING_CONFIGURED)
        self._seen = SeenLines()
        self._outbound = OutboundJoins(self._logs, self._seen, self._out)
        self._inbound = InboundJoins(self._logs, self._seen, self._out)
        sending = self._outbound.handlers
        receiving = self._inbound.handlers
        self._handlers: dict[str, Handlers] = {
            **dict.fromkeys(_SENDING, sending),
            "smtpd": receiving,
            "error": {Delivery: self._outbound.suspended},
            "retry": {Delivery: self._outbound.suspended},
            "tlsproxy": ProxiedSessions(self._outbound, self._inbound).handlers,
        }
        self._any: Handlers = {
            LeftQueue: self._gone,
            PostfixStarted: self._started,
            LinesLost: self._lost,
        }

    def feed(self, line: LogLine, event: MailEvent) -> Iterable[Fact]:
        """Take what a line says; return the facts that are certain by now."""
        handlers = self._handlers.get(line.daemon)
        handler = None if handlers is None else handlers.get(type(event))
        if handler is None:
            handler = self._any.get(type(event))
            if handler is None:
                return _NOTHING
        handler(line, event)
        if self._logs.full:
            self._begin_anew()
        return self._taken() if self._out else _NOTHING

    def missed(self, line: LogLine) -> None:
        """Take a line that nobody can read: cut, perhaps, and then what it said is in doubt."""
        if line.daemon in _SENDING:
            self._outbound.missed(line)
        elif line.daemon == "smtpd":
            self._inbound.missed(line)

    def finish(self) -> Iterable[Fact]:
        """Return what the log's end leaves to be told."""
        self._begin_anew()
        return self._taken()

    def _begin_anew(self) -> None:
        """Tell all that is known, and know nothing."""
        self._outbound.finish()
        self._inbound.finish()
        self._out += self._logs.begin_anew()

    def _taken(self) -> tuple[Fact, ...]:
        facts = tuple(self._out)
        self._out.clear()
        return facts

    def _gone(self, line: LogLine, event: LeftQueue) -> None:
        if not self._seen.line(line):
            self._out.append(
                MessageGone(
                    time=line.time,
                    host=line.host,
                    queue_id=event.queue_id,
                    expired=event.expired,
                )
            )

    def _started(self, line: LogLine, _: PostfixStarted) -> None:
        started = None
        if line.message.startswith(_BY_ITSELF):
            self._logs.host(line).started(line.service)
            started = instance_of(line.service)
        self._outbound.configured_anew(line, started)
        self._inbound.configured_anew(line, started)
        self._out += self._logs.configured_anew(line)

    def _lost(self, line: LogLine, _: LinesLost) -> None:
        self._logs.host(line).lost(line.time)
