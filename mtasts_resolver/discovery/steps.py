"""What a discovery is doing now, and, where somebody wants to know, what it did."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import ref

from mtasts_resolver.discovery.errors import DiscoveryError, NoRecordError
from mtasts_resolver.discovery.trace import Trace


@dataclass(slots=True)
class Note:
    """How a step ended; written while it goes on."""

    outcome: str = ""
    details: list[str] = field(default_factory=list)


def _nothing() -> None:
    pass


class Steps:
    """The steps of one discovery; a trace gets them as they end."""

    def __init__(self, trace: Trace | None) -> None:
        self._trace = trace
        # Weakly: an error holds the frames that it came through, which hold these steps, and with
        # them all that the discovery had in memory.
        self._recorded: Callable[[], BaseException | None] = _nothing
        self.current = ""
        """The step under way, or the one that failed."""

    @property
    def traced(self) -> bool:
        """Tell whether anybody will read the details."""
        return self._trace is not None

    @contextmanager
    def step(self, name: str) -> Iterator[Note]:
        """Time what is done inside; an error that leaves it is its outcome.

        Of steps within steps, only the innermost that failed is recorded.
        """
        outer, self.current = self.current, name
        if self._trace is not None:
            self._trace.begin(name)
        note = Note()
        begun = time.monotonic()
        try:
            yield note
        except (DiscoveryError, asyncio.CancelledError) as error:
            if error is not self._recorded():
                self._recorded = ref(error)
                absent = isinstance(error, NoRecordError) and error.absent
                failure = str(error) or "the time ran out"
                self._record(name, begun, note, failure=failure, absent=absent)
            raise
        self._record(name, begun, note)
        self.current = outer
        if self._trace is not None and outer:
            self._trace.begin(outer)  # again: it goes on

    def _record(
        self,
        name: str,
        begun: float,
        note: Note,
        failure: str | None = None,
        *,
        absent: bool = False,
    ) -> None:
        if self._trace is not None:
            self._trace.record(
                name,
                ok=failure is None,
                seconds=time.monotonic() - begun,
                outcome=note.outcome if failure is None else failure,
                details=tuple(note.details),
                absent=absent,
            )
