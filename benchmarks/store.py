"""Stores that are full before a daemon starts."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.sqlite import SqliteStore

from .world import POLICY_ID, document

BATCH = 20_000  # policies put between two flushes: fewer than the store holds back at most


def fill(path: Path, domains: Iterable[str], *, age: float = 0.0) -> Path:
    """Store the policies of `domains`, fetched `age` seconds ago and asked for just now."""
    asyncio.run(_fill(path, domains, age))
    return path


async def _fill(path: Path, domains: Iterable[str], age: float) -> None:
    store = SqliteStore(path, clock=SystemClock())
    await store.open()
    now = time.time()
    for domain in domains:
        store.put(StoredPolicy(domain, POLICY_ID, document(domain).decode(), now - age, now))
        if store.pending >= BATCH:
            await store.flush()
    await store.close()
