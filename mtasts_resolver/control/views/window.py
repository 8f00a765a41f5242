"""The part of a long list that fits on a page, found in one pass and in a page's memory."""

from bisect import insort
from typing import Generic, TypeVar

from mtasts_resolver.control.views.cursor import Place

T = TypeVar("T")


class Window(Generic[T]):
    """The first `size` of all that is offered and lies after a place, in order of their places."""

    def __init__(self, size: int, after: Place | None, *, descending: bool) -> None:
        self._size = size
        self._after = after
        self._descending = descending
        self._places: list[Place] = []
        self._items: dict[Place, T] = {}
        self.left_out = False
        """There are more, after those that are held."""

    def offer(self, place: Place, item: T) -> None:
        if self._after is not None and not self._follows(place, self._after):
            return
        if place in self._items:
            return  # it has moved while the list was passed through, and was met twice
        full = len(self._places) == self._size
        if full:
            self.left_out = True
            if self._follows(place, self._places[self._last]):
                return
        insort(self._places, place)
        self._items[place] = item
        if full:
            del self._items[self._places.pop(self._last)]

    def _follows(self, place: Place, other: Place) -> bool:
        return place < other if self._descending else place > other

    @property
    def _last(self) -> int:
        return 0 if self._descending else -1

    def items(self) -> list[T]:
        """Return those that are held, in order."""
        places = reversed(self._places) if self._descending else self._places
        return [self._items[place] for place in places]

    @property
    def end(self) -> Place | None:
        """Return where the next page begins; None where there is none."""
        return self._places[self._last] if self.left_out and self._places else None
