"""Whose turn it is: those that have much in hand go on one after the other."""

import asyncio
from collections import deque
from collections.abc import Callable


class RoundRobin:
    """Calls one of those that wait in each turn of the event loop, in the order in which they came.

    However many wait, and however much each has to do, all others go on after one call.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._called = False

    def wait(self, go_on: Callable[[], None]) -> None:
        """Have `go_on` called once, when all that waited before have been called."""
        self._waiting.append(go_on)
        self._call()

    def _call(self) -> None:
        if self._waiting and not self._called:
            self._called = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._called = False
        go_on = self._waiting.popleft()
        self._call()
        go_on()
