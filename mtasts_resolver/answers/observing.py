"""What maps that only observe would have answered, as the log tells it."""

from mtasts_resolver.answers.events import AnswerMade
from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.ratelimit import DomainLog
from mtasts_resolver.postfix.reply import Status

log = logs.get(__name__)

# Next hops of which it is remembered what was told last, 2 MB. Of those beyond, the first that were
# told are told once more when their answer is made anew.
MAX_TOLD = 10_000


class ObservedAnswers:
    """Listens for answers that were not given, and tells of each once, and again when it changes.

    "Not found" is told where something else was told before: it is what Postfix gets at any rate.
    `flush` must be called now and then.
    """

    def __init__(self, events: Events, clock: Clock) -> None:
        self._domains = DomainLog(log, clock.monotonic)
        self._told: dict[tuple[str, str], str] = {}
        events.listen(AnswerMade, self._observed)

    def flush(self, *, at_once: bool = False) -> None:
        """Tell what was left out lately, of which there was too much; or all of it `at_once`."""
        self._domains.flush(at_once=at_once)

    def _observed(self, event: AnswerMade) -> None:
        reply, hop = event.would_be, str(event.hop)
        if reply is None:
            return
        place = (event.map_name, hop)
        # Why nothing could be found out for now is no other answer.
        would_be = str(reply) if reply.status is Status.OK else reply.answer
        before = self._told.pop(place, Status.NOTFOUND.lower())
        if reply.status is not Status.NOTFOUND:
            if len(self._told) >= MAX_TOLD:
                del self._told[next(iter(self._told))]
            self._told[place] = would_be
        if would_be != before:
            self._domains.info(
                "answer-observed",
                domain=event.hop.domain,
                hop=hop,
                map=event.map_name,
                would_be=str(reply),
            )
