"""Text as both protocols treat it: what a key may hold, and what a reply may."""

import re
from collections.abc import Iterator

from mtasts_resolver.postfix import BadRequest
from mtasts_resolver.postfix.reply import Reply, Status

# Unicode's Cc. No look-up key holds one, and one in a log line or a terminal is an attack.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# What could end a reply, or a line of Postfix's log. TAB and C1 are data that policies may hold.
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_TOO_LONG = Reply(Status.TEMP, "the reply is longer than the protocol allows")

NOT_UTF8 = BadRequest("the request is not UTF-8")
CONTROL = BadRequest("the request holds a control character")
NO_KEY = BadRequest("the key is empty")


def decode(data: bytes) -> str | BadRequest:
    """Return `data` as text without control characters, or why it is none."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return NOT_UTF8
    # isprintable() is the quick test: it is true of nothing in Cc.
    if not text.isprintable() and _CONTROL.search(text):
        return CONTROL
    return text


def sendable(text: str) -> str:
    """Return `text` with a space for each character that could break a reply's framing."""
    return text if text.isprintable() else _UNSENDABLE.sub(" ", text)


def choices(reply: Reply) -> Iterator[Reply]:
    """Yield `reply`, its fallbacks, and last a TEMP that fits every protocol."""
    choice: Reply | None = reply
    while choice is not None:
        yield choice
        choice = choice.fallback
    yield _TOO_LONG
