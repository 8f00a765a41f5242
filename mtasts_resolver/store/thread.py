"""A thread for what blocks, which the end of the process does not wait for."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from mtasts_resolver.store.errors import STUCK, UnavailableError

T = TypeVar("T")


class _Job(NamedTuple):
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class JobThread:
    """Does one job after another, in the order in which they came.

    The interpreter joins the threads of a ThreadPoolExecutor before it ends, and would do so for
    ever where one waits for a disk that does not answer. This thread it leaves to its fate.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._late: asyncio.Future[Any] | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def do(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Return what will be the outcome of `work`."""
        if self._thread.ident is None:
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work, loop, future))
        return future

    @property
    def stuck(self) -> bool:
        """Tell whether a job that `finished` gave up waiting for is still not done."""
        return self._late is not None and not self._late.done()

    async def finished(self, work: Callable[[], T], within: float) -> asyncio.Future[T]:
        """Return what `work` came to, once it has; UnavailableError after so many seconds."""
        if self.stuck:
            raise UnavailableError(STUCK)
        job = self.do(work)
        job.add_done_callback(retrieve)
        await asyncio.wait((job,), timeout=within)
        if not job.done():
            self._late = job
            raise UnavailableError(STUCK)
        return job

    def close(self) -> None:
        """Have the thread end, after the jobs that wait and were not cancelled."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.future.cancelled():
                continue
            result, error = None, None
            try:
                result = job.work()
            except Exception as failure:  # noqa: BLE001  it is for whoever waits for the outcome
                error = failure
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                job.loop.call_soon_threadsafe(_settle, job.future, result, error)
            del job, result, error  # what it holds, while the thread waits for the next


def retrieve(job: asyncio.Future[Any]) -> None:
    """Look at the outcome of a job that nobody may be waiting for any more."""
    if not job.cancelled():
        job.exception()


def _settle(future: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
