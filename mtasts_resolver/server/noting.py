"""A connection that notes each look-up and what it was answered, while somebody wants to know.

It is a class of its own so that the others pay nothing for it.
"""

import asyncio
from functools import partial
from time import perf_counter

from mtasts_resolver.postfix.codec import Decoded, Request
from mtasts_resolver.postfix.reply import Reply
from mtasts_resolver.server.connection import AT_REST, Connection


class NotingConnection(Connection):
    """Notes behind each answer; the time is that from the request's arrival to its reply."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        begun = perf_counter()
        known = self._prepared.table.get(data) or self._prepared.find(data)
        ready = known is not None and self._state is AT_REST and self._clock() < known.until
        asked = self._shared.counters.requests
        super().data_received(data)
        if ready and known is not None and asked == self._shared.counters.requests:
            (request,) = self._codec.feed(data)  # a whole one, and nothing was begun
            self._note(begun, request, known.reply, known.tally.would_be, cached=True)

    def _respond(self, request: Decoded) -> Reply | bytes | asyncio.Future[Reply]:
        begun = perf_counter()
        answer = super()._respond(request)
        if isinstance(answer, asyncio.Future):
            answer.add_done_callback(partial(self._note_later, begun, request))
        elif isinstance(answer, Reply):
            self._note(begun, request, answer, cached=False)
        elif self._timed is not None:  # whose bytes they are
            timed = self._timed
            self._note(begun, request, timed.reply, timed.tally.would_be, cached=True)
        return answer

    def _note_later(self, begun: float, request: Decoded, answer: asyncio.Future[Reply]) -> None:
        if not answer.cancelled():  # else the peer is gone, or we are going
            self._note(begun, request, self._outcome(answer), cached=False)

    def _note(
        self, begun: float, request: Decoded, reply: Reply, would_be: str = "", *, cached: bool
    ) -> None:
        note = self._shared.note
        if note is not None and isinstance(request, Request):
            note(request, reply, would_be, cached, perf_counter() - begun)
