"""Doing several things at once, of which one error is enough."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


async def together(*work: Coroutine[Any, Any, T]) -> tuple[T, ...]:
    """Do all of `work` at once. Where some of it raises, end the rest, and raise that."""
    with only_first_error():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    return tuple(task.result() for task in tasks)


@contextmanager
def only_first_error() -> Iterator[None]:
    """Raise, of what a group of tasks raises, the first error alone."""
    try:
        yield
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
