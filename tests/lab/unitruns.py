"""The unit tests under the Python of Debian 13, which go on beside all other tests."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from . import debian13
from .namespace import ROOT, environment

WORKERS = 2
"""So many runs at a time: they wait as long as they compute."""

BEHIND_OTHERS = ("nice", "-n", "5")
"""The tests that they go on beside come first: each of these gets a third of their share."""

TIMEOUT = ("timeout", "--signal=ABRT", "--kill-after=10", "1800")
"""Many times what one run takes, on a busy host too. pytest tells where it stands when aborted."""

VARIABLES = {
    "CI": "1",  # CI's profile finds the same examples at each run
    "HOME": "/root",
    "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MTASTS_REQUIRE_LAB": os.environ.get("MTASTS_REQUIRE_LAB", ""),
}


class UnitTestRuns:
    """Runs of the unit tests of each room, a few at a time."""

    def __init__(self, root: Path) -> None:
        """Begin, in a root of Debian 13."""
        unit_tests = ROOT / "tests" / "unit"
        assert not list(unit_tests.glob("test_*.py")), "each test is in the folder of its room"
        self._root = root
        self._ended = Event()
        self._running: set[subprocess.Popen[str]] = set()
        self._pool = ThreadPoolExecutor(WORKERS)
        self._runs: list[Future[tuple[int, str]]] = [
            self._pool.submit(self._run, room)
            for room in sorted(unit_tests.iterdir())
            if any(room.glob("**/test_*.py"))
        ]

    def results(self) -> Iterator[tuple[int, str]]:
        """Yield the exit status of each run and what it printed, when it has ended."""
        return (run.result() for run in self._runs)

    def end(self) -> None:
        """End those that still run, and begin no other."""
        self._ended.set()
        for process in list(self._running):
            process.kill()
        self._pool.shutdown(cancel_futures=True)

    def _run(self, room: Path) -> tuple[int, str]:
        name = str(room.relative_to(ROOT))
        pytest_run = (debian13.PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", name)
        with subprocess.Popen(
            [*BEHIND_OTHERS, *debian13.alone(self._root, *TIMEOUT, *pytest_run)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(VARIABLES),
        ) as process:
            self._running.add(process)
            if self._ended.is_set():
                process.kill()
            printed, _ = process.communicate()
            self._running.discard(process)
            return process.returncode, printed


@contextmanager
def unit_test_runs(root: Path) -> Iterator[UnitTestRuns]:
    """Have the unit tests run in a root of Debian 13."""
    runs = UnitTestRuns(root)
    try:
        yield runs
    finally:
        runs.end()
