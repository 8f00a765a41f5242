"""What all sections have in common: the programs, the world, and somebody to tell."""

import itertools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from .build import BenchError, Programs, compile_programs
from .servers import Also
from .world import World, missing, running_world


class Section(Protocol):
    """What a section returns: msgspec can encode it, and the page can show it."""

    def markdown(self) -> str:
        """Return tables and what must be known to read them."""


class Bench:
    """A run of the benchmarks. The world is made when a section first needs it."""

    def __init__(
        self,
        directory: Path,
        *,
        quick: bool,
        also: Sequence[Also],
        tell: Callable[[str], None],
    ) -> None:
        self.directory = directory
        self.quick = quick
        self.also = also
        self.tell = tell
        self.programs: Programs = compile_programs(directory)
        self._numbers = itertools.count(1)
        self._stack = ExitStack()
        self._world: World | None = None

    @property
    def world(self) -> World:
        if self._world is None:
            if reason := missing():
                raise BenchError(reason)
            self._world = self._stack.enter_context(running_world(self.tell))
        return self._world

    def number(self) -> int:
        """Return a number that nothing else in this run has: for files and ports."""
        return next(self._numbers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
