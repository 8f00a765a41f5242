"""What qmgr(8), postsuper(1) and master(8) say: a message is gone, Postfix begins."""

import re

from mtasts_resolver.maillog.attempts import QUEUE_ID
from mtasts_resolver.maillog.events import LeftQueue, PostfixStarted

# By postsuper(1), too: deleted by hand; or `requeued`, and then the message has another id.
_REMOVED = re.compile(rf"(?P<id>{QUEUE_ID}): (?:removed|requeued)\s*\Z")
# The sender is a stranger's, and ends where the line does but for these words.
_EXPIRED = re.compile(
    rf"(?P<id>{QUEUE_ID}): from=<.*>, status=(?:force-)?expired, returned to sender\s*\Z", re.DOTALL
)
_STARTED = re.compile(r"(?:daemon started|reload) -- version (?P<version>[0-9][^\s,]*)")


def queue_event(message: str) -> LeftQueue | None:
    """Return what qmgr(8) or postsuper(1) says of a message that has left the queue."""
    if (removed := _REMOVED.match(message)) is not None:
        return LeftQueue(removed["id"], expired=False)
    if message.find("expired, returned to sender") < 0:
        return None
    expired = _EXPIRED.match(message)
    return None if expired is None else LeftQueue(expired["id"], expired=True)


def start_event(message: str) -> PostfixStarted | None:
    """Return which Postfix has started, or has read its configuration anew."""
    started = _STARTED.match(message)
    return None if started is None else PostfixStarted(started["version"])
