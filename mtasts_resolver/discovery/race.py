"""Trying alternatives side by side: name servers, and the addresses of a host."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from mtasts_resolver.discovery.errors import DiscoveryError, ShortageError

T = TypeVar("T")
Failure = TypeVar("Failure", DiscoveryError, ShortageError)


def _ignore(_: object) -> None:
    pass


async def race(
    attempts: Sequence[Callable[[], Awaitable[T]]],
    delay: float,
    failures: list[DiscoveryError],
    discard: Callable[[T], None] = _ignore,
) -> T | None:
    """Return the first result, or None when every attempt has failed.

    The next attempt begins when one failed, or after `delay` seconds without a result; those
    before it go on meanwhile, so a slow one may still win. A DiscoveryError is a failure and is
    added to `failures`. So is a ShortageError, but where nobody wins it is raised: what failed for
    want of something of ours might have been the result. Anything else is raised at once. A result
    that comes too late is given to `discard`.

    A failure is its text: see `_alone`.
    """
    if len(attempts) == 1:  # the usual case; tasks for all of them would be 2% of a discovery
        try:
            return await attempts[0]()
        except DiscoveryError as error:
            failures.append(_alone(error))
            return None
    return await _race(attempts, delay, failures, discard)


async def _race(
    attempts: Sequence[Callable[[], Awaitable[T]]],
    delay: float,
    failures: list[DiscoveryError],
    discard: Callable[[T], None],
) -> T | None:
    tasks: list[asyncio.Future[T]] = []
    running: set[asyncio.Future[T]] = set()
    winner: asyncio.Future[T] | None = None
    lacking: ShortageError | None = None
    try:
        while len(tasks) < len(attempts) or running:
            if len(tasks) < len(attempts):
                tasks.append(asyncio.ensure_future(attempts[len(tasks)]()))
                running.add(tasks[-1])
            limit = delay if len(tasks) < len(attempts) else None
            done, running = await asyncio.wait(
                running, timeout=limit, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                try:
                    result = task.result()
                except DiscoveryError as error:
                    failures.append(_alone(error))
                except ShortageError as error:
                    lacking = _alone(error)
                else:
                    winner = task
                    return result
        if lacking is not None:
            raise ShortageError(*lacking.args)
        return None
    finally:
        # Nothing is awaited here: were the race cancelled meanwhile, the result would be lost.
        for task in tasks:
            if task is not winner:
                task.cancel()
                task.add_done_callback(partial(_dismiss, discard))


def _alone(error: Failure) -> Failure:
    """Return `error` without how it came about: those frames hold `failures`, which holds it."""
    error.__context__ = None
    return error.with_traceback(None)


def _dismiss(discard: Callable[[T], None], task: asyncio.Future[T]) -> None:
    if not task.cancelled() and task.exception() is None:
        discard(task.result())
