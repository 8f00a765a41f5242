"""Values as they are sent, some at once."""

from collections.abc import AsyncIterator
from typing import TypeVar

from mtasts_resolver.control.api.endpoint import RefusedError
from mtasts_resolver.store.errors import UnavailableError

BATCH = 64  # values that are sent at once: a millisecond's work, in ten bites

V = TypeVar("V")


async def batches(values: AsyncIterator[V]) -> AsyncIterator[list[V]]:
    """Yield all of `values`. Raise RefusedError where the store cannot be read any further."""
    batch: list[V] = []
    try:
        async for value in values:
            batch.append(value)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except UnavailableError as error:
        yield batch
        raise RefusedError(503, f"the store cannot be read: {error}", "try again") from None
    yield batch
