"""What has been asked of worker processes, and waits for its answer."""

import asyncio
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from mtasts_resolver.base import logs
from mtasts_resolver.base.overload import MisconfiguredError, OverloadedError
from mtasts_resolver.worker import messages
from mtasts_resolver.worker.messages import Ask, Question
from mtasts_resolver.worker.process import WorkerProcess

log = logs.get(__name__)

# A question that is open for so many seconds has lost its answer to a bug: a discovery ends by
# time-outs long before. Whoever waits is told, and makes room for others.
LOST = 1_800.0

T = TypeVar("T")


class _Asked(Struct, Generic[T], eq=False):
    """A question that waits for its answer, and who is to give it."""

    message: bytes
    kind: type[T]
    """Of what is found."""
    process: WorkerProcess
    since: float
    future: asyncio.Future[T]

    def settle(self, result: messages.Result) -> None:
        match result:
            case messages.Failed():
                self.future.set_exception(messages.error_of(result))
            case messages.Overloaded(reason=reason):
                self.future.set_exception(OverloadedError(reason))
            case messages.Misconfigured(reason=reason):
                self.future.set_exception(MisconfiguredError(reason))
            case messages.Found(found=found):
                self.future.set_result(msgspec.msgpack.decode(found, type=self.kind))


class OpenQuestions:
    """All of them, in the order in which they were asked."""

    def __init__(self) -> None:
        self._asked: dict[int, _Asked[Any]] = {}
        self._last_number = 0

    async def ask(
        self,
        process: WorkerProcess,
        kind: type[T],
        question: Question,
        about: str,
        known_ids: Sequence[str],
        *,
        smtp: bool = True,
    ) -> T:
        """Return what `process`, or who takes over from it, finds. Raise as a Discoverer does."""
        loop = asyncio.get_running_loop()
        number = self._last_number = self._last_number + 1
        message = messages.encode(Ask(number, question, about, tuple(known_ids), smtp))
        future: asyncio.Future[T] = loop.create_future()
        self._asked[number] = _Asked(message, kind, process, loop.time(), future)
        process.send(message)
        try:
            return await future
        finally:
            self._asked.pop(number, None)

    def settle(self, process: WorkerProcess, result: messages.Result) -> None:
        """Tell who waits for it what `process` says."""
        asked = self._asked.get(result.number)
        # Whoever does not wait any more has gone; what was taken over is answered twice.
        if asked is not None and asked.process is process and not asked.future.done():
            asked.settle(result)

    def wait_for(self, process: WorkerProcess) -> bool:
        """Tell whether there is any that `process` is to answer."""
        return any(asked.process is process for asked in self._asked.values())

    def hand_over(self, relief: WorkerProcess) -> None:
        """Have `relief` answer them all: the other one cannot, and what it says is late."""
        for asked in self._asked.values():
            if not asked.future.done():
                asked.process = relief
                relief.send(asked.message)

    def release(self, process: WorkerProcess) -> None:
        """Tell whoever waits for `process` that it has ended."""
        for asked in self._asked.values():
            if asked.process is process and not asked.future.done():
                asked.future.set_exception(OverloadedError("the discoverer has ended"))

    def give_up(self) -> None:
        """Tell whoever has waited for an answer for too long that there will be none."""
        now = asyncio.get_running_loop().time()
        for number, asked in self._asked.items():
            if now - asked.since < LOST:
                return
            if not asked.future.done():
                log.error("answer-lost", number=number, action="report this bug, please")
                asked.future.set_exception(OverloadedError("the discoverer has lost the question"))
