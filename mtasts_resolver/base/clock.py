"""Time as an argument, so that a year passes in a millisecond of test."""

import asyncio
import time
from functools import partial
from typing import Protocol

# Seconds after which a sleeper looks at the clock again: what fell due while the machine was
# suspended begins so soon after it. To look costs microseconds.
LOOK_AGAIN = 30.0


class Clock(Protocol):
    """What the daemon knows of time.

    Lifetimes inside the process are measured on `monotonic`, which no administrator and no NTP
    server sets back. `wall` is only for what outlives the process: the store, and what people read.
    """

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""

    def wall(self) -> float:
        """Return seconds since 1970-01-01 UTC; may jump either way."""

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds of `monotonic`."""


class SystemClock:
    """The machine's own clocks."""

    # CLOCK_BOOTTIME goes on while the machine is suspended; a policy's max_age does, too. A partial
    # of a built-in function costs a look-up less than a method would.
    monotonic = staticmethod(partial(time.clock_gettime, time.CLOCK_BOOTTIME))

    def wall(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait; after a suspension no longer than LOOK_AGAIN beyond the time.

        The event loop's own clock stands still while the machine is suspended.
        """
        end = self.monotonic() + seconds
        while True:
            await asyncio.sleep(min(seconds, LOOK_AGAIN))
            seconds = end - self.monotonic()
            if seconds <= 0:
                return
