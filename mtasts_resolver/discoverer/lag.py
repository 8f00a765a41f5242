"""How late an event loop is: whether what took too long was slow, or we were."""

import asyncio

INTERVAL = 0.1  # seconds between two looks; lateness below that does not make anything time out
# A time-out of which more than this part was our own lateness says nothing of whom we waited for.
TOLERATED = 0.25


class Lag:
    """Adds up by how much the loop of this thread is late."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """The lateness of all looks together."""

    async def watch(self) -> None:
        """Look for ever; ends by cancellation."""
        loop = asyncio.get_running_loop()
        while True:
            expected = loop.time() + INTERVAL
            await asyncio.sleep(INTERVAL)
            self.seconds += max(0.0, loop.time() - expected)

    def matters(self, *, since: float, of: float) -> bool:
        """Tell whether of the last `of` seconds too many were late; `since` is `seconds` then."""
        return self.seconds - since > TOLERATED * of
