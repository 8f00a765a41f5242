"""What happens to answers."""

from typing import NamedTuple

from mtasts_resolver.policy import NextHop
from mtasts_resolver.postfix.reply import Reply


class AnswerMade(NamedTuple):
    """A look-up got an answer that did not stand ready."""

    hop: NextHop
    map_name: str
    reply: Reply
    would_be: Reply | None = None
    """What it would have been, where the map only observes."""


class AnswerChanged(NamedTuple):
    """Postfix is told something else of a next hop than the last time."""

    hop: str
    map: str
    was: str | None
    """None where nothing is known of another answer."""
    now: str
    answer: str
    """The first word of that."""
    given: bool
    """A look-up got it; else the next one will."""
