"""What programs that write logs say of lines that they have dropped, or not written again."""

import re

from mtasts_resolver.maillog.events import LinesLost

# rsyslog: of old, and since 7.3, of whatever input; journald: of a unit, and on the way to syslog.
# What another unit has lost is none of ours; Postfix may run in a container.
_LOST = (
    re.compile(r"imuxsock lost (?P<count>[0-9]{1,12}) messages from pid [0-9]+ due to rate"),
    re.compile(r"[^\n]*: (?P<count>[0-9]{1,12}) messages lost due to rate-limiting"),
    re.compile(r"[^\n]*: begin to drop messages due to rate-limiting"),
    re.compile(r"imuxsock begins to drop messages from pid [0-9]+ due to rate"),
    re.compile(
        r"Suppressed (?P<count>[0-9]{1,12}) messages from"
        r" \S*(?:postfix|docker|containerd|podman|libpod|kube|lxc)"
    ),
    re.compile(r"Forwarding to syslog missed (?P<count>[0-9]{1,12}) messages"),
)
_REPEATED = re.compile(r"message repeated [0-9]{1,9} times: \[ ?(?P<message>.*)\]\s*\Z", re.DOTALL)


def loss_event(message: str) -> LinesLost | None:
    """Return how many lines are lost, None if the message says nothing of that."""
    for form in _LOST:
        if (found := form.match(message)) is not None:
            count = found.groupdict().get("count")
            return LinesLost(None if count is None else int(count))
    return None


def repeated(message: str) -> str | None:
    """Return the message that a line says was logged again and again, None if it says no such."""
    found = _REPEATED.match(message)
    return None if found is None else found["message"]
