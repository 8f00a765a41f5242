"""Mail that TLS has held: each message, to each recipient, until it is sent, bounced or gone."""

from typing import NamedTuple

from mtasts_resolver.evidence.accounts.domaincounts import MAX_ROWS
from mtasts_resolver.evidence.accounts.frequent import OTHERS
from mtasts_resolver.evidence.accounts.localdays import LocalDays
from mtasts_resolver.evidence.deliveries import FailedSession, MessageGone, OutboundDelivery
from mtasts_resolver.evidence.report import EnforcementFailure
from mtasts_resolver.maillog.events import Cause, DeliveryStatus

# Messages, by recipient, that are followed at a time: 50 MB. Of what comes beyond the attempts are
# counted, and said to be of messages that could not be followed.
MAX_FOLLOWED = 100_000
# Of held messages that have left the queue, and no line said how, so many are remembered. That line
# may come late: joins keep back a hundred deliveries of a service until it is known to log TLS.
MAX_LEFT = 1_000
# Recipients of one of these; smtpd_recipient_limit is 1,000, and most messages have a few.
MAX_LEFT_RECIPIENTS = 100
# Domains, hosts and causes that have a row of their own. None is forgotten for others that come
# later, since messages are followed for it; those go to `(others)`.
MAX_FAILURES = 5_000
# Characters of a recipient: RFC 5321 §4.5.3.1 allows 64, an `@` and 255. What a log has beyond that
# is no address.
_RECIPIENT = 320
# Characters of a reason: a reply of an MX host may have thousands.
_REASON = 500

SUSPENDED = "delivery temporarily suspended: "
"""What the reason of mail begins with that was not tried, but held as mail before it was."""


class FailureRow:
    """What was held of the mail to a domain, at a host, for a cause."""

    __slots__ = (
        *("attempts", "bounced", "delivered", "enforced", "first", "gone", "last", "longest"),
        *("messages", "reason"),
    )

    def __init__(self) -> None:
        self.attempts = self.messages = self.delivered = self.bounced = self.gone = 0
        self.first: float | None = None
        self.last: float | None = None
        self.longest = 0.0
        self.reason = self.enforced = ""

    def attempt(self, time: float | None, reason: str, word: str | None) -> None:
        """Count an attempt that was held, by whose word is known or not."""
        self.attempts += 1
        self.reason = reason[:_REASON]
        self.enforced = word or self.enforced
        if time is not None:
            self.first = time if self.first is None else self.first
            self.last = time


class Followed(NamedTuple):
    """A message to one recipient that was held."""

    row: FailureRow
    enforced: bool


class Left(NamedTuple):
    """What was held of a message that has left the queue, and when it did."""

    time: float | None
    messages: dict[str, Followed]


class HeldMail:
    """All of it: what was held in the period, and what became of that until the logs end."""

    def __init__(self, followed: int, failures: int) -> None:
        self._max_followed = followed
        self._max_failures = failures
        self._rows: dict[tuple[str, str, str], FailureRow] = {}
        self._others = FailureRow()
        self._last_rows: dict[tuple[str, str], FailureRow] = {}
        """Of each domain and cause the one where a host held mail last."""
        self._followed: dict[tuple[str, str], dict[str, Followed]] = {}
        self._left: dict[tuple[str, str], Left] = {}
        self.waiting = 0
        """Messages that are followed still."""
        self.enforced = 0
        """Messages that were held since TLS was enforced."""
        self.enforced_delivered = 0
        """Of these, how many were sent within the period."""
        self.unfollowed = 0
        """Attempts of messages that are not followed, since too many are."""

    def hold(self, fact: OutboundDelivery, cause: Cause, word: str | None) -> None:
        """Count an attempt that TLS held. `end` is to be told of it afterwards."""
        queue_id, recipient = (fact.host, fact.queue_id), fact.recipient[:_RECIPIENT]
        messages = self._followed.get(queue_id)
        known = messages.get(recipient) if messages else None
        row = self._row_of(fact, cause)
        row.attempt(fact.time, fact.reason, word)
        if known is None and self.waiting >= self._max_followed:
            self.unfollowed += 1
        elif known is None:
            self._follow(queue_id, recipient, Followed(row, bool(word)))

    def _row_of(self, fact: OutboundDelivery, cause: Cause) -> FailureRow:
        place = (fact.domain, cause.value)
        if fact.peer is None and fact.reason.startswith(SUSPENDED):
            return self._last_rows.get(place) or self._row(fact.domain, "", cause)
        row = self._row(fact.domain, fact.peer.host if fact.peer else "", cause)
        if row is not self._others:
            self._last_rows[place] = row
        return row

    def _follow(self, queue_id: tuple[str, str], recipient: str, message: Followed) -> None:
        self._followed.setdefault(queue_id, {})[recipient] = message
        self.waiting += 1
        message.row.messages += 1
        self.enforced += message.enforced

    def give_up_host(self, fact: FailedSession, word: str | None) -> None:
        """Count an MX host that was given up for another: that holds no message."""
        mx = fact.peer.host if fact.peer else ""
        self._row(fact.domain, mx, fact.cause).attempt(fact.time, fact.reason, word)

    def _row(self, domain: str, mx: str, cause: Cause) -> FailureRow:
        key = (domain, mx, cause.value)
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= self._max_failures:
                return self._others
            row = self._rows[key] = FailureRow()
        return row

    def end(self, fact: OutboundDelivery, *, within: bool) -> None:
        """Look whether an attempt ends the waiting of a message; `within` the period."""
        if not self._followed and not self._left:
            return
        queue_id, recipient = (fact.host, fact.queue_id), fact.recipient[:_RECIPIENT]
        messages = self._followed.get(queue_id)
        known = messages.get(recipient) if messages else None
        if messages is not None and known is not None:
            known.row.longest = max(known.row.longest, fact.delay)
            if _ends(known, fact.status):
                del messages[recipient]
                if not messages:
                    del self._followed[queue_id]
                self.waiting -= 1
        elif (left := self._left.get(queue_id)) is None or _is_later(fact.time, left.time):
            return
        elif (known := left.messages.get(recipient)) is not None and _ends(known, fact.status):
            del left.messages[recipient]
            known.row.gone -= 1
        if known is not None and fact.status is DeliveryStatus.SENT:
            self.enforced_delivered += within and known.enforced

    def gone(self, fact: MessageGone) -> None:
        """Have nobody wait for a message that has left the queue."""
        queue_id = (fact.host, fact.queue_id)
        messages = self._followed.pop(queue_id, None)
        if messages is None:
            return
        self.waiting -= len(messages)
        for known in messages.values():
            if fact.expired:
                known.row.bounced += 1
            else:
                known.row.gone += 1
        if not fact.expired and len(messages) <= MAX_LEFT_RECIPIENTS:
            self._left[queue_id] = Left(fact.time, messages)
            if len(self._left) > MAX_LEFT:
                del self._left[next(iter(self._left))]

    def failures(self, calendar: LocalDays) -> tuple[EnforcementFailure, ...]:
        """Return the rows, those that hold the most messages first; bounded."""
        ranked = sorted(
            self._rows.items(),
            key=lambda item: (-item[1].messages, -item[1].attempts, item[0]),
        )
        others = FailureRow()
        for row in (self._others, *(row for _, row in ranked[MAX_ROWS:])):
            _add_up(others, row)
        rows = [*ranked[:MAX_ROWS]]
        if others.attempts:
            rows.append(((OTHERS, "", ""), others))
        return tuple(_failure(*key, row, calendar) for key, row in rows)


def _ends(message: Followed, status: DeliveryStatus) -> bool:
    """Count how a message ended, if it did."""
    if status is DeliveryStatus.SENT:
        message.row.delivered += 1
    elif status is DeliveryStatus.BOUNCED:
        message.row.bounced += 1
    else:
        return False
    return True


def _is_later(time: float | None, than: float | None) -> bool:
    return time is not None and than is not None and time > than


def _add_up(others: FailureRow, row: FailureRow) -> None:
    others.attempts += row.attempts
    others.messages += row.messages
    others.delivered += row.delivered
    others.bounced += row.bounced
    others.gone += row.gone
    others.longest = max(others.longest, row.longest)
    times = [time for time in (others.first, others.last, row.first, row.last) if time is not None]
    others.first, others.last = (min(times), max(times)) if times else (None, None)


def _failure(
    domain: str, mx: str, cause: str, row: FailureRow, calendar: LocalDays
) -> EnforcementFailure:
    return EnforcementFailure(
        domain=domain,
        mx=mx,
        cause=cause,
        attempts=row.attempts,
        messages=row.messages,
        delivered=row.delivered,
        bounced=row.bounced,
        waiting=row.messages - row.delivered - row.bounced - row.gone,
        gone=row.gone,
        first=calendar.stamp(row.first),
        last=calendar.stamp(row.last),
        longest=row.longest,
        reason=row.reason,
        enforced=row.enforced,
    )
