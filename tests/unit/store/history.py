"""What the tests of the history share: changes, a history that is open, and what is in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mtasts_resolver.base.events import Events
from mtasts_resolver.store.changes import Change, RecordedChange, Subject
from mtasts_resolver.store.changetable import Wanted
from mtasts_resolver.store.history import History
from tests.unit.store.support import WALL, StoppedClock


def policy_change(domain: str, now: str | None, *, time: float = WALL, **more: Any) -> Change:
    return Change(time, domain, Subject.POLICY, "changed", now, **more)


@asynccontextmanager
async def opened(
    file: Path, *, clock: StoppedClock | None = None, told: Events | None = None
) -> AsyncIterator[History]:
    """Yield a history that writes when it is flushed or read, and then close it."""
    kept = History(file, clock=clock or StoppedClock(), events=told or Events())
    kept.open()
    try:
        yield kept
    finally:
        await kept.close()


async def all_of(kept: History, wanted: Wanted | None = None) -> list[Change]:
    """Return what is in the history, the latest first, and see that each number is lower."""
    found: list[RecordedChange] = []
    async for page in kept.pages(wanted or Wanted()):
        found += page
    numbers = [change.number for change in found]
    assert numbers == sorted(set(numbers), reverse=True)
    return [change.change for change in found]


async def texts(kept: History, wanted: Wanted | None = None) -> list[str | None]:
    return [change.now for change in await all_of(kept, wanted)]


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777
