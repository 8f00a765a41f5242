"""One connection: bytes to requests, requests to answers, answers to bytes, in order."""

import asyncio
import os
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

from mtasts_resolver.base.ratelimit import RateLimitedLog
from mtasts_resolver.postfix.codec import BadRequest, Codec, Decoded, Garbage, Request
from mtasts_resolver.postfix.reply import Reply, Status, TimedReply
from mtasts_resolver.server.limits import Limits, ServerCounters
from mtasts_resolver.server.prepared import Prepared
from mtasts_resolver.server.roundrobin import RoundRobin
from mtasts_resolver.server.state import State

Responder = Callable[[Request], Reply | TimedReply | Awaitable[Reply]]
"""Answers a request: at once where the reply is known, else by something to wait for.

A TimedReply is given again to whoever sends the same bytes, until its time is over.

A coroutine is run as a task, which is cancelled when its peer goes away; a future or task is only
waited for, as it may be shared.
"""

Note = Callable[[Request, Reply, str, bool, float], None]
"""Takes note of a look-up that was answered: what it would be, where that is something else than
the reply; whether memory had it; and the seconds that it took."""

# Bytes decoded, and about as many written, at a time: a read of 256 KiB may hold 40,000 requests,
# which should not all stand in memory as objects at once. To decode 700 takes half a millisecond.
CHUNK = 4_096
# Requests that one connection may have answered before all others go on: half a millisecond. One is
# answered when it arrives.
REQUESTS_PER_TURN = 64
# Bytes of replies in which they count as one request more: the longest reply has 100,000.
BYTES_AS_REQUEST = 4_096
# Bytes that are read once more before a connection is closed: a request, or many.
LAST_READ = 65_536
# Unsent bytes at which writing pauses. uvloop's own low-water mark is 16 bytes.
WRITE_HIGH = 65_536
WRITE_LOW = 16_384

INTERNAL_ERROR = Reply(Status.TEMP, "internal error, see the log of mtasts-resolver")
STOPPING = Reply(Status.TEMP, "mtasts-resolver is stopping, ask again")


@dataclass(slots=True)
class Shared:
    """What all connections of a server have in common."""

    answer: Responder
    limits: Limits
    clock: Callable[[], float]
    """Seconds, never going back."""
    log: RateLimitedLog
    lost: Callable[["Connection"], None]
    """Called once when a connection has ended."""
    prepared: defaultdict[type[Codec], Prepared] = field(
        default_factory=lambda: defaultdict(Prepared)
    )
    """Replies that stand ready, apart for each protocol."""
    counters: ServerCounters = field(default_factory=ServerCounters)
    turns: RoundRobin = field(default_factory=RoundRobin)
    tasks: set[asyncio.Future[Reply]] = field(default_factory=set)
    """Coroutines that answer requests; held here, as the event loop does not hold them."""
    note: Note | None = None
    """Called behind each answer by connections that note."""


AT_REST, PAUSED = State.AT_REST, State.PAUSED  # here, as a member of an enum is found slowly


class Connection(asyncio.Protocol):
    """Answers one peer's requests in the order in which they came.

    What was read passes `_unread` (bytes), `_decoded` and `_queue` (asked, each a reply, its bytes,
    or the future of one). Reading pauses while anything is held up; all but one request waits for
    turns. A request that was answered before, and arrives as a whole while nothing else is in hand,
    passes none of these: its reply stands ready.
    """

    __slots__ = (
        "_active_at",
        "_clock",
        "_codec",
        "_decoded",
        "_partial_since",
        "_prepared",
        "_queue",
        "_shared",
        "_state",
        "_timed",
        "_transport",
        "_unread",
        "_waiting",
        "_write",
        "_writing_paused",
        "listener",
    )

    def __init__(self, codec: Codec, shared: Shared, listener: str) -> None:
        self._codec = codec
        self._shared = shared
        self.listener = listener
        self._transport: asyncio.Transport | None = None  # before it is made, and once it is lost
        self._write: Callable[[bytes], None]  # the transport's, bound once
        self._state = AT_REST
        self._unread = b""
        self._decoded: deque[Decoded] = deque()
        self._queue: deque[Reply | bytes | asyncio.Future[Reply]] = deque()
        self._timed: TimedReply | None = None  # among the answers to what came last
        self._waiting = False  # for a turn, to go on with what was read
        self._writing_paused = False  # until the peer takes replies
        self._active_at = shared.clock()  # the last request, or the last reply
        self._partial_since: float | None = None
        self._prepared = shared.prepared[type(codec)]
        self._clock = shared.clock

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write
        self._transport.set_write_buffer_limits(high=WRITE_HIGH, low=WRITE_LOW)
        if self._state is State.DRAINING:
            self._advance()
        elif self._state is State.ENDED:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        known = self._prepared.table.get(data) or self._prepared.find(data)
        if known is not None and self._state is AT_REST:
            now = self._clock()
            if now < known.until:
                if not known.used:  # to look is cheaper than to write
                    known.used = True
                self._active_at = now
                known.tally.count += 1
                self._write(known.wire)
                return
        if self._state <= PAUSED:
            self._receive(data)

    def eof_received(self) -> bool:
        """Keep the sending half open while answers are due."""
        self._state = max(self._state, State.HEARD_OUT)
        return bool(self._queue or self._decoded or self._unread)

    def pause_writing(self) -> None:
        self._writing_paused = True
        self._state = max(self._state, State.BUSY)

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """End. Why is of no interest: a peer may go away at any time, in any way."""
        self._state = State.ENDED
        self._transport = None
        self._unread = b""
        self._decoded.clear()
        for item in self._queue:
            if isinstance(item, asyncio.Future) and item in self._shared.tasks:
                item.cancel()
        self._queue.clear()
        self._shared.lost(self)

    # Called by the server

    def finish(self) -> None:
        """Answer what has arrived, then close."""
        self._state = max(self._state, State.DRAINING)
        self._advance()

    def give_up(self) -> None:
        """Answer with STOPPING whatever has been asked and has no answer yet, then close."""
        self._unread = b""
        self._decoded.clear()
        for index, item in enumerate(self._queue):
            if isinstance(item, asyncio.Future) and not item.done():
                if item in self._shared.tasks:
                    item.cancel()
                self._queue[index] = STOPPING
        self.finish()

    def become(self, kind: type["Connection"]) -> None:
        """Behave as `kind` from now on."""
        self.__class__ = kind
        if self._transport is not None:
            self._transport.set_protocol(self)  # event loops bind `data_received` there, once

    def abort(self) -> None:
        """Close at once; what was not sent is lost."""
        self._state = State.ENDED
        if self._transport is not None:
            self._transport.abort()

    def expire(self, now: float) -> None:
        """Close the connection if the peer is past one of its time limits."""
        limits = self._shared.limits
        since, allowed = self._active_at, limits.idle
        if self._state is State.ENDED:
            allowed = limits.linger
        elif self._writing_paused:
            pass
        elif self._queue or self._waiting:
            return  # it is we who are slow, and the resolver bounds that
        elif self._partial_since is not None:
            since, allowed = self._partial_since, limits.partial
        if now - since >= allowed:
            self.abort()

    # From bytes to bytes

    def _receive(self, data: bytes) -> None:
        """Take what came; where it was one request with a timed reply, prepare for the next."""
        alone = self._state is AT_REST
        self._timed = None
        self._unread += data
        self._advance(1)
        if alone and self._state is AT_REST and self._timed is not None:
            self._prepared.add(data, self._timed)

    def _advance(self, requests: int = 0) -> None:
        """Move on as many `requests` of what was read, send what is known, and see what follows."""
        transport = self._transport
        if transport is None or self._state is State.ENDED:
            return
        self._ask(requests)
        while not (self._writing_paused or transport.is_closing()) and (known := self._known()):
            self._write(known)
            self._active_at = self._clock()
        if transport.is_closing():
            return
        held_up = self._held_up()
        if not held_up and not self._waiting and (self._decoded or self._unread):
            self._waiting = True
            self._shared.turns.wait(self._go_on)
        held_up = held_up or self._waiting
        if self._state <= PAUSED:
            self._read_on(transport, held_up=held_up)
        elif not held_up and not self._queue:
            self._end(transport)

    def _go_on(self) -> None:
        """Take a turn."""
        self._waiting = False
        self._advance(REQUESTS_PER_TURN)

    def _held_up(self) -> bool:
        """Tell whether the peer must take replies, or answers be found, before more is asked."""
        return self._writing_paused or len(self._queue) >= self._shared.limits.pipelined

    def _ask(self, requests: int) -> None:
        """Ask for answers to so many `requests`, or fewer if they are long."""
        while requests > 0 and not self._held_up() and (self._decoded or self._decode()):
            answer = self._respond(self._decoded.popleft())
            self._queue.append(answer)
            requests -= 1
            if isinstance(answer, bytes):
                requests -= len(answer) // BYTES_AS_REQUEST

    def _decode(self) -> bool:
        """Decode one chunk of what was read; tell whether it completed a request."""
        while self._unread:
            chunk, self._unread = self._unread[:CHUNK], self._unread[CHUNK:]
            decoded = self._codec.feed(chunk)
            if decoded:
                self._active_at = self._clock()
                self._partial_since = self._active_at if self._codec.partial else None
                self._decoded.extend(decoded)
                return True
            if self._partial_since is None:
                self._partial_since = self._clock()
        return False

    def _respond(self, request: Decoded) -> Reply | bytes | asyncio.Future[Reply]:
        if not isinstance(request, Request):
            return self._refuse(request)
        shared = self._shared
        shared.counters.requests += 1
        try:
            answer = shared.answer(request)
            if isinstance(answer, TimedReply):
                answer.wire = answer.wire or self._codec.encode(answer.reply)
                self._timed = answer
                answer.tally.count += 1
                return answer.wire
            if isinstance(answer, Reply):
                return answer
            future = asyncio.ensure_future(answer)
        except Exception as error:  # noqa: BLE001  a bug must cost one answer, not the daemon
            return self._failed(error)
        if future is not answer:
            shared.tasks.add(future)
            future.add_done_callback(shared.tasks.discard)
        future.add_done_callback(self._answered)
        return future

    def _refuse(self, refused: BadRequest | Garbage) -> Reply:
        self._shared.counters.bad_requests += 1
        garbage = isinstance(refused, Garbage)
        if garbage:
            self._state = max(self._state, State.GARBLED)
            self._unread = b""
        self._shared.log.warning(
            "request-bad",
            listener=self.listener,
            peer=_peer_name(self._transport),
            reason=refused.reason,
            closed=garbage,
        )
        return Reply(Status.PERM, refused.reason)

    def _answered(self, future: asyncio.Future[Reply]) -> None:
        if not future.cancelled() and (error := future.exception()):
            self._failed(error)
        if self._queue and self._queue[0] is future:
            self._advance()

    def _known(self) -> bytes:
        """Take the answers that are known, up to the first that is not; not many at a time."""
        queue, chunks, size = self._queue, list[bytes](), 0
        while queue and size < CHUNK:
            first = queue[0]
            if isinstance(first, asyncio.Future):
                if not first.done():
                    break
                first = self._outcome(first)
            queue.popleft()
            chunks.append(first if isinstance(first, bytes) else self._codec.encode(first))
            size += len(chunks[-1])
        return b"".join(chunks)

    def _outcome(self, future: asyncio.Future[Reply]) -> Reply:
        if future.cancelled():
            return STOPPING
        return INTERNAL_ERROR if future.exception() else future.result()

    def _failed(self, error: BaseException) -> Reply:
        self._shared.counters.failed += 1
        self._shared.log.bug("answer-failed", error, listener=self.listener)
        return INTERNAL_ERROR

    def _read_on(self, transport: asyncio.Transport, *, held_up: bool) -> None:
        """Read what comes, or pause."""
        was_paused = self._state is PAUSED
        in_hand = self._queue or self._partial_since is not None
        self._state = PAUSED if held_up else State.BUSY if in_hand else AT_REST
        if held_up and not was_paused:
            transport.pause_reading()
        elif was_paused and not held_up:
            if self._partial_since is not None:
                self._partial_since = self._clock()  # the rest could not arrive until now
            transport.resume_reading()

    def _end(self, transport: asyncio.Transport) -> None:
        """Close, when everything is answered.

        After garbage the peer may be sending still. To close with bytes unread would reset the
        connection, and the peer could lose the answers: so the end is said, and what still comes
        is dropped, until the peer closes or `linger` is over.
        """
        if self._state is State.DRAINING and (last := _last_bytes(transport)):
            self._state = State.READ_OUT
            self._unread += last
            self._advance(1)
            return
        garbled = self._state is State.GARBLED
        self._state = State.ENDED
        self._active_at = self._clock()
        if garbled:
            transport.write_eof()
            transport.resume_reading()
        else:
            transport.close()


def _last_bytes(transport: asyncio.Transport) -> bytes:
    """Return what has arrived and was not read: closing would reset the connection."""
    try:
        return os.read(transport.get_extra_info("socket").fileno(), LAST_READ)
    except OSError:  # nothing is there, or the peer is gone
        return b""


def _peer_name(transport: asyncio.BaseTransport | None) -> str:
    """Return how the log names the peer at the other end."""
    peer = transport.get_extra_info("peername") if transport else None
    if not isinstance(peer, tuple):
        return "local"  # of a unix socket, or gone already
    return f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"
