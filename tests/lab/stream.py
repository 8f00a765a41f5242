"""The output of a process, kept line by line, so that a test awaits what it says."""

import subprocess
import threading
import time
from collections.abc import Callable
from typing import IO, Generic, TypeVar

T = TypeVar("T")
Found = TypeVar("Found")

PATIENCE = 120.0
"""Seconds that anything in the lab may take, on a machine that is busy with other work."""

POLL = 0.02
"""Seconds between two looks at something that does not tell when it changes."""


class LabError(Exception):
    """The lab itself does not work, as opposed to what is tested in it."""


class Stream(Generic[T]):
    """Reads a pipe in a thread of its own; `decode` makes of a line what is kept."""

    def __init__(self, name: str, pipe: IO[bytes], decode: Callable[[bytes], T]) -> None:
        self.name = name
        self._pipe = pipe
        self._decode = decode
        self._items: list[T] = []
        self._ended = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._read, name=f"lab {name}", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._pipe:
            for line in self._pipe:
                item = self._decode(line.rstrip(b"\n"))
                with self._news:
                    self._items.append(item)
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def mark(self) -> int:
        """Return the place where the stream stands now, for `since` and `wait`."""
        with self._news:
            return len(self._items)

    def since(self, mark: int) -> list[T]:
        with self._news:
            return self._items[mark:]

    def wait(self, mark: int, wanted: Callable[[T], Found | None], what: str) -> Found:
        """Return the first thing that `wanted` finds after `mark`; LabError if it never comes."""
        place = mark
        found: Found | None = None

        def arrived() -> bool:
            nonlocal place, found
            while found is None and place < len(self._items):
                found = wanted(self._items[place])
                place += 1
            return found is not None or self._ended

        with self._news:
            self._news.wait_for(arrived, PATIENCE)
        if found is None:
            said = "\n".join(str(item) for item in self.since(mark)[-40:])
            state = "has ended" if self._ended else f"did not say so in {PATIENCE:.0f} s"
            raise LabError(f"{self.name}: waited for {what}, but it {state}. It said:\n{said}")
        return found

    def join(self) -> None:
        """Return when the process has closed its end."""
        self._thread.join(PATIENCE)


def until(wanted: Callable[[], bool], what: str) -> None:
    """Return when `wanted` is true, looked at often; LabError if it never is."""
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not so in {PATIENCE:.0f} s")
        time.sleep(POLL)


def text_stream(name: str, pipe: IO[bytes] | None) -> Stream[str]:
    if pipe is None:
        raise LabError(f"{name} was started without a pipe")
    return Stream(name, pipe, lambda line: line.decode("utf-8", "replace"))


def end(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process that was told to end, and return its exit status."""
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise LabError(f"{process.args!r} did not end in {PATIENCE:.0f} s") from None
