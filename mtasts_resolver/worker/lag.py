"""How late an event loop is: whether what took too long was slow, or we were."""

import asyncio
import time

INTERVAL = 0.1  # seconds between two looks; lateness below that does not make anything time out
# A time-out of which more than this part was our own lateness says nothing of whom we waited for.
TOLERATED = 0.25


class Lag:
    """Adds up by how much the event loop is late, at looks `interval` seconds apart."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._past = 0.0  # seconds: the lateness of all looks so far
        self._expected: float | None = None  # the time of the next look

    @property
    def seconds(self) -> float:
        """The lateness of all looks together, and of the next one if it is late already."""
        late = 0.0 if self._expected is None else time.monotonic() - self._expected
        return self._past + max(0.0, late)

    async def watch(self) -> None:
        """Look for ever; ends by cancellation."""
        while True:
            self._expected = time.monotonic() + self._interval
            await asyncio.sleep(self._interval)
            self._past = self.seconds

    def matters(self, *, since: float, of: float) -> bool:
        """Tell whether more of `of` seconds was late than may be, since `seconds` was `since`."""
        return self.seconds - since > TOLERATED * of
