"""What is known of a log itself: since when it goes on without a hole, and which services log TLS.

That a delivery has no line about TLS says that it went in plain text only where such a line would
be there: the service logs them (smtp_tls_loglevel, smtpd_tls_loglevel), and the log was whole
meanwhile.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from mtasts_resolver.evidence.deliveries import (
    Doubt,
    Encryption,
    InboundMessage,
    OutboundDelivery,
)
from mtasts_resolver.maillog.events import DeliveryStatus, LogLine, TlsLevel

# A service's deliveries without TLS that wait for its first line about TLS, to be plain then. One
# that logs TLS has such a line soon. Of one that has sent so many without, nothing is known for
# sure: perhaps it is only from that line on that it logs them.
MAX_WAITING = 100

# How a line on a session begins, or what is left of one.
_LEVELS = tuple(f"{level.value.capitalize()[:3]}" for level in TlsLevel)

# Instances of Postfix on one host (postmulti).
MAX_INSTANCES = 64

Message = OutboundDelivery | InboundMessage


class Beginning(NamedTuple):
    """From when on nothing is missing."""

    since: float | None
    """None where lines have no times."""
    doubt: Doubt
    """Why it is not known what was before."""


# Nothing was before: Postfix has only just been started.
NOTHING_BEFORE = Beginning(float("-inf"), Doubt.LOG_BEGINS)


class ConfiguredLogging(NamedTuple):
    """Which services main.cf has log TLS (smtp_tls_loglevel, smtpd_tls_loglevel)."""

    hosts: frozenset[str]
    """The names of the host whose main.cf it is, in lower case."""
    services: Mapping[str, float]
    """Such as `postfix/smtp`, each with the time since which it is as it is."""

    def since(self, line: LogLine) -> float | None:
        """Return since when the service that a line is of logs TLS; None if that is not known."""
        if line.host.lower() not in self.hosts:
            return None
        return self.services.get(f"{line.service}/{line.daemon}")


NOTHING_CONFIGURED = ConfiguredLogging(frozenset(), {})


class HostLog:
    """What one host has logged."""

    __slots__ = ("_beginning", "_started", "epoch")

    def __init__(self, beginning: Beginning) -> None:
        self._beginning = beginning
        self._started: set[str] = set()
        self.epoch = 0
        """Counted up when lines are missing: what was known of processes is no longer so."""

    def beginning(self, service: str) -> Beginning:
        """Return from when on nothing is missing of a process that is seen for the first time."""
        return NOTHING_BEFORE if instance_of(service) in self._started else self._beginning

    def started(self, service: str) -> None:
        """Note that an instance of Postfix was started: none of its processes is older."""
        if len(self._started) < MAX_INSTANCES:
            self._started.add(instance_of(service))

    def lost(self, time: float | None) -> None:
        """Begin anew: lines are missing."""
        self._beginning = Beginning(time, Doubt.LINES_LOST)
        self._started.clear()
        self.epoch += 1


def is_session(message: str) -> bool:
    """Tell whether a line that could not be read may be one on a TLS session, cut."""
    return message.startswith(_LEVELS)


def instance_of(service: str) -> str:
    """Return the instance of Postfix that a service is of: the beginning of its syslog_name."""
    return service.partition("/")[0]


class ServiceLog:
    """What one service of one host logs of TLS, as far as its lines tell."""

    __slots__ = ("logs_from", "logs_tls", "offers_starttls", "waiting", "wraps")

    def __init__(self, logs_from: float | None = None) -> None:
        self.logs_from = logs_from
        """main.cf has it log TLS, and is as it was since then; None where that is not known."""
        self.logs_tls = False
        """It has logged a session since Postfix last read its configuration."""
        self.offers_starttls = False
        self.wraps = False
        """Its connections begin with TLS (smtpd_tls_wrappermode): STARTTLS is never counted."""
        self.waiting: deque[Message] = deque()

    def plain(self, message: Message) -> Iterator[Message]:
        """Take a message that has no TLS, if TLS is logged; yield what can be said by now.

        An attempt that failed does not wait: what became of its message would be told before it.
        """
        if self.logs_tls or self._must_log(message.time):
            yield message
        elif isinstance(message, OutboundDelivery) and message.status is not DeliveryStatus.SENT:
            yield not_logged(message)
        elif len(self.waiting) < MAX_WAITING:
            self.waiting.append(message)
        else:
            yield not_logged(message)

    def seen(self) -> Iterator[Message]:
        """Take note that it logs TLS: what has waited was plain."""
        self.logs_tls = True
        while self.waiting:
            yield self.waiting.popleft()

    def configured_anew(self) -> Iterator[Message]:
        """Take note that what it logs may be other than before."""
        self.logs_tls = False
        yield from self.given_up()

    def _must_log(self, time: float | None) -> bool:
        return self.logs_from is not None and time is not None and time >= self.logs_from

    def given_up(self) -> Iterator[Message]:
        """Yield what has waited in vain."""
        while self.waiting:
            yield not_logged(self.waiting.popleft())


def not_logged(message: Message) -> Message:
    """Return the message as one of which nothing is known, for its service logs no TLS."""
    return unknown(message, Doubt.NO_TLS_LOGGED)


def unknown(message: Message, doubt: Doubt) -> Message:
    """Return the message as one of which nothing is known."""
    return replace(message, encryption=Encryption.UNKNOWN, tls=None, level="", doubt=doubt)
