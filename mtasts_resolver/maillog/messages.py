"""What a line says: the one way from a LogLine to an event, by the program that wrote it.

| program | module |
|---|---|
| smtp(8), lmtp(8) | attempts (with causes, tlsattribute), sessions, outbound |
| error(8), which is also `retry` | attempts |
| smtpd(8), postscreen(8) | inbound, sessions |
| tlsproxy(8) | sessions, outbound |
| qmgr(8), postsuper(1), master(8) | queue |
| rsyslogd, journald | lost |
| all | idle: what is known, and of no use |
"""

from collections.abc import Callable

from msgspec.structs import replace

from mtasts_resolver.maillog.attempts import delivery_event
from mtasts_resolver.maillog.events import (
    Connected,
    Delivery,
    HandshakeFailed,
    LeftQueue,
    LogLine,
    MailAccepted,
    MailEvent,
    Meaning,
    Unverified,
)
from mtasts_resolver.maillog.idle import is_idle
from mtasts_resolver.maillog.inbound import smtpd_event
from mtasts_resolver.maillog.lost import loss_event, repeated
from mtasts_resolver.maillog.outbound import host_failure, policy_event
from mtasts_resolver.maillog.programs import LOGGERS
from mtasts_resolver.maillog.queue import queue_event, start_event
from mtasts_resolver.maillog.sessions import session_event


def meaning_of(line: LogLine) -> MailEvent | Meaning:
    """Return what a line says."""
    message = line.message
    find = _FINDERS.get(line.daemon)
    event = None if find is None else find(message)
    if event is not None:
        return event
    if is_idle(line.daemon, message) or line.daemon in LOGGERS:
        return Meaning.NOTHING
    again = repeated(message)
    if again is not None and repeated(again) is None:
        return _again(meaning_of(replace(line, message=again)))
    return Meaning.UNKNOWN


def _again(event: MailEvent | Meaning) -> MailEvent | Meaning:
    """Return what it means that rsyslog found a line repeated (`message repeated 2 times: [...]`).

    The line itself stands before. A session, or why it failed, that is said again leads to what
    comes next as the first did. But a delivery has its queue id, its recipient and its delays: if
    all are the same, it is the same, and what counts mails must not count it twice.
    """
    if isinstance(event, Delivery | MailAccepted | LeftQueue):
        return Meaning.NOTHING
    return event


def _sent(message: str) -> MailEvent | None:
    # The order is that of how often they are logged.
    return (
        delivery_event(message)
        or session_event(message)
        or policy_event(message)
        or host_failure(message)
    )


def _received(message: str) -> MailEvent | None:
    event = smtpd_event(message) or session_event(message)
    return _of_direction(event, inbound=True)


def _proxied(message: str) -> MailEvent | None:
    return session_event(message) or policy_event(message)


def _of_direction(event: MailEvent | None, *, inbound: bool) -> MailEvent | None:
    """Leave out what is of the other side: smtpd(8) says of clients that none is verified, too."""
    if isinstance(event, Connected | HandshakeFailed) and event.inbound is not inbound:
        return None
    return None if isinstance(event, Unverified) else event


_FINDERS: dict[str, Callable[[str], MailEvent | None]] = {
    "smtp": _sent,
    "lmtp": _sent,
    "error": delivery_event,
    "smtpd": _received,
    "postscreen": _received,
    "tlsproxy": _proxied,
    "qmgr": queue_event,
    "nqmgr": queue_event,
    "oqmgr": queue_event,
    "postsuper": queue_event,
    "master": start_event,
    **dict.fromkeys(LOGGERS, loss_event),
}
