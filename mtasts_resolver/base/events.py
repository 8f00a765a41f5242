"""What happens, told once to everybody who wants to know.

An event is a value of a class of its own, in the past tense. Who publishes it need not know who
listens: the log, whoever keeps what has become wrong by it.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

E = TypeVar("E")
T = TypeVar("T")


class Events:
    """Hands each event to those who listen to its class, in the order in which they began to."""

    def __init__(self) -> None:
        self._listeners: dict[type, list[Callable[[Any], object]]] = defaultdict(list)
        self._kept: list[object] | None = None

    def listen(self, to: type[E], listener: Callable[[E], object]) -> None:
        """Have `listener` called with each event of the class `to`, at once and in its turn."""
        self._listeners[to].append(listener)

    def publish(self, event: object) -> None:
        if self._kept is not None:
            self._kept.append(event)
        for listener in self._listeners.get(type(event), ()):
            listener(event)

    def keep(self) -> None:
        """Keep what is published from now on for those who `join`: soon, for it has no bound."""
        self._kept = []

    def join(self, begin: Callable[[], T]) -> T:
        """Return what `begin` returns; who begins to listen in it hears what was kept, too."""
        before, self._listeners = self._listeners, defaultdict(list)
        try:
            result = begin()
        finally:
            late, self._listeners = self._listeners, before
        for kind, listeners in late.items():
            before[kind] += listeners
        kept, self._kept = self._kept or [], None
        for event in kept:
            for listener in late.get(type(event), ()):
                listener(event)
        return result
