"""Doing something for many, a bounded number at once."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

K = TypeVar("K")
R = TypeVar("R")


async def for_each(
    keys: Iterable[K], work: Callable[[K], Awaitable[R]], *, at_once: int
) -> AsyncGenerator[list[R], None]:
    """Yield what `work` returns for each of `keys`, in the order in which that comes.

    Where nobody waits for it any more, nothing else begins.
    """
    waiting = iter(keys)
    running: set[asyncio.Future[R]] = set()
    try:
        while True:
            for key in waiting:
                running.add(asyncio.ensure_future(work(key)))
                await asyncio.sleep(0)  # each begins in a turn of its own
                if len(running) >= at_once:
                    break
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            yield [task.result() for task in done]
    finally:
        for task in running:
            task.cancel()
