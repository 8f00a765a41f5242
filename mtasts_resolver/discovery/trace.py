"""What a discovery is doing now and, for `mtasts-resolver explain`, what it has done."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mtasts_resolver.discovery.errors import DiscoveryError, NoRecordError


@dataclass(slots=True)
class Step:
    """One step of a discovery, and what came of it; written while it goes on."""

    name: str
    """What is done, for example `TXT _mta-sts.example.com`."""
    ok: bool = True
    seconds: float = 0.0
    outcome: str = ""
    """One line."""
    details: tuple[str, ...] = ()
    """More lines, for example a certificate's names."""
    absent: bool = False
    """What was looked for is not there, as most domains have none: no fault of anybody's."""


class Trace:
    """The steps of discoveries. `begin` is called with each name as it begins, for whoever waits.

    Where nobody will read them they are not `kept`, and only the current one is known.
    """

    def __init__(
        self, begin: Callable[[str], None] = lambda _name: None, *, kept: bool = True
    ) -> None:
        self.kept = kept
        self.steps: list[Step] = []
        """Those that have ended."""
        self.current = ""
        """The step under way, or the one that failed."""
        self._begin = begin
        self._under_way: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time what is done inside; an error that leaves it is its outcome.

        Of steps within steps, only the innermost that failed is kept.
        """
        step = Step(name)
        self._under_way.append(name)
        self._go_on_with(name)
        begun = time.monotonic()
        try:
            yield step
        except (DiscoveryError, asyncio.CancelledError) as error:
            if self.current == name:
                step.ok, step.outcome = False, str(error) or "the time ran out"
                step.absent = isinstance(error, NoRecordError) and error.absent
                self._keep(step, begun)
            raise
        finally:
            self._under_way.remove(name)
        self._keep(step, begun)
        if self._under_way:
            self._go_on_with(self._under_way[-1])

    def _go_on_with(self, name: str) -> None:
        self.current = name
        self._begin(name)

    def _keep(self, step: Step, begun: float) -> None:
        if self.kept:
            step.seconds = time.monotonic() - begun
            self.steps.append(step)
