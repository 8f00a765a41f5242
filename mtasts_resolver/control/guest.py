"""How work that an administrator asked for goes on beside look-ups, which come first.

A request is a guest in the event loop of the look-ups: it works in bites, and lets everybody else
have a turn after each.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

# Seconds of work between two turns of others. Those who look up, 32 at once, take four times as
# long in a turn: by so little more is their answer late while an administrator asks for everything.
BITE = 0.00005

T = TypeVar("T")


async def bites(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield each of `items`, and let others have their turn after each BITE of work.

    What is done with an item counts as work, and so does what it takes to come by the next.
    """
    begun = time.perf_counter()
    for item in items:
        yield item
        if time.perf_counter() - begun >= BITE:
            await asyncio.sleep(0)
            begun = time.perf_counter()
