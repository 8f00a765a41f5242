"""Spreading a burst of work over turns of the event loop, so that what is quick goes between."""

import asyncio
from collections import deque


class Pace:
    """Lets at most `per_turn` of those who call `turn` go on in one turn of the event loop."""

    def __init__(self, per_turn: int) -> None:
        self._per_turn = per_turn
        self._gone = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def turn(self) -> None:
        """Go on, in this turn or a later one; whoever comes first goes first."""
        loop = asyncio.get_running_loop()
        if self._gone == 0:
            loop.call_soon(self._next_turn)
        if self._gone < self._per_turn:
            self._gone += 1
            return
        future = loop.create_future()
        self._waiting.append(future)
        await future

    def _next_turn(self) -> None:
        self._gone = 0
        while self._waiting and self._gone < self._per_turn:
            future = self._waiting.popleft()
            if not future.done():  # else whoever waited has been cancelled
                future.set_result(None)
                self._gone += 1
        if self._gone:
            asyncio.get_running_loop().call_soon(self._next_turn)
