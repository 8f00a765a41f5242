"""What happens, told once to everybody who wants to know.

An event is a value of a class of its own, in the past tense. Who publishes it need not know who
listens: the log, whoever keeps what has become wrong by it.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

E = TypeVar("E")


class Events:
    """Hands each event to those who listen to its class, in the order in which they began to."""

    def __init__(self) -> None:
        self._listeners: dict[type, list[Callable[[Any], object]]] = defaultdict(list)

    def listen(self, to: type[E], listener: Callable[[E], object]) -> None:
        """Have `listener` called with each event of the class `to`, at once and in its turn."""
        self._listeners[to].append(listener)

    def publish(self, event: object) -> None:
        for listener in self._listeners.get(type(event), ()):
            listener(event)
