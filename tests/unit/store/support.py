"""What the tests of the store share: policies, clocks, a crash, and a private mount namespace."""

import asyncio
import ctypes
import os
import shutil
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import pytest

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.store import StoredPolicy, WritesLost
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.sqlite import CHECK_DELAY, LOOK_INTERVAL, SqliteStore

WALL = 1_795_299_300.0  # 2026-11-21 22:15:00 UTC

_CLONE_NEWNS = 0x00020000


class StoppedClock:
    """A clock at WALL whose `sleep` never ends: nothing is written but by `flush`."""

    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return WALL

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


class SteppedClock(StoppedClock):
    """A clock that notes how long each `sleep` is to be, and ends it when `step` is called.

    Those before a check of the whole file and before a look at it it neither notes nor ends.
    """

    def __init__(self) -> None:
        self.sleeps: asyncio.Queue[float] = asyncio.Queue()
        self._steps = asyncio.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        if seconds in (CHECK_DELAY, LOOK_INTERVAL):
            await super().sleep(seconds)
        self.sleeps.put_nowait(seconds)
        await self._steps.acquire()

    def step(self) -> None:
        self._steps.release()


def policy(
    domain: str, *, policy_id: str = "1", document: str = "version: STSv1\n"
) -> StoredPolicy:
    return StoredPolicy(domain, policy_id, document, fetched_at=WALL - 60.0, asked_at=WALL)


def policies(number: int, *, document: str = "version: STSv1\n") -> dict[str, StoredPolicy]:
    names = (f"d{n}.example" for n in range(number))
    return {name: policy(name, document=document) for name in names}


def new_store(
    path: Path,
    recover: Callable[[], Iterable[StoredPolicy]] = tuple,
    *,
    clock: Clock | None = None,
) -> SqliteStore:
    """Return a store, and somebody who has in memory what `recover` returns."""
    told = Events()
    store = SqliteStore(path, clock=clock or StoppedClock(), events=told)
    told.listen(WritesLost, lambda _: store.put_again(recover()))
    return store


async def fill(path: Path, wanted: Iterable[StoredPolicy]) -> None:
    """Write `wanted` to the file `path`, and close it."""
    store = new_store(path)
    await store.open()
    for stored in wanted:
        store.put(stored)
    await store.close()
    assert store.pending == 0


async def written_by_itself(store: SqliteStore) -> None:
    """Return when the store has written everything, without being asked to."""
    async with asyncio.timeout(20):
        while store.pending:  # noqa: ASYNC110 - the store has no event for it
            await asyncio.sleep(0.01)


async def contents(store: SqliteStore) -> dict[str, StoredPolicy]:
    """Return what a scan yields, and see that it yields nothing twice.

    Of a store that is in trouble that may not be all, and the scan says so.
    """
    found: list[StoredPolicy] = []
    try:
        async for batch in store.scan():
            found += batch
    except UnavailableError:
        assert store.trouble is not None
    by_domain = {stored.domain: stored for stored in found}
    assert len(by_domain) == len(found)
    return by_domain


async def rows_written(store: SqliteStore) -> int:
    """Return how many policies the file holds."""
    table = store._database._table
    assert table is not None
    return await store._thread.do(lambda: len(table))


async def contents_of(path: Path) -> dict[str, StoredPolicy]:
    """Return what a store finds that opens `path` now."""
    store = new_store(path)
    await store.open()
    assert store.trouble is None
    found = await contents(store)
    await store.close()
    return found


def crash(path: Path, directory: Path) -> Path:
    """Return a copy of the database's files as a process would leave them that dies at once."""
    directory.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, directory)
    return directory / path.name


def in_mount_namespace(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run `scenario` in a thread, and its threads, with mounts that nobody else sees."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    failures: list[BaseException] = []

    def run() -> None:
        try:
            _unshare_mounts()
            mount("--make-rprivate", "/")
            asyncio.run(_awaited(scenario))
        except BaseException as failure:  # noqa: BLE001 - handed to the test's own thread
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for failure in failures:
        raise failure


def _unshare_mounts() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


async def _awaited(scenario: Callable[[], Awaitable[None]]) -> None:
    await scenario()


def mount(*arguments: str) -> None:
    """Call mount(8) in the namespace of the calling thread."""
    subprocess.run(["mount", *arguments], check=True)
